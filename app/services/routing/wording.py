"""The live words of each notification type, and what happens when they fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import bindparam, select

from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.models import NotificationTemplate
from app.rendering import texts as rendering_texts
from app.rendering.context import values_for
from app.rendering.liquid import TemplateTextError
from app.services.base.errors import NotFound
from app.services.base.recipients import Recipient
from app.services.routing import template_failures

log = logging.getLogger(__name__)
_BY_NAME = (
    select(NotificationTemplate)
    .where(NotificationTemplate.name == bindparam("name"))
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A built-in template as an event reads it: what it takes to word and to send."""

    id: int
    name: str
    title_template: str
    message_template: str
    email_subject: str
    email_html: str
    sms_text: str
    channels: list[str]
    priority: str
    is_active: bool
    version: int
    created_at: datetime


Template = NotificationTemplate | TemplateRow
_TEMPLATES = Base.metadata.tables["notification_templates"]
_IN_USE = CompiledStatement(
    select(*(_TEMPLATES.c[name] for name in TemplateRow.__dataclass_fields__)).where(
        _TEMPLATES.c.name == bindparam("name")
    )
)


def by_name(name: str) -> NotificationTemplate:
    """The template of that name.

    Raises:
        NotFound: there is none.
    """
    template = db.session.scalar(_BY_NAME, {"name": name})
    if template is None:
        raise NotFound(_("There is no template “%(name)s”.", name=name))
    return template


def template_for_type(notification_type: str) -> NotificationTemplate:
    """The built-in template of a type as admins have edited it."""
    return by_name(notification_type)


def template_row(notification_type: str) -> TemplateRow:
    """The same, with less ado: for what happens all day."""
    (row,) = _IN_USE.rows(name=notification_type)
    return TemplateRow(*row)


def texts_of(template: Template) -> rendering_texts.Texts:
    """The template's sources, as the renderer takes them."""
    return rendering_texts.Texts(
        title=template.title_template,
        message=template.message_template,
        email_subject=template.email_subject,
        email_html=template.email_html,
        sms=template.sms_text,
    )


def renderer_for(
    template: Template, notification_type: str, data: Mapping[str, Any]
) -> Callable[[Recipient], rendering_texts.Texts]:
    """A function that words a message for one person, on that person's clock and in that language.

    It never fails: a template that does is replaced by the built-in words, and the failure is reported.
    """
    sources = texts_of(template)

    def for_person(user: Recipient) -> rendering_texts.Texts:
        with force_locale(user.locale):
            values = values_for(notification_type, data, user.time_zone, user.locale)
            try:
                texts = rendering_texts.render_all(sources, values)
            except TemplateTextError as error:
                log.warning("Template %s failed, built-in words used: %s", template.name, error)
                template_failures.report_template_failure(template, str(error))
                texts = rendering_texts.built_in(notification_type, values)
            return rendering_texts.prefer_alert_texts(notification_type, sources, texts, data)

    return for_person
