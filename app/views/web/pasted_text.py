"""Drops invisible characters from every form field and query parameter, before anything reads them.

They come along when text is copied from a page, an email or a document. Passwords stay as they were typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Flask
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.datastructures.structures import iter_multi_items

from app.rendering.invisible_characters import strip_invisible


class PastedValues(ImmutableMultiDict[str, str]):
    """Submitted values without invisible characters."""

    def __init__(self, values: Mapping[str, Any] | Iterable[tuple[str, str]] | None = None) -> None:
        pairs = iter_multi_items(values) if values else ()
        super().__init__([(name, _clean(name, value)) for name, value in pairs])


def register(app: Flask) -> None:
    """Use these values for forms and queries."""
    app.request_class = type("Request", (app.request_class,), {"parameter_storage_class": PastedValues})


def _clean(name: str, value: str) -> str:
    return value if "password" in name else strip_invisible(value)
