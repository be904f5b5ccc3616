"""SQLite's connection settings, and the queue of its writers."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from typing import Any

from sqlalchemy import Dialect, event
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 5.0
BEGIN = "BEGIN IMMEDIATE"
# The threads of this process queue here for the write lock. SQLite itself polls for it, so under load some
# threads would never get it.
_writers: dict[str, threading.Lock] = {}


class QueueingConnection(sqlite3.Connection):
    """A connection that holds its turn in the queue of writers until its transaction ends."""

    # Also for a connection that could not be opened, when it is thrown away.
    _has_turn = False
    # The file that was opened.
    file: tuple[int, int] | None = None

    def __init__(self, database: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(database, *args, **kwargs)
        self.path = database
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


def _write_hint(_compiler: SQLiteCompiler, _table: Any, text: str) -> str:
    """Write the hint of a table (`INDEXED BY …`), which SQLAlchemy does for other databases only."""
    return text


SQLiteCompiler.get_from_hint_text = _write_hint  # type: ignore[method-assign, assignment]


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
    connection.isolation_level = None  # The driver's own BEGIN is deferred; see `transactions`.
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # 80 MB. A checkpoint costs its writer as much as the writes themselves, so it should be rare.
    connection.execute("PRAGMA wal_autocheckpoint = 20000")
    if isinstance(connection, QueueingConnection):
        connection.file = identify(connection.path)


@event.listens_for(Engine, "checkout")
def _drop_if_file_was_replaced(
    connection: DBAPIConnection, _record: ConnectionPoolEntry, _fairy: Any
) -> None:
    """Open the file again if it was moved, removed or restored: what this connection wrote would be lost."""
    if isinstance(connection, QueueingConnection) and connection.file != identify(connection.path):
        raise DisconnectionError("the database file was replaced")


def identify(path: str) -> tuple[int, int] | None:
    """Tell the file at a path from one that is put in its place; None if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116  # For every transaction, and half the time of Path.
    except OSError:
        return None
    return status.st_dev, status.st_ino
