"""Renders the templates of a message with plain strings, and nothing else within their reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _

from app import catalog
from app.rendering.invisible_characters import clean
from app.rendering.liquid import compile_template, truncate


@dataclass(frozen=True)
class Texts:
    """The texts of one message, as templates or rendered. An empty email or SMS text means the default.

    `email_preheader` is what mail apps show beside the subject.
    """

    title: str
    message: str
    email_subject: str = ""
    email_html: str = ""
    sms: str = ""
    email_preheader: str = ""
    email_button: str = ""


def render(source: str, values: Mapping[str, str], *, is_html: bool = False) -> str:
    """Render one text.

    Args:
        source: Liquid, as far as `rendering.liquid` allows it.
        values: plain strings; escaped if `is_html`.
    Raises:
        TemplateTextError: the source is invalid, or names a variable without a value.
    """
    return compile_template(source, is_html=is_html).render(values) if source else ""


def render_all(texts: Texts, values: Mapping[str, str]) -> Texts:
    """Render all texts of a message. Those of one line get at most 255 characters.

    Raises:
        TemplateTextError: as `render`.
    """
    return Texts(
        title=one_line(render(texts.title, values))[:255],
        message=clean(render(texts.message, values)).strip(),
        email_subject=one_line(render(texts.email_subject, values))[:255],
        email_html=render(texts.email_html, values, is_html=True).strip(),
        sms=one_line(render(texts.sms, values)),
        email_preheader=one_line(render(texts.email_preheader, values))[:255],
        email_button=one_line(render(texts.email_button, values))[:255],
    )


def built_in(notification_type: str, values: Mapping[str, str]) -> Texts:
    """Render the catalog's own template, which cannot fail: values are truncated, missing ones become a dash.

    Optional ones stay empty, because the built-in texts ask for them.
    """
    spec = catalog.TYPES[notification_type]
    known = {
        field.name: truncate(values.get(field.name, "")) or ("\N{EM DASH}" if field.required else "")
        for field in spec.variables
    }
    template = spec.template
    texts = Texts(template.title, template.message, template.email_subject, "", template.sms_text)
    return render_all(texts, known)


def prefer_alert_texts(
    notification_type: str, sources: Texts, texts: Texts, data: Mapping[str, Any]
) -> Texts:
    """Use an alert's own title and message, unless an admin has edited the template.

    Args:
        sources: the template.
        texts: the rendered template.
        data: the event's data, which may have a `title` and a `message`.
    """
    default = catalog.TYPES[notification_type].template
    is_edited = (sources.title, sources.message) != (default.title, default.message)
    if notification_type not in catalog.OWN_TEXT_TYPES or is_edited:
        return texts
    return replace(
        texts,
        title=one_line(str(data.get("title") or texts.title))[:255],
        message=clean(str(data.get("message") or texts.message)),
    )


def one_line(text: str) -> str:
    """Join the lines of a text and clean it, so that it is safe in a header and fits a row."""
    return " ".join(clean(text).split())


def to_plain_text(value: Any) -> str:
    """Convert a JSON value to text for people: `name: Priya Raman; skills: Python, SQL`."""
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
