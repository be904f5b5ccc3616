"""Reads what a digest holds: notifications that were unread when it was settled and still are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from app.database.base import db
from app.models import Delivery, Interview, InterviewRecruiter, Notification, User

# A notification that its reader wants by email only never reaches the inbox.
arrived_at = func.coalesce(Notification.surfaced_at, Notification.created_at)
MAX_LINES = 20
MAX_INTERVIEWS = 10


def unread(user_ids: Collection[int], as_of: datetime, now: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions for what these people have not read.

    Args:
        as_of: when the digest was settled. Later arrivals are left to the next digest.
    """
    replaced_email = select(Delivery.id).where(
        Delivery.notification_id == Notification.id, Delivery.reason == "in_digest"
    )
    is_email_only = and_(
        Notification.surfaced_at.is_(None), Notification.created_at <= as_of, replaced_email.exists()
    )
    return [
        Notification.recipient_id.in_(user_ids),
        Notification.archived_at.is_(None),
        Notification.read_at.is_(None),
        or_(Notification.surfaced_at <= as_of, is_email_only),
        or_(Notification.expires_at.is_(None), Notification.expires_at > now),
    ]


def counts(user_ids: Collection[int], as_of: datetime, now: datetime) -> dict[int, dict[str, int]]:
    """Count unread notifications by person and category, in one query; people without any are left out."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    columns = Notification.recipient_id, Notification.category
    rows = select(*columns, func.count()).where(*unread(user_ids, as_of, now)).group_by(*columns)
    for user_id, category, count in db.session.execute(rows):
        found[user_id][category] = count
    return dict(found)


def newest(
    user: User, unread_counts: Mapping[str, int], as_of: datetime, now: datetime, limit: int = MAX_LINES
) -> list[Notification]:
    """Return the newest unread notifications, with room for every category.

    Args:
        unread_counts: how many are unread in each category.
    """
    if not unread_counts:
        return []
    order = arrived_at.desc(), Notification.id.desc()
    rank = func.row_number().over(partition_by=Notification.category, order_by=order)
    ranked = (
        select(Notification.id, Notification.category, rank.label("rank"))
        .where(*unread([user.id], as_of, now))
        .subquery()
    )
    room = case(shares(unread_counts, limit), value=ranked.c.category, else_=0)
    query = select(Notification).join(ranked, ranked.c.id == Notification.id).where(ranked.c.rank <= room)
    return list(db.session.scalars(query.order_by(*order)))


def shares(wanted: Mapping[str, int], limit: int) -> dict[str, int]:
    """Divide a limited number of lines evenly; what one category does not need goes to the others."""
    room: dict[str, int] = dict.fromkeys(wanted, 0)
    for number, name in enumerate(sorted(wanted, key=lambda name: wanted[name])):
        room[name] = min(wanted[name], limit // (len(wanted) - number))
        limit -= room[name]
    return room


def oldest(user: User, as_of: datetime, now: datetime, limit: int) -> list[Notification]:
    """Return the unread notifications that have waited longest."""
    query = select(Notification).where(*unread([user.id], as_of, now))
    return list(db.session.scalars(query.order_by(arrived_at, Notification.id).limit(limit)))


def upcoming_interviews(
    user: User, start: datetime, end: datetime, limit: int = MAX_INTERVIEWS
) -> list[Interview]:
    """Return a recruiter's interviews that begin in a period, earliest first."""
    own = select(InterviewRecruiter.interview_id).where(InterviewRecruiter.user_id == user.id)
    period = Interview.starts_at >= start, Interview.starts_at < end, Interview.status == "scheduled"
    query = (
        select(Interview).where(Interview.id.in_(own), *period).order_by(Interview.starts_at, Interview.id)
    )
    return list(db.session.scalars(query.limit(limit)))


def arrived(user: User, start: datetime, end: datetime) -> dict[str, int]:
    """Count the notifications that reached a person in a period, by category."""
    was_emailed = or_(Delivery.state == "sent", Delivery.reason == "in_digest")
    has_reached = or_(
        Notification.surfaced_at.is_not(None),
        select(Delivery.id).where(Delivery.notification_id == Notification.id, was_emailed).exists(),
    )
    rows = (
        select(Notification.category, func.count())
        .where(Notification.recipient_id == user.id, arrived_at >= start, arrived_at < end, has_reached)
        .group_by(Notification.category)
    )
    return dict(db.session.execute(rows).all())
