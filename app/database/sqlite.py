"""SQLite's connection settings, and the start of its transactions."""

from __future__ import annotations

import sqlite3
import threading
import time
from typing import Any

from sqlalchemy import Dialect, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection, ExecutionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from app.database.base import db

BUSY_SECONDS = 5.0
# The threads of this process queue here for the write lock. SQLite itself polls for it, so under load some
# threads would never get it.
_writers: dict[str, threading.Lock] = {}


class QueueingConnection(sqlite3.Connection):
    """A connection that holds its place in the queue of writers until its transaction ends."""

    # Also for a connection that could not be opened, when it is thrown away.
    _has_turn = False

    def __init__(self, database: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(database, *args, **kwargs)
        self._turn = _writers.setdefault(database, threading.Lock())

    def begin(self) -> None:
        """Begin to write when it is this connection's turn. Raises sqlite3.OperationalError: locked for too long."""
        asked_at = time.monotonic()
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise sqlite3.OperationalError("database is locked")
        self._has_turn = True
        waited = time.monotonic() - asked_at
        try:
            # Waiting for the turn and for other processes is one wait.
            if waited > 0.1:
                self._set_busy_timeout(max(BUSY_SECONDS - waited, 0.1))
            self.execute(BEGIN)
        except BaseException:
            self._leave()
            raise
        finally:
            if waited > 0.1:
                self._set_busy_timeout(BUSY_SECONDS)

    def _set_busy_timeout(self, seconds: float) -> None:
        self.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")

    def commit(self) -> None:
        try:
            super().commit()
        finally:
            if not self.in_transaction:
                self._leave()

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self._leave()

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._leave()

    def __del__(self) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turn.release()


@event.listens_for(Engine, "do_connect")
def _queue_writers(
    dialect: Dialect, _record: ConnectionPoolEntry, _arguments: Any, parameters: dict[str, Any]
) -> None:
    if dialect.name == "sqlite":
        parameters.setdefault("factory", QueueingConnection)


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # The driver's own BEGIN is deferred; see below.
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # 80 MB. A checkpoint costs its writer as much as the writes themselves, so it should be rare.
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
    """Open an immediate transaction before the first write on SQLite; reads run in autocommit.

    A deferred transaction that has read cannot wait for the write lock: it fails at once.
    """
    driver = conn.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection) or driver.in_transaction:
        return
    is_write = context is not None and (context.isinsert or context.isupdate or context.isdelete)
    if is_write or statement.lstrip()[:6].upper() not in {"SELECT", "PRAGMA", "EXPLAI", "WITH R", "VACUUM"}:
        begin_writing(conn)


def lock_for_writing() -> None:
    """Take SQLite's write lock now, for a service that reads, decides and writes without a gap.

    Does nothing on PostgreSQL, where the service locks rows with FOR UPDATE. Prefer `writing.writing`, which also
    commits and rolls back.
    """
    begin_writing(db.session.connection())


def begin_writing(connection: Connection) -> None:
    """Take the write lock on this connection; see `lock_for_writing`."""
    driver = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection) and not driver.in_transaction:
        try:
            driver.begin() if isinstance(driver, QueueingConnection) else driver.execute(BEGIN)
        except sqlite3.OperationalError as error:  # Locked for too long.
            raise OperationalError(BEGIN, None, error) from error
