"""Statements that every event runs, compiled once a database and handed to its driver.

SQLAlchemy takes 40 to 80 µs from a statement to its rows, the driver 5, and an event runs nine of them: this halves
what an event costs (`bin/bench create`). Types are converted as SQLAlchemy does it; transactions, pools and errors stay
its own. What does not run with every event is better off with `db.session`.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

from app.database.base import db
from app.database.sqlite import begin_writing


class CompiledStatement:
    """A Core statement. What it is given goes by name, and nothing has a default: an INSERT's rows are complete.

    Args:
        statement: without lists of unknown length (`in_`).
        columns: of an INSERT: those that every row names.
    """

    def __init__(self, statement: Any, columns: Iterable[str] | None = None) -> None:
        self._statement = statement
        self._columns = list(columns) if columns is not None else None
        self._compiled: dict[str, _DialectStatement] = {}

    def rows(self, **values: Any) -> list[Any]:
        """Run it in the session's transaction; answers its rows, each with its columns as attributes."""
        connection, compiled = self._ready()
        return compiled.run(connection, compiled.bound(values))

    def many(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once for each of these, in the session's transaction; for what answers no rows."""
        connection, compiled = self._ready()
        compiled.run(connection, [compiled.bound(row) for row in rows], is_many=True)

    def _ready(self) -> tuple[Connection, _DialectStatement]:
        connection = db.session.connection()
        if self._statement.is_dml:
            begin_writing(connection)
        name = connection.dialect.name
        if name not in self._compiled:
            self._compiled[name] = _DialectStatement(self._statement, self._columns, connection.dialect)
        return connection, self._compiled[name]


class _DialectStatement:
    """The statement as one database's driver takes it, and how values go in and come out."""

    def __init__(self, statement: Any, columns: list[str] | None, dialect: Dialect) -> None:
        compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=columns)
        self._sql, self._dialect = compiled.string, dialect
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        # What the statement itself holds.
        self._fixed = {
            name: bind.value for name, bind in binds.items() if not bind.required and bind.value is not None
        }
        self._into = [
            (name, binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or binds
        ]
        answered = statement.exported_columns
        converters = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in answered
        ]
        self._out = [(place, convert) for place, convert in enumerate(converters) if convert]
        # Its fields are known only here.
        self._row: Any = namedtuple("Row", answered.keys()) if answered.keys() else None

    def bound(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them: by place, or by name."""
        given = {**self._fixed, **values}
        if self._dialect.positional:
            return [convert(given[name]) if convert else given[name] for name, convert in self._into]
        return {name: convert(given[name]) if convert else given[name] for name, convert in self._into}

    def run(self, connection: Connection, values: Any, *, is_many: bool = False) -> list[Any]:
        """Run it on the driver's own cursor. Raises what SQLAlchemy would."""
        cursor = connection.connection.cursor()
        try:
            (cursor.executemany if is_many else cursor.execute)(self._sql, values)
            found = cursor.fetchall() if self._row else []
        except self._dialect.loaded_dbapi.Error as error:
            base = self._dialect.loaded_dbapi.Error
            raise DBAPIError.instance(self._sql, values, error, base, dialect=self._dialect) from error
        finally:
            cursor.close()
        return [self._read(row) for row in found]

    def _read(self, values: Sequence[Any]) -> Any:
        if self._out:
            values = list(values)
            for place, convert in self._out:
                values[place] = convert(values[place])
        return self._row._make(values)
