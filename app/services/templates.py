"""The live words of each notification type, and what happens when they fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select

from app import catalog
from app.extensions import db
from app.models import NotificationTemplate, User
from app.rendering import words
from app.rendering.context import values_for
from app.services import audit
from app.services.errors import NotFound

log = logging.getLogger(__name__)


def by_name(name: str) -> NotificationTemplate:
    """The template of that name.

    Raises:
        NotFound: there is none.
    """
    template = db.session.scalar(select(NotificationTemplate).where(NotificationTemplate.name == name))
    if template is None:
        raise NotFound(_("There is no template “%(name)s”.", name=name))
    return template


def live(notification_type: str) -> NotificationTemplate:
    """The built-in template of a type as admins have edited it."""
    return by_name(notification_type)


def texts_of(template: NotificationTemplate) -> words.Texts:
    """The template's sources, as the renderer takes them."""
    return words.Texts(
        title=template.title_template,
        message=template.message_template,
        email_subject=template.email_subject,
        email_html=template.email_html,
        sms=template.sms_text,
    )


def words_for(
    template: NotificationTemplate, notification_type: str, data: Mapping[str, Any]
) -> Callable[[User], words.Texts]:
    """A function that words a message for one person, on that person's clock and in that language.

    It never fails: a template that does is replaced by the built-in words, and the failure is logged.
    """
    sources = texts_of(template)
    # An alert that brings words of its own is announced in them, as long as nobody edited the template.
    own = data if notification_type in catalog.OWN_WORDS_TYPES else {}

    def for_person(user: User) -> words.Texts:
        with force_locale(user.locale):
            values = values_for(notification_type, data, user.time_zone, user.locale)
            try:
                texts = words.render_all(sources, values)
            except words.WordsError as error:
                log.warning("Template %s failed, built-in words used: %s", template.name, error)
                audit.record(
                    "template.failed", template.name, version=template.version, error=str(error)[:500]
                )
                texts = words.built_in(notification_type, values)
            return words.Texts(
                title=words.one_line(str(own.get("title") or texts.title))[:255],
                message=str(own.get("message") or texts.message),
                email_subject=texts.email_subject,
                email_html=texts.email_html,
                sms=texts.sms,
            )

    return for_person
