"""Statements that are compiled once per database and run directly on its driver.

SQLAlchemy takes 40 to 80 µs from a statement to its rows, the driver 5. Publishing an event runs six statements
(PostgreSQL: four), so this more than halves its cost (`bin/bench create`). Only statements that run for every event,
most calls, every digest email or every batch of emails use it. Everything else uses `db.session`.

Types are converted as SQLAlchemy does it, and transactions, pools and errors are SQLAlchemy's own. While the session
has no connection, a read borrows one from the pool and returns it at once: the session would take 70 µs more.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Dialect,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import ManagesConnection, Pool, PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler

from app.database.base import db
from app.database.transactions import (
    begin_writing,
    begins_transaction,
    connection_in_use,
    raise_as_sqlalchemy,
)

# Up to this many rows, looking for shared values costs more than it saves.
_FEW = 3
# The row of an INSERT.
_VALUES = re.compile(r"(?<= VALUES )(\([?, ]*\))")


class CompiledStatement:
    """A Core statement with named parameters. Column defaults are not applied: inserted rows must be complete.

    Args:
        statement: the statement, or a function that builds it for the current database. It may not contain lists of
            unknown length (`in_`).
        columns: for an INSERT: the columns that every row names.
        is_prepared: let PostgreSQL parse and plan it once per connection; not if its plan depends on the values.
    """

    def __init__(
        self,
        statement: Any | Callable[[], Any],
        columns: Iterable[str] | None = None,
        *,
        is_prepared: bool = True,
    ) -> None:
        self._statement, self._is_prepared = statement, is_prepared
        self._columns = list(columns) if columns is not None else None
        self._compiled: dict[str, _DialectStatement] = {}

    def fetch(self, **values: Any) -> list[Any]:
        """Run the statement and return its rows, with columns as attributes; a write, in the session's transaction."""
        connection = connection_in_use()
        if connection is None:
            engine = db.engine
            compiled = self._compile(engine.dialect)
            if not compiled.is_write:
                return self._fetch_from_pool(engine, compiled, values)
            connection = db.session.connection()
        return self._run(connection, values)

    def fetch_alone(self, **values: Any) -> list[Any]:
        """Run a write that is a transaction of its own, and return its rows. Only PostgreSQL commits such a statement.

        BEGIN and COMMIT would be two more round trips. In a transaction that is open it is a part of that one.
        """
        connection = connection_in_use()
        if connection is None:
            return self._fetch_from_pool(db.engine, self._compile(db.engine.dialect), values)
        return self._run(connection, values, begins=False)

    def execute_many(self, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Run the statement once per row of values in the session's transaction.

        There must be at least one row. The statement must not return rows, except an INSERT on SQLite, whose rows may
        then hold 32,766 values in all.
        """
        connection, is_many = connection_in_use() or db.session.connection(), len(rows) > 1
        return self._run(connection, rows if is_many else rows[0], is_many=is_many)

    def _fetch_from_pool(
        self, engine: Engine, compiled: _DialectStatement, values: Mapping[str, Any]
    ) -> list[Any]:
        bound = compiled.bind(values)
        try:
            return compiled.run_alone(engine.pool, bound)
        except compiled.error as error:
            # The pool hands out the connection used last, so this is usually the lost one, and SQLAlchemy replaces it.
            # If the database is away, connecting fails, too, but with SQLAlchemy's error, by which outages are known.
            with engine.connect() as connection:
                raise_as_sqlalchemy(connection, error, compiled.sql, bound)

    def _run(
        self, connection: Connection, values: Any, *, is_many: bool = False, begins: bool = True
    ) -> list[Any]:
        compiled = self._compile(connection.dialect)
        if compiled.is_write and begins:
            begin_writing(connection)
        bound = compiled.bind_many(values) if is_many else compiled.bind(values)
        try:
            return compiled.run(connection.connection, bound, is_many=is_many)
        except compiled.error as error:
            raise_as_sqlalchemy(connection, error, compiled.sql, bound)

    def _compile(self, dialect: Dialect) -> _DialectStatement:
        name = dialect.name
        if name not in self._compiled:
            statement = self._statement() if callable(self._statement) else self._statement
            self._compiled[name] = _DialectStatement(
                statement, self._columns, dialect, is_prepared=self._is_prepared
            )
        return self._compiled[name]


def is_among(ids: ColumnElement[int], name: str) -> ColumnElement[bool]:
    """Build the condition that an id is in a list that is passed as one parameter, so its length does not matter.

    It depends on the current database: call it in a function that is passed to `CompiledStatement`.

    Args:
        name: the name of the parameter.
    """
    if db.engine.dialect.name == "postgresql":
        return ids == func.any(bindparam(name, type_=ARRAY(BigInteger)))
    return ids.in_(select(column("value")).select_from(func.json_each(bindparam(name, type_=JSON()))))


class _DialectStatement:
    """A statement compiled for one database, and the conversions of its parameters and results."""

    def __init__(
        self, statement: Any, columns: list[str] | None, dialect: Dialect, *, is_prepared: bool
    ) -> None:
        self._run: Callable[..., Sequence[Any]] = _run_on_cursor
        self._run_many: Callable[..., None] = _run_many_on_cursor
        self._borrow: Callable[[Pool], ManagesConnection] = Pool.connect
        self._give_back: Callable[[Pool, Any], None] = _close
        written_for = dialect
        if dialect.name == "postgresql":
            from app.database import libpq  # psycopg is not loaded for SQLite.

            self._run, self._run_many = partial(libpq.run, is_prepared=is_prepared), libpq.run_many
            self._borrow, self._give_back = libpq.borrow, libpq.give_back
            written_for = libpq.NUMBERED
        compiled: SQLCompiler = statement.compile(dialect=written_for, column_keys=columns)
        self.sql = compiled.string
        self.is_write, self.error = begins_transaction(self.sql), dialect.loaded_dbapi.Error
        parameters = {name: parameter for parameter, name in compiled.bind_names.items()}
        # Values written into the statement itself, as in `where(state == "pending")`.
        self._constants = {
            name: parameter.value
            for name, parameter in parameters.items()
            if not parameter.required and parameter.value is not None
        }
        self._converters = [
            (name, parameters[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or ()
        ]
        columns_returned = statement.exported_columns
        result_converters = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns_returned
        ]
        self._result_converters = [
            (position, convert) for position, convert in enumerate(result_converters) if convert
        ]
        self._row: Any = namedtuple("Row", columns_returned.keys()) if columns_returned.keys() else None

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """Convert values to what the driver takes, by position."""
        given = {**self._constants, **values}
        return [convert(given[name]) if convert else given[name] for name, convert in self._converters]

    def bind_many(self, rows: Sequence[Mapping[str, Any]]) -> list[Sequence[Any]]:
        """Do the same for each row. Many rows that belong together share most values: each is converted once."""
        if len(rows) <= _FEW:
            return [self.bind(row) for row in rows]
        columns = []
        for name, convert in self._converters:
            values = [row[name] if name in row else self._constants[name] for row in rows]
            if convert:
                distinct = {id(value): value for value in values}
                converted = {key: convert(value) for key, value in distinct.items()}
                values = [converted[id(value)] for value in values]
            columns.append(values)
        return list(zip(*columns, strict=True))

    def run(self, driver: ManagesConnection, values: Any, *, is_many: bool = False) -> list[Any]:
        """Run the statement on the driver. Raises its errors."""
        if not is_many:
            rows = self._run(driver, self.sql, values)
        elif self._row:
            rows = self._run(driver, _repeat_values(self.sql, len(values)), list(chain(*values)))
        else:
            self._run_many(driver, self.sql, values)
            return []
        # SQLAlchemy lets an INSERT on PostgreSQL return the key even if no one asks for it.
        return [self._convert(row) for row in rows] if self._row else []

    def run_alone(self, pool: Pool, values: Sequence[Any]) -> list[Any]:
        """Run the statement on a connection that is returned at once. Raises the errors of the driver."""
        driver = self._borrow(pool)
        try:
            return self.run(driver, values)
        finally:
            self._give_back(pool, driver)

    def _convert(self, values: Sequence[Any]) -> Any:
        if self._result_converters:
            values = list(values)
            for position, convert in self._result_converters:
                values[position] = convert(values[position])
        return self._row._make(values)


def _repeat_values(statement: str, count: int) -> str:
    """Let an INSERT add several rows: `VALUES (?, ?), (?, ?)`."""
    head, values, rest = _VALUES.split(statement, maxsplit=1)
    return f"{head}{', '.join([values] * count)}{rest}"


def _close(_pool: Pool, driver: PoolProxiedConnection) -> None:
    driver.close()


def _run_on_cursor(driver: PoolProxiedConnection, statement: str, values: Sequence[Any]) -> Sequence[Any]:
    cursor: Any = driver.cursor()
    try:
        cursor.execute(statement, values)
        found: Sequence[Any] = cursor.fetchall()
    finally:
        cursor.close()
    return found


def _run_many_on_cursor(driver: PoolProxiedConnection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    cursor: Any = driver.cursor()
    try:
        cursor.executemany(statement, rows)
    finally:
        cursor.close()
