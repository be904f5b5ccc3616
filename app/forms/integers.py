"""Integers in query strings and forms."""

from __future__ import annotations

from app.row_ids import MAX_ID


def parse_integer(text: str) -> int:
    """Parse an integer that fits a database id, for `args.get(name, type=parse_integer)`. Raises ValueError."""
    number = int(text)
    if not 0 <= number <= MAX_ID:
        raise ValueError(text)
    return number
