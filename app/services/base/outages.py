"""Recognises errors of an unavailable, locked or full database, and logs when an outage begins and ends.

Code that catches an error of the database asks `is_outage`. If it is one, pages and the API respond with 503 and loops
try again later; both call `report` instead of logging. Any other error is a bug.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# Seconds that a client should wait before it tries again (`Retry-After`).
RETRY_AFTER = 5
# Primary result codes: no permission, busy, locked, no memory, read-only, interrupted, I/O error, corrupt, full,
# cannot open, protocol, not a database.
SQLITE_CODES = frozenset({3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26})
# Classes and codes of SQLSTATE: connection, deadlock, resources, locks, operator intervention, system; a server that is
# read-only, a database without its tables.
SQLSTATE_CLASSES = frozenset({"08", "40", "53", "57", "58"})
SQLSTATES = frozenset({"55P03", "55006", "25006", "42P01", "3D000"})
# An outage has ended when nothing has failed for this long, and something has succeeded.
QUIET_SECONDS = 5.0
# Kinds of errors that are logged in one outage.
MAX_KINDS = 5
log = logging.getLogger(__name__)

# The pool logs a traceback for each connection that it loses.
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


def is_outage(error: BaseException | None) -> bool:
    """Whether an error means that the database cannot do its work now, and not that a statement is wrong."""
    if isinstance(error, PendingRollbackError):
        return error.code == "8s2b"  # The connection was lost earlier in this transaction.
    if not isinstance(error, DBAPIError):
        return isinstance(
            error, PoolTimeout | DisconnectionError
        )  # No connection is free, or none can be made.
    return error.connection_invalidated or _means_outage(error)


def _means_outage(error: DBAPIError) -> bool:
    if (code := getattr(error.orig, "sqlite_errorcode", None)) is not None:
        return code & 0xFF in SQLITE_CODES or "no such table" in str(error.orig)
    if state := getattr(error.orig, "sqlstate", None):
        return state[:2] in SQLSTATE_CLASSES or state in SQLSTATES
    return isinstance(error, OperationalError)  # There was no server to give it a code.


class _Outage:
    """The present outage of this process, if there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.is_present = False
        self._kinds: set[str] = set()
        self._count, self._began_at, self._failed_at = 0, 0.0, 0.0
        # Reading may work while writing does not: the disk is full, or another process holds the lock.
        self._needs_write = False

    def report(self, error: BaseException) -> None:
        cause = getattr(error, "orig", None) or error
        kind = type(cause).__name__
        statement = getattr(error, "statement", None) or ""
        with self._lock:
            self._failed_at = time.monotonic()
            if not self.is_present:
                self.is_present, self._began_at, self._count = True, self._failed_at, 0
                self._kinds, self._needs_write = set(), False
            self._count += 1
            self._needs_write |= bool(statement) and not statement.lstrip().upper().startswith("SELECT")
            is_new = kind not in self._kinds and len(self._kinds) < MAX_KINDS
            self._kinds.add(kind)
        if is_new:
            text = " ".join(str(cause).split())[:300]
            log.error("The database is unavailable: %s (%s). Repeated errors are not logged.", text, kind)

    def note_success(self, *, is_write: bool) -> None:
        with self._lock:
            if not self.is_present or (self._needs_write and not is_write):
                return
            if time.monotonic() - self._failed_at < QUIET_SECONDS:
                return
            self.is_present = False
            seconds, count = self._failed_at - self._began_at, self._count
        log.warning(
            "The database is available again. It was not for %.0f s; %d calls failed.", seconds, count
        )


_outage = _Outage()


def report(error: BaseException) -> None:
    """Note an outage: the first error of each kind is logged, and the end of the outage."""
    _outage.report(error)


@event.listens_for(Engine, "after_cursor_execute")
def _note_success(
    _connection: Connection,
    _cursor: Any,
    _statement: str,
    _parameters: Any,
    context: ExecutionContext | None,
    _many: bool,
) -> None:
    if _outage.is_present:
        is_write = context is not None and bool(context.isinsert or context.isupdate)
        _outage.note_success(is_write=is_write)
