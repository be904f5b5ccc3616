"""Sends a test of a template to the admin who edits it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from app.channels import CONNECTORS
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Notification, NotificationTemplate, User
from app.rendering.liquid import TemplateTextError
from app.rendering.texts import Texts
from app.services.base import audit
from app.services.base.errors import Invalid
from app.services.base.recipients import Recipient
from app.services.routing import addresses, fanout
from app.services.routing.reasons import Verdict
from app.services.templates import preview
from app.services.templates.drafts import TemplateContent


def send_test(
    template: NotificationTemplate,
    content: TemplateContent,
    data: Mapping[str, Any],
    *,
    actor: User,
    now: datetime | None = None,
) -> Notification:
    """Send content to the actor alone, through the outbox, regardless of their preferences.

    Returns:
        The notification; its deliveries are sent like any others.
    Raises:
        Invalid: keyed `general`: the content cannot be rendered, or no chosen channel reaches the actor.
    """
    now = now or utc_now()
    try:
        texts = preview.render_texts(template, content, data, actor)
    except TemplateTextError as error:
        raise Invalid({"general": str(error)}) from error
    channels = [name for name in content.channels if name == "in_app" or _can_reach(actor, name)]
    if not channels:
        raise Invalid({"general": _("You can't be reached on any of the chosen channels.")})
    texts = Texts(
        _("Test: %(title)s", title=texts.title)[:255],
        texts.message,
        _("Test: %(title)s", title=texts.email_subject or texts.title)[:255],
        texts.email_html,
        texts.sms,
    )
    with writing():
        event = preview.build_event(data, now)
        db.session.add(event)
        db.session.flush()
        request = fanout.NotificationRequest(
            notification_type=template.notification_type,
            priority=content.priority,
            channels=tuple(channels),
            texts_for=lambda _user: texts,
            event_id=event.id,
            action_url=str(data.get("meeting_url") or ""),
        )
        verdicts = {
            name: Verdict("sent", "shown", now) if name == "in_app" else Verdict("pending", "queued", now)
            for name in channels
        }
        (notification_id,) = fanout.write(request, [fanout.Plan(Recipient.of(actor), verdicts)], now)
        audit.record("template.tested", template.name, actor=actor, channels=channels)
    return db.session.get_one(Notification, notification_id)


def _can_reach(user: User, channel: str) -> bool:
    return channel in CONNECTORS and bool(addresses.address_for(user, channel))
