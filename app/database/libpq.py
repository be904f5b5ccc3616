"""Runs statements on PostgreSQL through libpq, which psycopg wraps: `psycopg.pq`.

A cursor of psycopg takes 60 to 90 µs from a statement to its row and lets the server describe the row each time. This
takes 20 µs, and half of the server's time (measured). psycopg still converts the values and makes the errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, NoReturn

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.pool import ConnectionPoolEntry, ManagesConnection, Pool

# Compiles statements with the parameters of libpq: `$1`.
NUMBERED: Dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
# Each takes some 100 KB of the server's memory, for each connection.
MAX_PREPARED = 100
# SQLSTATEs: invalid_sql_statement_name, feature_not_supported.
OUTDATED = frozenset({b"26000", b"0A000"})
# Rows that are sent one after the other: up to here, beginning a pipeline costs more than waiting does.
FEW_ROWS = 3
_KEY = "libpq"


class _Driver:
    """Kept with a pooled connection until it closes."""

    def __init__(self, connection: Any) -> None:
        self.pgconn: PGconn = connection.pgconn
        self.transformer = Transformer(connection)
        # The names of prepared statements. psycopg would forget its own with a ROLLBACK, but the server keeps them.
        self.prepared: dict[str, bytes] = {}
        self.numbers = count()


def borrow(pool: Pool) -> ConnectionPoolEntry:
    """Take a connection from the pool for one statement, which must not leave a transaction open.

    `Pool.connect` would watch over it until it is returned, call listeners, which only SQLite has, and roll back: 58
    Python calls instead of 26.

    Returns:
        the connection, an entry of the pool, for `give_back`.
    Raises:
        psycopg.Error: the database cannot be reached.
        sqlalchemy.exc.TimeoutError: too many connections are in use.
    """
    # Not public, but where each kind of pool says how it keeps its connections.
    entry = pool._do_get()  # noqa: SLF001
    try:
        # Connects again if this connection was lost, or another one since it was last used.
        entry.get_connection()  # type: ignore[attr-defined]
    except BaseException:
        give_back(pool, entry)
        raise
    return entry


def give_back(pool: Pool, entry: ConnectionPoolEntry) -> None:
    """Return a connection that was borrowed."""
    pool._do_return_conn(entry)  # noqa: SLF001


def run(
    connection: ManagesConnection, statement: str, values: Sequence[Any], *, is_prepared: bool
) -> Sequence[tuple[Any, ...]]:
    """Run a statement and return its rows.

    Args:
        is_prepared: let the server parse it once per connection.
    Raises:
        psycopg.Error: the statement failed, or the connection is lost.
    """
    driver: _Driver | None = connection.info.get(_KEY)
    if driver is None:
        driver = connection.info[_KEY] = _Driver(connection.driver_connection)
    # As text without a type, so that the server finds one plan for integers of every size.
    parameters: Any = driver.transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))
    if is_prepared:
        name = driver.prepared.get(statement) or _prepare(driver, statement)
        result = driver.pgconn.exec_prepared(name, parameters)
    else:
        result = driver.pgconn.exec_params(statement.encode(), parameters)
    if result.status == ExecStatus.COMMAND_OK:
        return []
    if result.status != ExecStatus.TUPLES_OK:
        # The server may have forgotten it, or may have to plan it again: a column that it returns was altered.
        if result.error_field(DiagnosticField.SQLSTATE) in OUTDATED:
            driver.prepared.pop(statement, None)
        _raise(driver.pgconn, result)
    driver.transformer.set_pgresult(result)
    return driver.transformer.load_rows(0, result.ntuples, tuple)


def run_many(connection: ManagesConnection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run a statement once per row of values, without its results. Raises as `run`."""
    if len(rows) <= FEW_ROWS:
        for row in rows:
            run(connection, statement, row, is_prepared=True)
        return
    # In a pipeline, so that no row waits for the one before it.
    raw: Any = connection.driver_connection
    with psycopg.RawCursor(raw) as cursor:
        cursor.executemany(statement, rows)


def begin(connection: psycopg.Connection[Any]) -> None:
    """Begin a transaction. Raises as `run`."""
    result = connection.pgconn.exec_(b"BEGIN")
    if result.status != ExecStatus.COMMAND_OK:
        _raise(connection.pgconn, result)


def _prepare(driver: _Driver, statement: str) -> bytes:
    name = b"bellhop_%d" % next(driver.numbers)
    result = driver.pgconn.prepare(name, statement.encode())
    if result.status != ExecStatus.COMMAND_OK:
        _raise(driver.pgconn, result)
    driver.prepared[statement] = name
    if len(driver.prepared) > MAX_PREPARED:
        oldest = driver.prepared.pop(next(iter(driver.prepared)))
        driver.pgconn.exec_(b"DEALLOCATE " + oldest)
    return name


def _raise(pgconn: PGconn, result: PGresult) -> NoReturn:
    if pgconn.status != ConnStatus.OK:
        raise psycopg.OperationalError(pgconn.get_error_message())
    raise psycopg.errors.error_from_result(result)
