"""Cleans every form field and query parameter, before anything reads them.

Invisible characters come along when text is copied from a page, an email or a document, and macOS takes accents apart.
Passwords stay as they were typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Flask
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.datastructures.structures import iter_multi_items

from app.rendering.invisible_characters import clean


class PastedValues(ImmutableMultiDict[str, str]):
    """Submitted values, each cleaned."""

    def __init__(self, values: Mapping[str, Any] | Iterable[tuple[str, str]] | None = None) -> None:
        pairs = iter_multi_items(values) if values else ()
        super().__init__([(name, _clean(name, value)) for name, value in pairs])

    def get(self, key: Any, default: Any = None, type: Any = None) -> Any:  # type: ignore[override]  # noqa: A002
        """Return the first value of a name; a list has ten names, most of which are missing."""
        if key not in self:  # The class itself raises an exception, and catches it.
            return default
        return super().get(key, default, type)


def register(app: Flask) -> None:
    """Use these values for forms and queries."""

    class CleanRequest(app.request_class):  # type: ignore[name-defined,misc]  # the class that APIFlask chose
        parameter_storage_class = PastedValues

    app.request_class = CleanRequest


def _clean(name: str, value: str) -> str:
    # NUL is invisible, too, and PostgreSQL cannot store it.
    return value if "password" in name else clean(value).replace("\0", "")
