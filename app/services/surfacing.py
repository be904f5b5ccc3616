"""The in-app channel: a scheduled notification that comes into the inbox when its time has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from app.extensions import db
from app.models import Delivery, User
from app.services import outbox, outcomes

CHUNK = 500


def surface_due(now: datetime) -> int:
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
        .execution_options(synchronize_session=False)
    ).all()
    outcomes.settle_sent([row.notification_id for row in rows], now)
    people = sorted({row.recipient_id for row in rows})
    # Locked in order, so that two writers to the same inboxes do not wait for each other.
    db.session.execute(select(User.id).where(User.id.in_(people)).order_by(User.id).with_for_update())
    touched = update(User).where(User.id.in_(people)).values(inbox_version=User.inbox_version + 1)
    db.session.execute(touched.execution_options(synchronize_session=False))
    db.session.commit()
    return len(rows)
