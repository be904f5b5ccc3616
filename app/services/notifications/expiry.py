"""Expires notifications that are no longer true, and cancels scheduled ones."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import case, or_, select, update

from app.database.base import db
from app.database.writing import BULK
from app.models import Delivery, Notification, RoomMessage
from app.models.delivery import OPEN_STATES
from app.services.notifications import inbox_version


def expire_for_interviews(
    interview_ids: Collection[int],
    notification_type: str,
    now: datetime,
    *,
    user_ids: Collection[int] | None = None,
) -> set[int]:
    """Expire notifications about interviews, in the caller's transaction. Their pending deliveries are not sent.

    Args:
        user_ids: only those of these people; default everyone's.
    Returns:
        the ids of the people whose inboxes changed: the caller raises their versions, all at once.
    """
    if user_ids is not None and not user_ids:
        return set()
    is_current = (
        Notification.interview_id.in_(interview_ids),
        or_(Notification.expires_at.is_(None), Notification.expires_at > now),
    )
    # All of them, whatever their type: a change by their reader locks them at once, too, and in this order.
    db.session.execute(select(Notification.id).where(*is_current).order_by(Notification.id).with_for_update())
    conditions = [*is_current, Notification.notification_type == notification_type]
    if user_ids is not None:
        conditions.append(Notification.recipient_id.in_(user_ids))
    rows = db.session.execute(
        update(Notification)
        .where(*conditions)
        .values(expires_at=now)
        .returning(Notification.recipient_id)
        .execution_options(**BULK)
    )
    return set(rows.scalars())


def cancel_scheduled(event_id: int, now: datetime) -> set[int]:
    """Cancel an event's scheduled notifications and their deliveries, in the caller's transaction.

    Returns:
        the ids of the people whose inboxes changed: the caller raises their versions, all at once.
    """
    of_event = select(Notification.id).where(Notification.event_id == event_id)
    # Before the notifications, as the worker does it that is sending one of them.
    db.session.execute(
        update(Delivery)
        .where(Delivery.notification_id.in_(of_event), Delivery.state.in_(OPEN_STATES))
        .values(state="cancelled", reason="cancelled", due_at=now),
        execution_options=BULK,
    )
    rows = db.session.execute(
        update(Notification)
        .where(Notification.event_id == event_id, Notification.status == "pending")
        .values(status="cancelled", surfaced_at=None)
        .returning(Notification.recipient_id),
        execution_options=BULK,
    )
    return set(rows.scalars())


def expire_for_event(event_id: int, now: datetime) -> tuple[int, int]:
    """Expire an event's notifications and cancel what is not being sent yet, in the caller's transaction.

    Returns:
        how many notifications expired, and how many deliveries were cancelled.
    """
    is_current = or_(Notification.expires_at.is_(None), Notification.expires_at > now)
    rows = db.session.execute(
        update(Notification)
        .where(Notification.event_id == event_id, is_current)
        .values(
            expires_at=now,
            status=case((Notification.status == "pending", "cancelled"), else_=Notification.status),
        )
        .returning(Notification.recipient_id),
        execution_options=BULK,
    )
    recipient_ids = list(rows.scalars())
    of_event = or_(
        Delivery.notification_id.in_(select(Notification.id).where(Notification.event_id == event_id)),
        Delivery.room_message_id.in_(select(RoomMessage.id).where(RoomMessage.event_id == event_id)),
    )
    cancelled = db.session.execute(
        update(Delivery)
        .where(of_event, Delivery.state.in_(("pending", "retry_wait")))
        .values(state="cancelled", reason="cancelled", due_at=now)
        .returning(Delivery.id),
        execution_options=BULK,
    )
    inbox_version.bump(recipient_ids)
    return len(recipient_ids), len(cancelled.all())
