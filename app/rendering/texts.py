"""Templates that admins write, rendered with plain strings and nothing else within reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _

from app import catalog
from app.rendering.invisible_characters import strip_invisible
from app.rendering.liquid import compile_template, truncate


@dataclass(frozen=True)
class Texts:
    """The sources of one message. Empty means: as in the app."""

    title: str
    message: str
    email_subject: str = ""
    email_html: str = ""
    sms: str = ""


def render(source: str, values: Mapping[str, str], *, is_html: bool = False) -> str:
    """One text with its variables filled in.

    Args:
        source: Liquid, as far as `app.rendering.liquid` lets it.
        values: plain strings; with `is_html` they are escaped.
    Raises:
        WordsError: the source is not valid, or names a variable that has no value.
    """
    return compile_template(source, is_html=is_html).render(values) if source else ""


def render_all(texts: Texts, values: Mapping[str, str]) -> Texts:
    """All texts of a message. A title is one line of at most 255 characters. Raises WordsError."""
    return Texts(
        title=one_line(render(texts.title, values))[:255],
        message=strip_invisible(render(texts.message, values)).strip(),
        email_subject=one_line(render(texts.email_subject, values))[:255],
        email_html=render(texts.email_html, values, is_html=True).strip(),
        sms=one_line(render(texts.sms, values)),
    )


def built_in(notification_type: str, values: Mapping[str, str]) -> Texts:
    """The catalog's own words, which cannot fail: values are clipped, one that is missing shows as a dash."""
    kind = catalog.TYPES[notification_type]
    known = {field.name: truncate(values.get(field.name, "")) or "\N{EM DASH}" for field in kind.variables}
    words = kind.template
    return render_all(Texts(words.title, words.message, words.email_subject, "", words.sms_text), known)


def prefer_alert_texts(
    notification_type: str, sources: Texts, texts: Texts, data: Mapping[str, Any]
) -> Texts:
    """An alert that brings a title and a message is announced in them, as long as nobody edited the template."""
    default = catalog.TYPES[notification_type].template
    is_edited = (sources.title, sources.message) != (default.title, default.message)
    if notification_type not in catalog.OWN_TEXT_TYPES or is_edited:
        return texts
    return replace(
        texts,
        title=one_line(str(data.get("title") or texts.title))[:255],
        message=strip_invisible(str(data.get("message") or texts.message)),
    )


def one_line(text: str) -> str:
    """The text without line breaks and without what nobody sees, so that it is safe in a header and fits a row."""
    return " ".join(strip_invisible(text).split())


def to_plain_text(value: Any) -> str:
    """Any JSON value as a person would say it: `name: Priya Raman; skills: Python, SQL`."""
    match value:
        case None:
            return ""
        case bool():
            return _("yes") if value else _("no")
        case Mapping():
            return "; ".join(f"{key}: {to_plain_text(item)}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(to_plain_text(item) for item in value)
        case _:
            return str(value)
