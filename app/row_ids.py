"""URL converters: ids of rows, and text that both databases can compare."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import BaseConverter

# The largest id that the databases can store. No row has it.
MAX_ID = 2**63 - 1


class RowIdConverter(BaseConverter):
    """Converts a row's id in a URL."""

    regex = r"[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        """Return the id, limited to what the database can store, so that a larger one is a 404."""
        return min(int(value), MAX_ID)


class TextConverter(BaseConverter):
    """Converts any other part of a path. One with a NUL is a 404: no row contains it, and PostgreSQL rejects it."""

    regex = r"[^/\x00]+"
    part_isolating = True


def register(app: Flask) -> None:
    """Make `<row_id:name>` available to the rules of all blueprints, and `<name>` refuse NUL."""
    app.url_map.converters |= {"row_id": RowIdConverter, "default": TextConverter}
