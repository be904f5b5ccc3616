"""Taking notifications out of the inbox that have become untrue."""

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
    """Let what was said about these interviews expire, in the caller's transaction; its mail is stopped too.

    Args:
        user_ids: only these people's.
    Returns:
        how many notifications were taken out.
    """
    stands = (
        Notification.interview_id.in_(interview_ids),
        Notification.notification_type == notification_type,
        or_(Notification.expires_at.is_(None), Notification.expires_at > now),
    )
    whose = () if user_ids is None else (Notification.recipient_id.in_(user_ids),)
    rows = db.session.execute(
        update(Notification)
        .where(*stands, *whose)
        .values(expires_at=now)
        .returning(Notification.recipient_id)
        .execution_options(**BULK)
    )
    people = list(rows.scalars())
    actions.bump_inbox_versions(people)
    return len(people)


def cancel_scheduled(event_id: int, now: datetime) -> None:
    """Take back, in the caller's transaction, what was written ahead of its time."""
    rows = db.session.execute(
        update(Notification)
        .where(Notification.event_id == event_id, Notification.status == "pending")
        .values(status="cancelled", surfaced_at=None)
        .returning(Notification.recipient_id),
        execution_options=BULK,
    )
    people = list(rows.scalars())
    theirs = select(Notification.id).where(Notification.event_id == event_id)
    db.session.execute(
        update(Delivery)
        .where(Delivery.notification_id.in_(theirs), Delivery.state.in_(OPEN_STATES))
        .values(state="cancelled", reason="cancelled", due_at=now),
        execution_options=BULK,
    )
    actions.bump_inbox_versions(people)
