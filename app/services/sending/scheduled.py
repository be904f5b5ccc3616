"""Moves notifications into the inbox when they are due: scheduled ones, and those whose snooze ends."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from app.database.base import db
from app.database.writing import BULK
from app.models import Delivery, Notification
from app.services.notifications import actions as notification_actions
from app.services.notifications import inbox_version
from app.services.sending import outbox, results

CHUNK = 500


def show_scheduled(now: datetime) -> int:
    """Mark in-app deliveries that are due as sent, tell open pages, and commit.

    The inbox shows the rows from `surfaced_at` on without this; what is recorded here is the delivery's state.

    Returns:
        how many there were.
    """
    ids = list(db.session.scalars(outbox.DUE.limit(CHUNK), {"now": now, "channel_name": "in_app"}))
    if not ids:
        return 0
    rows = db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids), outbox.IS_WAITING)
        .values(state="sent", reason="shown", sent_at=now)
        .returning(Delivery.notification_id, Delivery.recipient_id),
        execution_options=BULK,
    ).all()
    results.mark_notifications_sent([row.notification_id for row in rows], now)
    inbox_version.bump(row.recipient_id for row in rows)
    db.session.commit()
    return len(rows)


def unsnooze_due(now: datetime) -> int:
    """Make notifications whose snooze has ended unread again, even if they were opened since, and commit.

    Returns:
        how many there were.
    """
    ids = list(
        db.session.scalars(select(Notification.id).where(Notification.snoozed_until <= now).limit(CHUNK))
    )
    if not ids:
        return 0
    # In the order in which their readers lock them. What one of them changes now waits for the next time.
    wanted = select(Notification.id).where(Notification.id.in_(ids)).order_by(Notification.id)
    ids = list(db.session.scalars(wanted.with_for_update(skip_locked=True)))
    recipient_ids = db.session.scalars(
        update(Notification)
        # Checked again, because it may have been snoozed again in between.
        .where(Notification.id.in_(ids), Notification.snoozed_until <= now)
        .values(snoozed_until=None, read_at=None, status=notification_actions.STATUS_WHEN_UNREAD)
        .returning(Notification.recipient_id),
        execution_options=BULK,
    ).all()
    inbox_version.bump(recipient_ids)
    db.session.commit()
    return len(recipient_ids)
