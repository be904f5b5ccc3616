"""The progress of an announcement: its state, its recipients, and the outcomes of its deliveries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from app.database.base import db
from app.models import Announcement, Delivery, Notification, User
from app.services.deliveries import delivery_log

STATES = ("scheduled", "writing", "written", "cancelled")
MAX_NAMED = 100


def is_scheduled(row: Announcement, now: datetime) -> bool:
    """Whether its scheduled time is still in the future."""
    return row.deliver_at is not None and row.deliver_at > now


def current_state(row: Announcement, now: datetime) -> str:
    """Return one of `STATES`: scheduled until its time, even if all notifications are already written."""
    return "scheduled" if is_scheduled(row, now) and row.state != "cancelled" else row.state


def has_state(states: Collection[str], now: datetime) -> ColumnElement[bool]:
    """Build the condition that `current_state` is one of these."""
    is_later = and_(Announcement.deliver_at.is_not(None), Announcement.deliver_at > now)
    is_live = or_(not_(is_later), Announcement.state == "cancelled")
    stored = [state for state in states if state != "scheduled"]
    found = [and_(is_live, Announcement.state.in_(stored))]
    if "scheduled" in states:
        found.append(and_(is_later, Announcement.state != "cancelled"))
    return or_(*found)


def received_by(row: Announcement, now: datetime) -> int:
    """Return how many people have it: no one before its time, even if the notifications are already written."""
    return 0 if is_scheduled(row, now) else row.written


def list_recipients(row: Announcement) -> list[tuple[str, int]]:
    """List the address and notification id of up to 100 recipients."""
    found = db.session.execute(
        select(User.email, Notification.id)
        .join(Notification, Notification.recipient_id == User.id)
        .where(Notification.event_id == row.event_id)
        .order_by(Notification.id)
        .limit(MAX_NAMED)
    )
    return [(email, number) for email, number in found]


def count_deliveries(row: Announcement) -> Mapping[str, Counter[str]]:
    """Count the deliveries of each channel by their outcome in the delivery log."""
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
