"""Highlights the matches of a search in the rows of a list."""

from __future__ import annotations

from functools import lru_cache

from flask import Flask
from markupsafe import Markup, escape

from app.rendering import highlights
from app.rendering.highlights import Wanted
from app.services.base.errors import Invalid
from app.services.notifications import search_query


def register(app: Flask) -> None:
    """Add the template filters."""
    app.add_template_filter(highlight)
    app.add_template_filter(preview)


def highlight(text: str, search: str) -> Markup:
    """Escape a text, with the matches of a search in `<mark>`."""
    if not search:
        return escape(text)
    parts = highlights.parts(text, _wanted(search))
    return Markup("").join(
        Markup("<mark>{}</mark>").format(part) if is_found else part for part, is_found in parts
    )


def preview(text: str, search: str) -> Markup:
    """Shorten a message for its row: to its beginning, or to the part that a search matches."""
    return highlight(highlights.excerpt(text, _wanted(search)), search)


def is_matched_by(text: str, search: str) -> bool:
    """Whether a text contains everything that a search asks for in words."""
    return all(any(found for _part, found in highlights.parts(text, [term])) for term in _wanted(search))


@lru_cache(maxsize=256)
def _wanted(search: str) -> tuple[Wanted, ...]:
    try:
        terms = search_query.parse(search, "UTC").terms
    except Invalid:
        return ()
    return tuple((term.words, term.is_exact) for term in terms if term.words and not term.is_not)
