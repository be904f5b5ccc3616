"""How far an announcement has come: where it stands, whom it came to, and what became of its deliveries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select

from app.database.base import db
from app.models import Announcement, Delivery, Notification, User
from app.services.deliveries import log as delivery_log

STATES = ("scheduled", "writing", "written", "cancelled")
MAX_NAMED = 100


def is_ahead(row: Announcement, now: datetime) -> bool:
    """Whether its time has not come yet."""
    return row.deliver_at is not None and row.deliver_at > now


def current_state(row: Announcement, now: datetime) -> str:
    """One of `STATES`: before its time it is scheduled, however many have been written to already."""
    return "scheduled" if is_ahead(row, now) and row.state != "cancelled" else row.state


def list_recipients(row: Announcement) -> list[tuple[str, int]]:
    """Who got it and as which notification, up to 100 of them."""
    found = db.session.execute(
        select(User.email, Notification.id)
        .join(Notification, Notification.recipient_id == User.id)
        .where(Notification.event_id == row.event_id)
        .order_by(Notification.id)
        .limit(MAX_NAMED)
    )
    return [(email, number) for email, number in found]


def count_deliveries(row: Announcement) -> Mapping[str, Counter[str]]:
    """How many deliveries stand where: counts of the outcomes of the delivery log, for each channel."""
    found: dict[str, Counter[str]] = {}
    rows = db.session.execute(
        select(Delivery.channel, Delivery.state, Delivery.reason, func.count())
        .join(Notification, Notification.id == Delivery.notification_id)
        .where(Notification.event_id == row.event_id)
        .group_by(Delivery.channel, Delivery.state, Delivery.reason)
    )
    for channel, state, reason, number in rows:
        found.setdefault(channel, Counter())[delivery_log.outcome_name(state, reason)] += number
    return found
