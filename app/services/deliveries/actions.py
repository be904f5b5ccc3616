"""Lets admins retry and cancel deliveries. Each action is in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.database.writing import BULK, writing
from app.models import Delivery, Notification, User
from app.models.delivery import WAITING_STATES
from app.services.base import audit
from app.services.base.errors import Conflict, NotFound
from app.services.deliveries import delivery_log
from app.services.deliveries.delivery_log import DeliveryFilters
from app.services.notifications import inbox_version

# States in which a delivery can be retried. A claimed one is being sent.
CAN_RETRY = ("failed", "dead", "uncertain", "expired", "retry_wait", "suppressed")
CAN_CANCEL = WAITING_STATES


def retry(delivery_id: int, actor: User, now: datetime | None = None) -> None:
    """Send a delivery again, now, with the same Message-ID as before.

    Raises:
        NotFound: the delivery does not exist.
        Conflict: it was sent, cancelled or skipped, or is being sent.
    """
    with writing():
        row = _change_state(delivery_id, CAN_RETRY, _queued(now or utc_now()))
        if row is None:
            raise Conflict(_("This delivery cannot be sent again."))
        audit.record("delivery.retried", row.address, actor=actor, delivery=delivery_id, channel=row.channel)


def retry_matching(filters: DeliveryFilters, actor: User, now: datetime | None = None) -> int:
    """Send again what failed and is still wanted among the newest `delivery_log.MAX_COUNTED` that match.

    Returns:
        how many are queued.
    """
    newest = delivery_log.matching(filters).with_only_columns(Delivery.id).order_by(Delivery.id.desc())
    found = newest.limit(delivery_log.MAX_COUNTED).subquery()
    failed = update(Delivery).where(Delivery.id.in_(select(found.c.id)), delivery_log.can_resend(Delivery))
    again = failed.values(_queued(now or utc_now())).returning(Delivery.id)
    with writing():
        count = len(db.session.execute(again, execution_options=BULK).all())
        if count:
            audit.record("deliveries.retried", actor=actor, count=count)
    return count


def cancel(delivery_id: int, actor: User) -> None:
    """Cancel a delivery that has not been sent. In the app, the notification never appears. Raises like `retry`."""
    cancelled = {"state": "cancelled", "reason": "cancelled", "reason_data": {}}
    with writing():
        row = _change_state(delivery_id, CAN_CANCEL, cancelled)
        if row is None:
            raise Conflict(_("It is too late to cancel this delivery."))
        if row.channel == "in_app":
            hidden = update(Notification).where(Notification.id == row.notification_id)
            db.session.execute(hidden.values(surfaced_at=None, status="cancelled"))
            inbox_version.bump([row.recipient_id])
        audit.record(
            "delivery.cancelled", row.address, actor=actor, delivery=delivery_id, channel=row.channel
        )


def _queued(now: datetime) -> dict[str, Any]:
    """Return the values of a delivery that is to be sent now."""
    return {
        "state": "pending",
        "reason": "queued",
        "reason_data": {},
        "due_at": now,
        "expires_at": now + catalog.GIVE_UP_AFTER,
        "crashes": 0,
        "token": None,
    }


def _change_state(delivery_id: int, allowed: tuple[str, ...], values: dict[str, Any]) -> Any:
    """Change a delivery if its state allows it.

    Returns:
        its notification, recipient, channel and address; None if its state does not allow it.
    Raises:
        NotFound: the delivery does not exist.
    """
    # Checked by the UPDATE itself, because a worker may claim the row at any moment.
    changed = db.session.execute(
        update(Delivery)
        .where(Delivery.id == delivery_id, Delivery.state.in_(allowed))
        .values(values)
        .returning(Delivery.notification_id, Delivery.channel, Delivery.address, Delivery.recipient_id),
        execution_options=BULK,
    ).one_or_none()
    if changed is None and db.session.scalar(select(Delivery.id).where(Delivery.id == delivery_id)) is None:
        raise NotFound(_("Delivery not found."))
    return changed
