"""Statements that are compiled once per database and run directly on its driver.

SQLAlchemy takes 40 to 80 µs from a statement to its rows, the driver 5. Publishing an event runs nine statements, so
this more than halves its cost (`bin/bench create`). Only statements that run for every event may use it: inserting the
event, its notifications and deliveries, finding recipients, their template, required channels and suppressed addresses,
and raising an inbox version. Everything else uses `db.session`.

Types are converted as SQLAlchemy does it, and transactions, pools and errors are SQLAlchemy's own.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

from app.database.base import db
from app.database.sqlite import begin_writing


class CompiledStatement:
    """A Core statement with named parameters. Column defaults are not applied: inserted rows must be complete.

    Args:
        statement: the statement, or a function that builds it for the current database. It may not contain lists of
            unknown length (`in_`).
        columns: for an INSERT: the columns that every row names.
    """

    def __init__(self, statement: Any | Callable[[], Any], columns: Iterable[str] | None = None) -> None:
        self._statement = statement
        self._columns = list(columns) if columns is not None else None
        self._compiled: dict[str, _DialectStatement] = {}

    def fetch(self, **values: Any) -> list[Any]:
        """Run the statement in the session's transaction and return its rows, with columns as attributes."""
        connection, compiled = self._prepare()
        return compiled.run(connection, compiled.bind(values))

    def execute_many(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run the statement once per row of values in the session's transaction; it must not return rows."""
        connection, compiled = self._prepare()
        compiled.run(connection, [compiled.bind(row) for row in rows], is_many=True)

    def _prepare(self) -> tuple[Connection, _DialectStatement]:
        connection = db.session.connection()
        name = connection.dialect.name
        if name not in self._compiled:
            statement = self._statement() if callable(self._statement) else self._statement
            self._compiled[name] = _DialectStatement(statement, self._columns, connection.dialect)
        compiled = self._compiled[name]
        if compiled.is_write:
            begin_writing(connection)
        return connection, compiled


class _DialectStatement:
    """A statement compiled for one database, and the conversions of its parameters and results."""

    def __init__(self, statement: Any, columns: list[str] | None, dialect: Dialect) -> None:
        self.is_write = bool(statement.is_dml)
        compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=columns)
        self._sql, self._dialect = compiled.string, dialect
        parameters = {name: parameter for parameter, name in compiled.bind_names.items()}
        # Values written into the statement itself, as in `where(state == "pending")`.
        self._constants = {
            name: parameter.value
            for name, parameter in parameters.items()
            if not parameter.required and parameter.value is not None
        }
        self._converters = [
            (name, parameters[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or parameters
        ]
        columns_returned = statement.exported_columns
        result_converters = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns_returned
        ]
        self._result_converters = [
            (position, convert) for position, convert in enumerate(result_converters) if convert
        ]
        self._row: Any = namedtuple("Row", columns_returned.keys()) if columns_returned.keys() else None

    def bind(self, values: Mapping[str, Any]) -> Any:
        """Convert values to what the driver takes: a list by position, or a dict by name."""
        given = {**self._constants, **values}
        if self._dialect.positional:
            return [convert(given[name]) if convert else given[name] for name, convert in self._converters]
        return {name: convert(given[name]) if convert else given[name] for name, convert in self._converters}

    def run(self, connection: Connection, values: Any, *, is_many: bool = False) -> list[Any]:
        """Run the statement on the driver's own cursor. Raises the same errors as SQLAlchemy."""
        cursor = connection.connection.cursor()
        try:
            if is_many:
                cursor.executemany(self._sql, values)
            else:
                cursor.execute(self._sql, values)
            rows = cursor.fetchall() if self._row else []
        except self._dialect.loaded_dbapi.Error as error:
            base = self._dialect.loaded_dbapi.Error
            raise DBAPIError.instance(self._sql, values, error, base, dialect=self._dialect) from error
        finally:
            cursor.close()
        return [self._convert(row) for row in rows]

    def _convert(self, values: Sequence[Any]) -> Any:
        if self._result_converters:
            values = list(values)
            for position, convert in self._result_converters:
                values[position] = convert(values[position])
        return self._row._make(values)
