"""Counts of a person's notifications: unread, snoozed, newer than what a page shows, and a summary."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select, tuple_

from app.clock import utc_now
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.models import Delivery, Notification, User
from app.services.base.cache import Memory
from app.services.notifications.conditions import PLACE_CONDITIONS, conditions_for_place
from app.services.notifications.filters import (
    INDEXES,
    NOW,
    USER_ID,
    Filters,
    changes_after,
    for_pages,
    in_order,
    matching,
)

# No one needs to know a larger number of new notifications.
MAX_NEWER = 100

PLACES_COUNTED = ("inbox", "unread", "anywhere", "later", "done", "saved")
# Six numbers each, under a search.
_PLACES = Memory[dict[str, int]](1_000)
# Two numbers and an instant each.
_COUNTS = Memory["InboxCounts"](20_000)
# Built once, because it is polled. Expired rows are few and counted separately: one more condition per row would make
# the count half as slow again.
_UNREAD = (Notification.recipient_id == USER_ID, *PLACE_CONDITIONS["unread"], Notification.surfaced_at <= NOW)
_AMONG_UNREAD, _AMONG_EXPIRING = (
    # Named, because with the statistics of another person's inbox SQLite takes a slower one (0.5 or 31 ms).
    select(func.count()).where(*_UNREAD).with_hint(Notification, f"INDEXED BY {index}", "sqlite")
    for index in (INDEXES["unread"], "ix_notifications_expiring")
)
_SNOOZED = Filters(place="later")
_SURFACES_AT, _EXPIRES_AT = changes_after(USER_ID, NOW)
_STATEMENT = CompiledStatement(
    select(
        (
            _AMONG_UNREAD.scalar_subquery()
            - _AMONG_EXPIRING.where(Notification.expires_at <= NOW).scalar_subquery()
        ).label("unread"),
        in_order(select(func.count()).where(*matching(_SNOOZED, USER_ID, NOW)), _SNOOZED)
        .scalar_subquery()
        .label("snoozed"),
        _SURFACES_AT.label("surfaces_at"),
        _EXPIRES_AT.label("expires_at"),
    )
)


class InboxCounts(NamedTuple):
    """The counts that every page shows, and when a person's lists and counts next change by themselves."""

    unread: int
    snoozed: int
    changes_at: datetime | None


def inbox_counts(user_id: int, now: datetime | None = None, *, version: int | None = None) -> InboxCounts:
    """Count a person's unread and snoozed notifications in one query; remembered until the inbox changes.

    Args:
        version: see `cache.Memory.get`.
    """
    now = now or utc_now()

    def count() -> tuple[InboxCounts, datetime | None]:
        (row,) = _STATEMENT.fetch(user_id=user_id, now=now)
        changes_at = min(filter(None, (row.surfaces_at, row.expires_at)), default=None)
        return InboxCounts(row.unread, row.snoozed, changes_at), changes_at

    return _COUNTS.get(user_id, "counts", now, count, version=version)


def remembered(user_id: int, now: datetime) -> tuple[int, InboxCounts] | None:
    """Return the counts that are remembered, and of which version they are; see `cache.Memory.peek`."""
    return _COUNTS.peek(user_id, "counts", now)


def remember(user_id: int, found: InboxCounts, now: datetime, version: int) -> None:
    """Remember the counts after a change that has been committed, so that they need not be counted again."""
    _COUNTS.put(user_id, "counts", now, (found, found.changes_at), version)


def unread_count(user_id: int, now: datetime | None = None, *, version: int | None = None) -> int:
    """Count the unread notifications in a person's inbox; see `inbox_counts`."""
    return inbox_counts(user_id, now, version=version).unread


def get_unread_notifications_count(user: User) -> int:
    """Count the unread notifications in a user's inbox."""
    return unread_count(user.id)


def snoozed_count(user_id: int, now: datetime | None = None, *, version: int | None = None) -> int:
    """Count a person's snoozed notifications; see `inbox_counts`."""
    return inbox_counts(user_id, now, version=version).snoozed


def next_change(user_id: int, now: datetime, *, version: int | None = None) -> datetime | None:
    """Return when a person's lists and counts next change by themselves: something surfaces or expires."""
    return inbox_counts(user_id, now, version=version).changes_at


def total(user: User, filters: Filters, now: datetime | None = None) -> int:
    """Count the rows of a list, on all its pages."""
    now = now or utc_now()
    clauses = matching(for_pages(filters, user.id, now), user.id, now)
    return db.session.scalar(in_order(select(func.count()).where(*clauses), filters)) or 0


def by_place(
    user: User, filters: Filters, now: datetime | None = None, *, version: int | None = None
) -> dict[str, int]:
    """Count in one statement what a search finds in each place, "anywhere" among them; remembered as `inbox_counts` is.

    Args:
        filters: of the list, whose own place does not matter.
        version: see `cache.Memory.get`.
    """
    now, everywhere = now or utc_now(), replace(filters, place="anywhere", upto=None)

    def count() -> tuple[dict[str, int], datetime | None]:
        numbers = (
            func.count().filter(and_(*conditions_for_place(place, now))).label(place)
            for place in PLACES_COUNTED
        )
        # Of a common word, PostgreSQL would look up every match: 280 ms instead of 26 among 10,000,000 rows.
        clauses = matching(for_pages(everywhere, user.id, now), user.id, now)
        row = db.session.execute(select(*numbers).where(*clauses)).one()
        return dict(zip(PLACES_COUNTED, row, strict=True)), next_change(user.id, now, version=version)

    return _PLACES.get(user.id, everywhere, now, count, version=version)


def newer_count(user: User, filters: Filters, now: datetime | None = None) -> int:
    """Count the rows above those that `filters.upto` still shows, up to a hundred."""
    if not filters.upto:
        return 0
    now = now or utc_now()
    clauses = matching(for_pages(replace(filters, upto=None), user.id, now), user.id, now)
    is_newer = tuple_(Notification.surfaced_at, Notification.id) > tuple_(*filters.upto)
    newer = in_order(select(Notification.id).where(*clauses, is_newer).limit(MAX_NEWER), filters)
    return db.session.scalar(select(func.count()).select_from(newer.subquery())) or 0


def summary(user: User, now: datetime | None = None) -> dict[str, Any]:
    """Count all of a person's notifications by type, category, priority, status, channel and age."""
    now = now or utc_now()
    clauses = matching(Filters(place="all"), user.id, now)
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
