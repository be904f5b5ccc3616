"""The SQL statements that are executed, those of `app/database/compiled.py` included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from sqlalchemy import event

from app.database import compiled
from app.database.base import db


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Yield a list to which the text of each statement is added."""
    seen: list[str] = []
    run = compiled._DialectStatement.run

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    def note_compiled(self: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(self.sql)
        return run(self, *arguments, **options)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with mock.patch.object(compiled._DialectStatement, "run", note_compiled):
            yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
