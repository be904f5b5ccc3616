"""Composes the email that would be sent, with the code that sends, from rows that are never saved."""

from __future__ import annotations

from app import catalog
from app.channels.base import Message
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Event, Notification, User
from app.rendering.texts import Texts
from app.services.sending import email


def compose_preview(
    notification_type: str,
    texts: Texts,
    reader: User,
    site: email.SiteIdentity,
    *,
    action_url: str = "",
    event: Event | None = None,
) -> Message:
    """Compose an email to the reader as if the notification had been sent now.

    Args:
        event: the event it would come from. If it has an interview, the email shows its details.
    """
    now = utc_now()
    # Neither row is added to the session.
    row = Notification(
        id=0,
        recipient_id=reader.id,
        notification_type=notification_type,
        category=catalog.category_of(notification_type),
        title=texts.title,
        message=texts.message,
        action_url=action_url,
        created_at=now,
    )
    delivery = Delivery(
        id=0,
        kind="notification",
        channel="email",
        address=reader.email,
        subject=texts.email_subject or None,
        html=texts.email_html or None,
        created_at=now,
    )
    with db.session.no_autoflush:
        row.event, delivery.notification, delivery.recipient = event, row, reader
        return email.compose_email(delivery, site, now)
