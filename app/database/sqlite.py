"""SQLite's connection settings, and when its transactions begin."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection, ExecutionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from app.database.base import db


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # The driver's own BEGIN comes too late and too weak; see below.
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # 80 MB: moving pages from the log into the file costs whoever does it as much as what they wrote; do it seldom.
    connection.execute("PRAGMA wal_autocheckpoint = 20000")


BEGIN = "BEGIN IMMEDIATE"


@event.listens_for(Engine, "before_cursor_execute")
def _begin_before_first_write(
    conn: Connection,
    _cursor: Any,
    statement: str,
    _parameters: Any,
    context: ExecutionContext | None,
    _many: bool,
) -> None:
    """SQLite: reads run in autocommit, the first write opens an immediate transaction.

    A deferred transaction that read first cannot wait for the lock when it comes to write; it fails at once.
    """
    driver = conn.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection) or driver.in_transaction:
        return
    writes = context is not None and (context.isinsert or context.isupdate or context.isdelete)
    if writes or statement.lstrip()[:6].upper() not in {"SELECT", "PRAGMA", "EXPLAI", "WITH R", "VACUUM"}:
        begin_writing(conn)


def lock_for_writing() -> None:
    """Take SQLite's write lock now, for a service that must read, decide and write without a gap.

    PostgreSQL needs nothing: there the rows that matter are read with FOR UPDATE.
    """
    begin_writing(db.session.connection())


def begin_writing(connection: Connection) -> None:
    """The same for a connection that is at hand."""
    driver = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection) and not driver.in_transaction:
        try:
            driver.execute(BEGIN)
        except sqlite3.OperationalError as error:  # Locked for too long.
            raise OperationalError(BEGIN, None, error) from error
