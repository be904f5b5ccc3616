"""Renders a part of a page once and keeps its HTML: `{{ part("shared/keys.html") }}` in place of an include.

A part sees nothing but its arguments. Its HTML depends on them, on the reader's language and time zone, and on the path
below which Bellhop is shown: it is kept under this key, so there is nothing to invalidate. What a part would take from
the session, the database or the clock, the page passes to it as an argument.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from flask import Flask, current_app, g, request
from markupsafe import Markup, escape

from app.csrf import form_token
from app.views.web.auth import visitor
from app.views.web.template_environment import texts

# A row of a list takes 2 to 3 KB, and most parts are rows.
MAX_PARTS = 4_000
# Of what a part only prints, it gets placeholders. Random, so that no text of a person contains them.
_RANDOM = secrets.token_hex(16)
_PLACEHOLDER = re.compile(rf"{_RANDOM}\.(\w+)\.")
_CSRF = "csrf_token"


class Reader(NamedTuple):
    """Of the reader, all that a part depends on."""

    locale: str
    time_zone: str
    prefix: str


class Rendered(NamedTuple):
    """The HTML of a part, cut at its placeholders; the names of these."""

    pieces: tuple[str, ...]
    names: tuple[str, ...]

    def fill(self, values: Mapping[str, str]) -> Markup:
        """Return the HTML with these values, which are escaped, in place of the placeholders."""
        pieces = [*self.pieces]
        pieces[1::2] = [values[name] for name in self.names]
        return Markup("".join(pieces))  # noqa: S704  # by a template


def register(app: Flask) -> None:
    """Add the template globals."""

    @lru_cache(maxsize=MAX_PARTS)
    def render(
        template: str, _reader: Reader, printed: tuple[str, ...], *arguments: tuple[str, Any]
    ) -> Rendered:
        context = dict(arguments, csrf_token=lambda: _placeholder(_CSRF), **texts())
        context.update((name, _placeholder(name)) for name in printed)
        pieces = _PLACEHOLDER.split(str(app.jinja_env.get_template(template).make_module(context)))
        return Rendered(tuple(pieces), tuple(pieces[1::2]))

    app.extensions["parts"] = render
    app.add_template_global(part)
    app.add_template_global(parts)
    app.add_template_global(filled_part)


def part(template: str, printed: Mapping[str, object] | None = None, **arguments: Any) -> Markup:
    """Render a part of a page.

    Args:
        printed: values that the part prints and does nothing else with, except to tell whether one is empty. It is
            rendered once for all of them.
        arguments: its other variables; they must be hashable.
    """
    return _render(template, printed or {}, arguments, has_token=True)


def filled_part(template: str, printed: Mapping[str, object], **arguments: Any) -> Markup:
    """Render a part of a part, as `part` does. It has no form."""
    return _render(template, printed, arguments)


def parts(template: str, name: str, values: Iterable[Any]) -> Markup:
    """Render a part for each of the values, which it gets under this name. It has no form."""
    render, who = current_app.extensions["parts"], reader()
    html = "".join([render(template, who, (), (name, value)).pieces[0] for value in values])
    return Markup(html)  # noqa: S704  # by a template


def _render(
    template: str, printed: Mapping[str, object], arguments: Mapping[str, Any], *, has_token: bool = False
) -> Markup:
    values: dict[str, str] = {name: escape("" if value is None else value) for name, value in printed.items()}
    names = tuple([name for name, value in values.items() if value])
    found: Rendered = current_app.extensions["parts"](template, reader(), names, *arguments.items())
    if has_token and _CSRF in found.names:
        values[_CSRF] = form_token()
    return found.fill(values)


def _placeholder(name: str) -> str:
    return f"{_RANDOM}.{name}."


def reader() -> Reader:
    """Return the reader of the request, found once: a page has a dozen parts."""
    found: Reader | None = g.get("reader")
    if found is None:
        # What Flask-Babel makes its locale and time zone of, which takes longer.
        who = visitor()
        locale, time_zone = getattr(who, "locale", ""), getattr(who, "time_zone", "")
        found = g.reader = Reader(locale, time_zone, request.script_root)
    return found
