"""Sends a test of a template or an announcement to the admin who writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from app.channels import CONNECTORS
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Event, Notification, NotificationTemplate, User
from app.rendering.key_facts import select_facts
from app.rendering.liquid import TemplateTextError
from app.services.accounts import direct_messages
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
        LimitReached: the actor sent ten tests within ten minutes.
    """
    now = now or utc_now()
    try:
        texts = preview.render_texts(template, content, data, actor)
    except TemplateTextError as error:
        raise Invalid({"general": str(error)}) from error
    request = fanout.NotificationRequest(
        notification_type=template.notification_type,
        priority=content.priority,
        channels=tuple(content.channels),
        texts_for=lambda _user: texts,
        facts=select_facts(data),
        action_url=str(data.get("meeting_url") or ""),
    )
    return send_to_self(
        request, preview.build_event(data, now), "template.tested", template.name, actor=actor, now=now
    )


def send_to_self(
    request: fanout.NotificationRequest,
    event: Event,
    action: str,
    subject: str,
    *,
    actor: User,
    now: datetime,
) -> Notification:
    """Send a notification to the actor alone, marked as a test; arguments and errors as for `send_test`.

    Args:
        event: what it comes from, not yet in the database.
        action, subject: of the audit entry.
    """
    channels = [name for name in request.channels if name == "in_app" or _can_reach(actor, name)]
    if not channels:
        raise Invalid({"general": _("You can't be reached on any of the chosen channels.")})
    texts = request.texts_for(Recipient.from_user(actor))
    marked = replace(
        texts,
        title=_("Test: %(title)s", title=texts.title)[:255],
        email_subject=_("Test: %(title)s", title=texts.email_subject or texts.title)[:255],
    )
    with writing(lock=User, row_id=actor.id):
        direct_messages.refuse_many_tests(actor, now)
        db.session.add(event)
        db.session.flush()
        test = replace(request, channels=tuple(channels), texts_for=lambda _user: marked, event_id=event.id)
        verdicts = {
            name: Verdict("sent", "shown", now) if name == "in_app" else Verdict("pending", "queued", now)
            for name in channels
        }
        (notification_id,) = fanout.write(test, [fanout.Plan(Recipient.from_user(actor), verdicts)], now)
        audit.record(action, subject, actor=actor, channels=channels)
    return db.session.get_one(Notification, notification_id)


def _can_reach(user: User, channel: str) -> bool:
    return channel in CONNECTORS and bool(addresses.address_for(user, channel))
