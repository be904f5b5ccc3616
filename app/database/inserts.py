"""Inserts any number of rows with one statement, which is compiled once.

PostgreSQL gets the rows as one parameter, as JSON: if each value is a parameter, psycopg parses 13,000 of them for 500
notifications, and the statement takes 140 ms of CPU instead of 8 (measured). SQLite gets the values: single statements
would each write the full-text index.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import JSON, Insert, Text, bindparam, cast, column, func, insert, select

from app.database.base import db, in_utc
from app.database.compiled import CompiledStatement


class CompiledInsert:
    """An INSERT of plain values.

    Args:
        statement: may return columns.
        columns: those that every row names.
    """

    def __init__(self, statement: Insert, columns: Iterable[str]) -> None:
        self._statement, self._columns = statement, sorted(columns)
        self._of_values = CompiledStatement(statement, self._columns)

    def run(self, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Insert rows in the session's transaction, and return the columns of all of them, in no order.

        If there are any, SQLite takes at most 32,766 values.
        """
        if len(rows) == 1:
            return self._of_values.fetch(**rows[0])
        if db.engine.dialect.name == "postgresql":
            return self._of_json.fetch(rows=_as_json(rows))
        return self._of_values.execute_many(rows)

    @cached_property
    def _of_json(self) -> CompiledStatement:
        table, returned = self._statement.table, self._statement.exported_columns
        typed = [column(name, table.c[name].type) for name in self._columns]
        rows = func.json_to_recordset(cast(bindparam("rows", type_=Text()), JSON)).table_valued(*typed)
        query: Any = select(rows.render_derived(with_types=True))
        return CompiledStatement(insert(table).from_select(self._columns, query).returning(*returned))


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as JSON. None becomes NULL, also in a column of JSON. Raises ValueError: an instant without zone."""
    return json.dumps(rows, default=_as_text)


def _as_text(value: datetime) -> str:
    return in_utc(value).isoformat()
