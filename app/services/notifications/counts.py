"""Counts of a person's notifications: unread, snoozed, newer than what a page shows, and a summary."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select, tuple_

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services.base import cache
from app.services.notifications.conditions import PLACE_CONDITIONS
from app.services.notifications.filters import NOW, USER_ID, Filters, conditions

# No one needs to know a larger number of new notifications.
MAX_NEWER = 100

# Built once, because it is polled: the count, and the instants at which it changes although nothing is written.
_UNREAD = [Notification.recipient_id == USER_ID, *PLACE_CONDITIONS["unread"]]
_SHOWN = select(func.count()).where(*_UNREAD, Notification.surfaced_at <= NOW).scalar_subquery()
# Expired rows are few and counted separately: one more condition per row would make the count half as slow again.
# coalesce() makes SQLite choose the index of expiring rows, not that of all unread ones.
_EXPIRED = (
    select(func.count())
    .where(*_UNREAD, func.coalesce(Notification.surfaced_at, NOW) <= NOW, Notification.expires_at <= NOW)
    .scalar_subquery()
)
_UNREAD_COUNT = select(
    _SHOWN - _EXPIRED,
    select(func.min(Notification.surfaced_at))
    .where(*_UNREAD, Notification.surfaced_at > NOW)
    .scalar_subquery(),
    select(func.min(Notification.expires_at))
    .where(*_UNREAD, Notification.expires_at > NOW)
    .scalar_subquery(),
)


def unread_count(user_id: int, now: datetime | None = None) -> int:
    """Count the unread notifications in a person's inbox; cached until anything is written to the database."""
    now = now or utc_now()

    def count() -> tuple[int, datetime | None]:
        number, surfaces_at, expires_at = db.session.execute(
            _UNREAD_COUNT, {"user_id": user_id, "now": now}
        ).one()
        return number, min(filter(None, (surfaces_at, expires_at)), default=None)

    return int(cache.cached(("unread", user_id), now, count))


def get_unread_notifications_count(user: User) -> int:
    """Count the unread notifications in a user's inbox."""
    return unread_count(user.id)


def snoozed_count(user: User, now: datetime) -> int:
    """Count a person's snoozed notifications."""
    return total(user, Filters(place="later"), now)


def total(user: User, filters: Filters, now: datetime | None = None) -> int:
    """Count the rows of a list, on all its pages."""
    clauses = conditions(user, filters, now or utc_now())
    return db.session.scalar(select(func.count()).where(*clauses)) or 0


def newer_count(user: User, filters: Filters, now: datetime | None = None) -> int:
    """Count the rows above those that `filters.upto` still shows, up to a hundred."""
    if not filters.upto:
        return 0
    clauses = conditions(user, replace(filters, upto=None), now or utc_now())
    is_newer = tuple_(Notification.surfaced_at, Notification.id) > tuple_(*filters.upto)
    newer = select(Notification.id).where(*clauses, is_newer).limit(MAX_NEWER).subquery()
    return db.session.scalar(select(func.count()).select_from(newer)) or 0


def summary(user: User, now: datetime | None = None) -> dict[str, Any]:
    """Count all of a person's notifications by type, category, priority, status, channel and age."""
    now = now or utc_now()
    clauses = conditions(user, Filters(place="all"), now)
    columns = (
        Notification.notification_type,
        Notification.category,
        Notification.priority,
        Notification.status,
    )
    groups = db.session.execute(select(*columns, func.count()).where(*clauses).group_by(*columns)).all()
    counters: dict[str, Counter[str]] = {
        name: Counter() for name in ("type", "category", "priority", "status")
    }
    for *values, count in groups:
        for counter, value in zip(counters.values(), values, strict=True):
            counter[value] += count
    week, month = (
        func.count().filter(Notification.created_at > now - timedelta(days=days)).label(f"days_{days}")
        for days in (7, 30)
    )
    recent = db.session.execute(select(week, month).where(*clauses)).one()
    channels = db.session.execute(
        select(Delivery.channel, func.count())
        .join(Notification, and_(Notification.id == Delivery.notification_id))
        .where(Delivery.recipient_id == user.id, Delivery.state == "sent", *clauses)
        .group_by(Delivery.channel)
    )
    return {
        "total": sum(counters["type"].values()),
        "unread": unread_count(user.id, now),
        **{f"by_{name}": dict(counter) for name, counter in counters.items()},
        "by_channel": dict(channels.all()),
        "last_7_days": recent.days_7,
        "last_30_days": recent.days_30,
    }
