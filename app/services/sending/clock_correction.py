"""Corrects times of deliveries and notifications that lie ahead of the clock after it was set back.

Times that a person chose (a scheduled time, the end of a snooze or of quiet hours) stay as they are.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update

from app.clock import TOLERANCE
from app.database.base import db
from app.database.writing import BULK
from app.models import Delivery, DeliveryAttempt, Notification
from app.services.notifications import inbox_version
from app.services.sending import outbox

# Deliveries that wait for a length of time since they were created, rather than for a time of day.
RELATIVE = ("queued", "released", "unread_wait")


def correct_deliveries(now: datetime, *, was_set: bool) -> None:
    """Correct every time that only a clock ahead of ours can have written, and commit.

    Args:
        was_set: the clock was set a moment ago. Claims then get a full lease, so that none is given back because the
            clock was set forward.
    """
    try:
        _bring_notifications_forward(now)
        _bring_deliveries_forward(now)
        _shorten_claims(now, was_set=was_set)
        db.session.commit()
    except Exception:
        db.session.rollback()
        raise


def _shorten_claims(now: datetime, *, was_set: bool) -> None:
    until = now + outbox.LEASE
    claimed = update(Delivery).where(outbox.IS_CLAIMED).values(lease_until=until)
    if not was_set:
        claimed = claimed.where(Delivery.lease_until > until)
    db.session.execute(claimed, execution_options=BULK)


def _bring_deliveries_forward(now: datetime) -> None:
    """Shorten each wait by as much as the clock was ahead when the wait began."""
    last_attempt = (
        select(func.max(DeliveryAttempt.finished_at))
        .where(DeliveryAttempt.delivery_id == Delivery.id)
        .correlate(Delivery)
        .scalar_subquery()
    )
    ahead: tuple[tuple[Any, Any], ...] = (
        ((Delivery.state == "pending") & Delivery.reason.in_(RELATIVE), Delivery.created_at),
        (Delivery.state == "retry_wait", last_attempt),
    )
    for condition, began_at in ahead:
        query = select(Delivery.id, Delivery.due_at, began_at.label("began_at")).where(
            condition, outbox.IS_WAITING, Delivery.due_at > now + TOLERANCE
        )
        shorter = [
            {"id": row.id, "due_at": row.due_at - (row.began_at - now)}
            for row in db.session.execute(query)
            if row.began_at is not None and row.began_at > now + TOLERANCE
        ]
        if shorter:
            db.session.execute(update(Delivery), shorter)


def _bring_notifications_forward(now: datetime) -> None:
    """Show what was shown before the clock was set back; the order stays."""
    is_ahead = (
        Notification.surfaced_at > now + TOLERANCE,
        Notification.surfaced_at == Notification.created_at,
    )
    rows = db.session.execute(
        select(Notification.id, Notification.recipient_id, Notification.surfaced_at).where(*is_ahead)
    ).all()
    instants = [row.surfaced_at for row in rows if row.surfaced_at is not None]
    if not instants:
        return
    jump: timedelta = max(instants) - now
    db.session.execute(
        update(Notification), [{"id": row.id, "surfaced_at": row.surfaced_at - jump} for row in rows]
    )
    inbox_version.bump(row.recipient_id for row in rows)
