"""PostgreSQL's time limits: a request that waits for a lock or a slow query gives up while its reader still waits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect, event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

LOCK_TIMEOUT, STATEMENT_TIMEOUT = "3s", "20s"
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
def _prepare_postgresql(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    if not type(connection).__module__.startswith("psycopg"):
        return
    cursor = connection.cursor()
    cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    cursor.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
    cursor.close()
    connection.commit()
