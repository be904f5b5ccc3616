"""Lets admins retry and cancel deliveries. Each action is in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update

from app.clock import utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.database.writing import BULK
from app.models import Delivery, Notification, User
from app.services.base import audit
from app.services.base.errors import Conflict, NotFound
from app.services.notifications import actions as notification_actions
from app.services.routing.fanout import GIVE_UP_AFTER

# States in which a delivery can be retried or cancelled. A claimed one is being sent, so neither.
CAN_RETRY = ("failed", "dead", "uncertain", "expired", "retry_wait", "suppressed")
CAN_CANCEL = ("pending", "retry_wait")


def retry(delivery_id: int, actor: User, now: datetime | None = None) -> None:
    """Send a delivery again, now, with the same Message-ID as before.

    Raises:
        NotFound: the delivery does not exist.
        Conflict: it was sent, cancelled or skipped, or is being sent.
    """
    now = now or utc_now()
    again = {
        "state": "pending",
        "reason": "queued",
        "reason_data": {},
        "due_at": now,
        "expires_at": now + GIVE_UP_AFTER,
        "crashes": 0,
        "token": None,
    }
    _move(delivery_id, CAN_RETRY, again, actor)


def cancel(delivery_id: int, actor: User) -> None:
    """Cancel a delivery that has not been sent. In the app, the notification never appears. Raises like `retry`."""
    _move(delivery_id, CAN_CANCEL, {"state": "cancelled", "reason": "cancelled", "reason_data": {}}, actor)


def _move(delivery_id: int, allowed: tuple[str, ...], values: dict[str, Any], actor: User) -> None:
    lock_for_writing()
    is_it, is_cancelled = Delivery.id == delivery_id, values["state"] == "cancelled"
    # Checked by the UPDATE itself, because a worker may claim the row at any moment.
    moved = db.session.execute(
        update(Delivery)
        .where(is_it, Delivery.state.in_(allowed))
        .values(values)
        .returning(Delivery.notification_id, Delivery.channel, Delivery.address, Delivery.recipient_id),
        execution_options=BULK,
    ).one_or_none()
    if moved is None:
        exists = db.session.scalar(select(Delivery.id).where(is_it))
        db.session.rollback()
        if exists is None:
            raise NotFound(_("There is no such delivery."))
        raise Conflict(
            _("It is too late to cancel this delivery.")
            if is_cancelled
            else _("This delivery cannot be sent again.")
        )
    if is_cancelled and moved.channel == "in_app":
        hidden = update(Notification).where(Notification.id == moved.notification_id)
        db.session.execute(hidden.values(surfaced_at=None, status="cancelled"))
        notification_actions.bump_inbox_versions([moved.recipient_id])
    action = "delivery.cancelled" if is_cancelled else "delivery.retried"
    audit.record(action, moved.address, actor=actor, delivery=delivery_id, channel=moved.channel)
    db.session.commit()
