"""Renders a part of a page once and keeps its HTML: `{{ part("shared/keys.html") }}` in place of an include.

A part sees nothing but its arguments. Its HTML depends on them, on the reader's language and time zone, and on the path
below which Bellhop is shown: it is kept under this key, so there is nothing to invalidate. What a part would take from
the session, the database or the clock, the page passes to it as an argument.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from flask import Flask, current_app, g, request
from markupsafe import Markup, escape

from app.csrf import form_token
from app.views.web.auth import visitor
from app.views.web.template_environment import texts

# A row of a list takes 2 to 3 KB, and most parts are rows.
MAX_PARTS = 4_000
# Placeholders for the CSRF token, which differs with every request, and for the id and title of a row, in parts that
# only print them. Random, so that no text of a person contains them.
TOKEN, ID, TITLE = (f"{name}-{secrets.token_hex(16)}" for name in ("csrf", "id", "title"))


class Reader(NamedTuple):
    """Of the reader, all that a part depends on."""

    locale: str
    time_zone: str
    prefix: str


def register(app: Flask) -> None:
    """Add the template globals."""

    @lru_cache(maxsize=MAX_PARTS)
    def render(template: str, _reader: Reader, *arguments: tuple[str, Any]) -> Markup:
        context = dict(arguments, csrf_token=lambda: TOKEN, **texts())
        return escape(app.jinja_env.get_template(template).make_module(context))

    app.extensions["parts"] = render
    app.add_template_global(part)
    app.add_template_global(parts)
    app.add_template_global(row_part)


def part(template: str, *, id: int | None = None, **arguments: Any) -> Markup:  # noqa: A002  # as in the template
    """Render a part of a page.

    Args:
        id: the id of the row, for parts that only print it: they are rendered once for all rows.
        arguments: the variables of the template; they must be hashable.
    """
    if id is not None:
        arguments["id"] = ID
    html: Markup = current_app.extensions["parts"](template, reader(), *arguments.items())
    if id is not None:
        html = html.replace(ID, str(id))
    return html.replace(TOKEN, form_token()) if TOKEN in html else html


def parts(template: str, name: str, values: Iterable[Any]) -> Markup:
    """Render a part for each of the values, which it gets under this name. It has no form."""
    render, who = current_app.extensions["parts"], reader()
    html = "".join([render(template, who, (name, value)) for value in values])
    return Markup(html)  # noqa: S704  # each of them is Markup, which its own join would escape again


def row_part(template: str, *, id: int, title: object, **arguments: Any) -> Markup:  # noqa: A002  # as in the template
    """Render a part of a row that only prints its id and title, once for all rows. It has no form.

    Args:
        arguments: as of `part`.
    """
    arguments |= {"id": ID, "title": TITLE}
    html: Markup = current_app.extensions["parts"](template, reader(), *arguments.items())
    return html.replace(ID, str(id)).replace(TITLE, escape(title))


def reader() -> Reader:
    """Return the reader of the request, found once: a page has a dozen parts."""
    found: Reader | None = g.get("reader")
    if found is None:
        # What Flask-Babel makes its locale and time zone of, which takes longer.
        who = visitor()
        locale, time_zone = getattr(who, "locale", ""), getattr(who, "time_zone", "")
        found = g.reader = Reader(locale, time_zone, request.script_root)
    return found
