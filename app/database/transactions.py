"""Begins transactions by one rule on both databases: reads run in autocommit, the first write opens one.

On SQLite, a deferred transaction that has read cannot wait for the write lock: it fails at once. On PostgreSQL, BEGIN
and ROLLBACK would be two of the three round trips of a read.
"""

from __future__ import annotations

import re
import sqlite3
import weakref
from typing import Any, NoReturn

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.orm import Session, SessionTransaction

from app.database import sqlite
from app.database.base import db

STATEMENTS = {"sqlite": sqlite.BEGIN, "postgresql": "BEGIN"}
# Of `psycopg.pq.TransactionStatus`, which is not loaded for SQLite.
IDLE = 0
# Of a session's `info`: its transaction, as a weak reference, and the connection.
_CONNECTION = "connection"
# A common table expression is only read if it is recursive.
_READS = ("SELECT", "PRAGMA", "EXPLAIN", "WITH RECURSIVE", "VACUUM")
_LOCKS_ROWS = re.compile(r"\bFOR (?:NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)\b")


def lock_for_writing() -> None:
    """Begin the transaction now, for a service that reads, decides and writes without a gap.

    On SQLite this takes the write lock. On PostgreSQL the service locks rows with FOR UPDATE. Prefer `writing.writing`,
    which also commits and rolls back.
    """
    begin_writing(connection_in_use() or db.session.connection())


def begin_writing(connection: Connection) -> None:
    """Begin a transaction on this connection unless one is open; see `lock_for_writing`."""
    if is_writing(connection):
        return
    driver: Any = connection.connection.dbapi_connection
    statement = STATEMENTS[connection.dialect.name]
    try:
        if isinstance(driver, sqlite.QueueingConnection):
            driver.begin()
        elif isinstance(driver, sqlite3.Connection):
            driver.execute(statement)
        else:
            from app.database import libpq  # psycopg is not loaded for SQLite.

            libpq.begin(driver)
    except connection.dialect.loaded_dbapi.Error as error:  # On SQLite: locked for too long.
        raise_as_sqlalchemy(connection, error, statement, None)


def connection_in_use() -> Connection | None:
    """Return the connection that the session works on; None if it has none now, so nothing is open.

    The session itself would take one from the pool to answer.
    """
    sessions = db.session.registry
    if not sessions.registry:  # No request has one, as when all of them read from the pool.
        return None
    # One lookup: `has` and a call would each determine the current context.
    session: Session | None = sessions.registry.get(sessions.scopefunc())
    if session is None:
        return None
    if session.bind is not None:
        return session.connection()
    transaction, noted = session.get_transaction(), session.info.get(_CONNECTION)
    if transaction is None or noted is None or noted[0]() is not transaction:
        return None
    connection: Connection = noted[1]
    return connection


@event.listens_for(Session, "after_begin")
def _note_connection(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if not transaction.nested:
        session.info[_CONNECTION] = weakref.ref(transaction), connection


def is_writing(connection: Connection) -> bool:
    """Whether a transaction is open on this connection: it has written, or is about to."""
    driver: Any = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection):
        return driver.in_transaction
    return bool(driver.pgconn.transaction_status != IDLE)


def raise_as_sqlalchemy(connection: Connection, error: Exception, statement: str, values: Any) -> NoReturn:
    """Raise the driver's error as SQLAlchemy does; of a lost connection, its pool is told."""
    # Not public, but the only way to tell the pool: without it each of its connections would fail once.
    connection._handle_dbapi_exception(error, statement, values, None, None)  # noqa: SLF001


def begins_transaction(statement: str) -> bool:
    """Whether a statement writes or locks rows."""
    is_read = statement.lstrip()[:14].upper().startswith(_READS)
    return not is_read or _LOCKS_ROWS.search(statement) is not None


@event.listens_for(Engine, "before_cursor_execute")
def _begin_before_first_write(
    conn: Connection,
    _cursor: Any,
    statement: str,
    _parameters: Any,
    _context: ExecutionContext | None,
    _many: bool,
) -> None:
    if begins_transaction(statement):
        begin_writing(conn)
