"""A mail as it would be sent, put together by the code that sends, of rows that are never kept."""

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
    sender: email.SiteIdentity,
    *,
    action_url: str = "",
    event: Event | None = None,
) -> Message:
    """The finished mail to a reader.

    Args:
        event: what it would have come from; one that carries an interview shows its facts.
    """
    now = utc_now()
    # Neither of these rows is ever added to the session.
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
        return email.compose_email(delivery, sender, now)
