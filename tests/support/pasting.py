"""What people paste into fields, and whether what was kept of it is canonical."""

# ruff: noqa: RUF001
from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from app.database.base import Base, db
from app.rendering.invisible_characters import clean

UNSEEN = "\u200b\u00ad\ufeff\u202e\u2066\u2060\ufe0f\u200d\U000e0041"
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def same(value: str, padding: str = "\u00a0\u3000 ") -> str:
    """Return a spelling that means the same as the value: taken apart, with unseen marks, between spaces."""
    apart = unicodedata.normalize("NFD", value)
    return f"{padding}{UNSEEN}{apart[:1]}{UNSEEN}{apart[1:]}{UNSEEN}{padding}"


def others(value: str) -> list[str]:
    """Return texts that a field may keep or refuse."""
    return [
        value.translate(_FULL_WIDTH),
        (
            "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 𝔸 "
            "Zoe\u0308 می\u200cخواهم क\u094d\u200dष \u202emoc.live\u202c"
        ),
        f"{value}\r\n{value}\u2028{value}\u0085",
        "x" * 10_000,
    ]


# No database stores these.
BROKEN = ["a\0b", "a\ud83db"]


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from (name, *texts_in(inner))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner)


def unclean_texts() -> list[tuple[str, str, str]]:
    """Return what the database holds that is not canonical: table, column and text."""
    db.session.rollback()
    return [
        (table.name, column.name, text)
        for table in Base.metadata.sorted_tables
        for row in db.session.execute(select(table))
        for column, value in zip(table.columns, row, strict=True)
        for text in texts_in(value)
        if clean(text) != text or "\0" in text
    ]
