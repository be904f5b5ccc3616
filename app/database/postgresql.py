"""PostgreSQL's connection settings, and errors without the values of rows.

Time limits: a request that waits for a lock or a slow query fails before its reader gives up. Transactions begin with
the first write; see `transactions`.
"""

from __future__ import annotations

import sys
from typing import Any

from sqlalchemy import Dialect, event
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.pool import ConnectionPoolEntry

LOCK_TIMEOUT, STATEMENT_TIMEOUT = "3s", "20s"
# A process that is paused or cut off in a transaction keeps its locks for this long at most: less than the lease of its
# claims, which the sweep gives back when it ends.
IDLE_TIMEOUT = "20s"
# For psycopg. A host that disappears without closing its connections is noticed too.
CONNECT_ARGS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


@event.listens_for(Engine, "do_connect")
def _add_defaults(
    dialect: Dialect, _record: ConnectionPoolEntry, _arguments: Any, parameters: dict[str, Any]
) -> None:
    """Add the settings that DATABASE_URL does not name itself."""
    if dialect.name == "postgresql":
        for name, value in CONNECT_ARGS.items():
            parameters.setdefault(name, value)


@event.listens_for(Engine, "connect")
def _prepare_postgresql(connection: Any, _record: ConnectionPoolEntry) -> None:
    if not type(connection).__module__.startswith("psycopg"):
        return
    connection.autocommit = True
    # Only compiled statements are prepared, which ask for it: the plans of all others depend on their values.
    connection.prepare_threshold = sys.maxsize
    # psycopg also prepares what runs for many rows. With the next ROLLBACK it would deallocate all prepared statements,
    # those of `libpq` included.
    connection._prepared.clear = lambda: False  # noqa: SLF001
    cursor = connection.cursor()
    # So that psycopg returns instants in UTC, as `UTCDateTime` promises.
    cursor.execute("SET timezone = 'UTC'")
    cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    cursor.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
    cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_TIMEOUT}'")
    cursor.close()


def leave_out_values(error: BaseException) -> None:
    """Reduce a driver's error to its message: the details quote rows, which must not reach a log."""
    if message := getattr(getattr(error, "diag", None), "message_primary", None):
        error.args = (message,)


@event.listens_for(Engine, "handle_error")
def _leave_out_values(context: ExceptionContext) -> None:
    original, wrapped = context.original_exception, context.sqlalchemy_exception
    details = str(original)
    leave_out_values(original)
    if wrapped is not None and wrapped.args:
        wrapped.args = (str(wrapped.args[0]).replace(details, str(original)), *wrapped.args[1:])
