"""Composes the email that would be sent, with the code that sends, from rows that are never saved."""

from __future__ import annotations

from datetime import datetime

from app import catalog
from app.channels.base import Message
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Event, Notification, User
from app.rendering import key_facts
from app.rendering.texts import Texts
from app.services.sending import email


def compose_preview(
    notification_type: str,
    texts: Texts,
    reader: User,
    site: email.SiteIdentity,
    *,
    action_url: str = "",
    routed_by: str = "",
    event: Event | None = None,
    now: datetime | None = None,
) -> Message:
    """Compose an email to the reader as if the notification had been sent at `now`, by default this moment.

    Args:
        routed_by: a key of `routes.REASONS`.
        event: the event it would come from. If it has an interview, the email shows its details.
    """
    now = now or utc_now()
    # Neither row is added to the session.
    row = Notification(
        id=0,
        recipient_id=reader.id,
        notification_type=notification_type,
        category=catalog.category_of(notification_type),
        title=texts.title,
        message=texts.message,
        facts=key_facts.select_facts(event.data) if event else {},
        action_url=action_url,
        routed_by=routed_by,
        created_at=now,
    )
    delivery = Delivery(
        id=0,
        kind="notification",
        channel="email",
        address=reader.email,
        subject=texts.email_subject or None,
        html=texts.email_html or None,
        preheader=texts.email_preheader or None,
        button=texts.email_button or None,
        created_at=now,
    )
    with db.session.no_autoflush:
        row.event, delivery.notification, delivery.recipient = event, row, reader
        return email.compose_email(delivery, site, now)
