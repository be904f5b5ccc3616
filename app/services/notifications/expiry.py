"""Expires notifications that are no longer true, and cancels scheduled ones."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select, update

from app.database.base import db
from app.database.writing import BULK
from app.models import Delivery, Notification
from app.models.delivery import OPEN_STATES
from app.services.notifications import actions


def expire_for_interviews(
    interview_ids: Collection[int],
    notification_type: str,
    now: datetime,
    *,
    user_ids: Collection[int] | None = None,
) -> int:
    """Expire notifications about interviews, in the caller's transaction. Their pending deliveries are not sent.

    Args:
        user_ids: only those of these people; default everyone's.
    Returns:
        how many notifications expired.
    """
    conditions = [
        Notification.interview_id.in_(interview_ids),
        Notification.notification_type == notification_type,
        or_(Notification.expires_at.is_(None), Notification.expires_at > now),
    ]
    if user_ids is not None:
        conditions.append(Notification.recipient_id.in_(user_ids))
    rows = db.session.execute(
        update(Notification)
        .where(*conditions)
        .values(expires_at=now)
        .returning(Notification.recipient_id)
        .execution_options(**BULK)
    )
    recipient_ids = list(rows.scalars())
    actions.bump_inbox_versions(recipient_ids)
    return len(recipient_ids)


def cancel_scheduled(event_id: int, now: datetime) -> None:
    """Cancel an event's scheduled notifications and their deliveries, in the caller's transaction."""
    rows = db.session.execute(
        update(Notification)
        .where(Notification.event_id == event_id, Notification.status == "pending")
        .values(status="cancelled", surfaced_at=None)
        .returning(Notification.recipient_id),
        execution_options=BULK,
    )
    recipient_ids = list(rows.scalars())
    of_event = select(Notification.id).where(Notification.event_id == event_id)
    db.session.execute(
        update(Delivery)
        .where(Delivery.notification_id.in_(of_event), Delivery.state.in_(OPEN_STATES))
        .values(state="cancelled", reason="cancelled", due_at=now),
        execution_options=BULK,
    )
    actions.bump_inbox_versions(recipient_ids)
