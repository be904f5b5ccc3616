"""What comes into the inbox when its time has come: scheduled notifications, and those that were put off."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import case, select, update

from app.database.base import db
from app.database.writing import BULK
from app.models import Delivery, Notification
from app.services.notifications import actions as notification_actions
from app.services.sending import outbox, results

CHUNK = 500


def show_scheduled(now: datetime) -> int:
    """Mark the in-app deliveries whose time has come as sent, and tell open pages; commits.

    The rows show by themselves from `surfaced_at` on: what is written here is the verdict.

    Returns:
        how many there were.
    """
    ids = list(db.session.scalars(outbox.DUE.limit(CHUNK), {"now": now, "way": "in_app"}))
    if not ids:
        return 0
    rows = db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids), outbox.IS_WAITING)
        .values(state="sent", reason="shown", sent_at=now)
        .returning(Delivery.notification_id, Delivery.recipient_id)
        .execution_options(**BULK)
    ).all()
    results.build_sent([row.notification_id for row in rows], now)
    notification_actions.bump_inbox_versions(row.recipient_id for row in rows)
    db.session.commit()
    return len(rows)


def unsnooze_due(now: datetime) -> int:
    """Let what was snoozed until now be unread again, also where its reader has looked at it meanwhile; commits.

    Returns:
        how many there were.
    """
    due = select(Notification.id).where(Notification.snoozed_until <= now).limit(CHUNK)
    ids = list(db.session.scalars(due))
    if not ids:
        return 0
    waiting = case((Notification.sent_at.is_not(None), "sent"), else_="pending")
    rows = db.session.execute(
        update(Notification)
        # Asked again: it may have been put off once more in between.
        .where(Notification.id.in_(ids), Notification.snoozed_until <= now)
        .values(snoozed_until=None, read_at=None, status=waiting)
        .returning(Notification.recipient_id)
        .execution_options(**BULK)
    )
    people = list(rows.scalars())
    notification_actions.bump_inbox_versions(people)
    db.session.commit()
    return len(people)
