"""Templates that admins write, rendered with plain strings and nothing else within reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask_babel import gettext as _
from liquid import BoundTemplate, Environment, Mode, StrictUndefined
from liquid.exceptions import LiquidError

from app import catalog

# Filters whose output cannot outgrow their input, and tags that cannot loop, include or assign.
FILTERS = frozenset(
    {"upcase", "downcase", "capitalize", "strip", "truncate", "truncatewords", "default", "escape", "size"}
)
TAGS = frozenset({"content", "output", "illegal", "comment", "if", "unless", "case"})
MAX_OUTPUT = 100_000  # characters of one rendered text


class WordsError(ValueError):
    """A template cannot be read, or asks for a variable that is not there; `str(error)` says which."""


class _Words(Environment):
    output_stream_limit = MAX_OUTPUT
    context_depth_limit = 10
    block_nesting_limit = 20

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.filters = {name: function for name, function in self.filters.items() if name in FILTERS}
        self.tags = {name: tag for name, tag in self.tags.items() if name in TAGS}


_ENVIRONMENTS = {
    is_html: _Words(autoescape=is_html, undefined=StrictUndefined, tolerance=Mode.STRICT)
    for is_html in (True, False)
}


@dataclass(frozen=True)
class Texts:
    """The sources of one message. Empty means: as in the app."""

    title: str
    message: str
    email_subject: str = ""
    email_html: str = ""
    sms: str = ""


@lru_cache(maxsize=1024)
def _compiled(source: str, is_html: bool) -> BoundTemplate:
    return _ENVIRONMENTS[is_html].from_string(source)


def render(source: str, values: Mapping[str, str], *, is_html: bool = False) -> str:
    """One text with its variables filled in.

    Args:
        source: Liquid with the filters and tags named above.
        values: plain strings; with `is_html` they are escaped.
    Raises:
        WordsError: the source is not valid, or names a variable that has no value.
    """
    try:
        return _compiled(source, is_html).render(**values)
    except (LiquidError, RecursionError, TypeError, ValueError, OverflowError) as error:
        raise WordsError(str(error)) from error


def render_all(texts: Texts, values: Mapping[str, str]) -> Texts:
    """All texts of a message. A title is one line of at most 255 characters. Raises WordsError."""
    return Texts(
        title=one_line(render(texts.title, values))[:255],
        message=render(texts.message, values).strip(),
        email_subject=one_line(render(texts.email_subject, values))[:255],
        email_html=render(texts.email_html, values, is_html=True).strip(),
        sms=one_line(render(texts.sms, values)),
    )


def built_in(notification_type: str, values: Mapping[str, str]) -> Texts:
    """The catalog's own words, which cannot fail: a value that is missing shows as a dash."""
    kind = catalog.TYPES[notification_type]
    known = {field.name: values.get(field.name) or "\N{EM DASH}" for field in kind.variables}
    words = kind.template
    return render_all(Texts(words.title, words.message, words.email_subject, "", words.sms_text), known)


def one_line(text: str) -> str:
    """The text without line breaks, so that it is safe in a header and fits a row."""
    return " ".join(text.split())


def plain(value: Any) -> str:
    """Any JSON value as a person would say it: `name: Priya Raman; skills: Python, SQL`."""
    match value:
        case None:
            return ""
        case bool():
            return _("yes") if value else _("no")
        case Mapping():
            return "; ".join(f"{key}: {plain(item)}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(plain(item) for item in value)
        case _:
            return str(value)
