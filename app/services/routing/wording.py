"""The template of each notification type, and rendering it for one person."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import bindparam, select

from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.models import NotificationTemplate
from app.rendering import locales
from app.rendering import texts as rendering_texts
from app.rendering.context import values_for
from app.rendering.liquid import TemplateTextError
from app.rendering.texts import Texts
from app.services.base.errors import NotFound
from app.services.base.recipients import TextReader
from app.services.routing import alerts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A built-in template, cheaper to load than a `NotificationTemplate`."""

    id: int
    name: str
    title_template: str
    message_template: str
    email_subject: str
    email_html: str
    sms_text: str
    email_preheader: str
    email_button: str
    channels: list[str]
    priority: str
    is_active: bool
    version: int
    created_at: datetime


Template = NotificationTemplate | TemplateRow
_BY_NAME = (
    select(NotificationTemplate)
    .where(NotificationTemplate.name == bindparam("name"))
    .execution_options(populate_existing=True)
)
_TEMPLATES = Base.metadata.tables["notification_templates"]
_ROW_BY_NAME = CompiledStatement(
    select(*(_TEMPLATES.c[field.name] for field in fields(TemplateRow))).where(
        _TEMPLATES.c.name == bindparam("name")
    )
)


def by_name(name: str) -> NotificationTemplate:
    """Return the template with this name; a type's own template has the name of the type.

    Raises:
        NotFound: the template does not exist.
    """
    template = db.session.scalar(_BY_NAME, {"name": name})
    if template is None:
        raise NotFound(_("Template “%(name)s” not found.", name=name))
    return template


def template_row(notification_type: str) -> TemplateRow:
    """Like `by_name` for a built-in template, but cheaper: for the path that every event takes."""
    (row,) = _ROW_BY_NAME.fetch(name=notification_type)
    return TemplateRow(*row)


def texts_of(template: Template) -> Texts:
    """Return the template's source texts."""
    return Texts(
        title=template.title_template,
        message=template.message_template,
        email_subject=template.email_subject,
        email_html=template.email_html,
        sms=template.sms_text,
        email_preheader=template.email_preheader,
        email_button=template.email_button,
    )


def renderer_for(
    template: Template, notification_type: str, data: Mapping[str, Any]
) -> Callable[[TextReader], Texts]:
    """Return a function that renders a template for one person or room, in their time zone and language.

    The function never fails: when the template does, it renders the built-in text and alerts the admins.
    """
    sources = texts_of(template)

    def render_for(user: TextReader) -> Texts:
        with force_locale(locales.parse(user.locale)):
            values = values_for(notification_type, data, user.time_zone, user.locale)
            try:
                texts = rendering_texts.render_all(sources, values)
            except TemplateTextError as error:
                log.warning("Template %s failed, built-in text used: %s", template.name, error)
                alerts.report_template_failure(
                    template.id, template.name, template.version, template.created_at, str(error)
                )
                texts = rendering_texts.built_in(notification_type, values)
            return rendering_texts.prefer_alert_texts(notification_type, sources, texts, data)

    return render_for
