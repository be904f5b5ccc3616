"""Found words in the rows of a list, marked where they stand."""

from __future__ import annotations

from functools import lru_cache

from flask import Flask
from markupsafe import Markup, escape

from app.rendering import highlights
from app.rendering.highlights import Wanted
from app.services.base.errors import Invalid
from app.services.notifications import search_query


def register(app: Flask) -> None:
    """Offer the filters to every template."""
    app.add_template_filter(highlight)
    app.add_template_filter(preview)


def highlight(text: str, search: str) -> Markup:
    """A text, escaped, with the words of a search in `<mark>`."""
    if not search:
        return escape(text)
    parts = highlights.parts(text, _wanted(search))
    return Markup("").join(
        Markup("<mark>{}</mark>").format(part) if is_found else part for part, is_found in parts
    )


def preview(text: str, search: str) -> Markup:
    """What a row shows of a message: its beginning, or the part in which a search found something."""
    return highlight(highlights.excerpt(text, _wanted(search)), search)


@lru_cache(maxsize=256)
def _wanted(search: str) -> tuple[Wanted, ...]:
    try:
        terms = search_query.parse(search, "UTC").terms
    except Invalid:
        return ()
    return tuple((term.words, term.is_exact) for term in terms if term.words and not term.is_not)
