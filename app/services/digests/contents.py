"""What a digest holds: whatever is still unread of what stood in the inbox when it was settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from app.database.base import db
from app.models import Delivery, Interview, InterviewRecruiter, Notification, User

N = Notification
# When it came: into the inbox, or for those who do not want its kind there, to be told by mail alone.
arrived_at = func.coalesce(N.surfaced_at, N.created_at)
MOST_LINES = 20
MOST_MEETINGS = 10


def unread(user_ids: Collection[int], as_of: datetime, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions for what these people have not read.

    Args:
        as_of: when the digest was settled: what came into the inbox later is left to the next one.
    """
    # Who does not want a kind in the app, but by mail, finds it in the digest that stands for that mail.
    its_mail = select(Delivery.id).where(Delivery.notification_id == N.id, Delivery.reason == "in_digest")
    only_here = and_(N.surfaced_at.is_(None), N.created_at <= as_of, its_mail.exists())
    return [
        N.recipient_id.in_(user_ids),
        N.archived_at.is_(None),
        N.read_at.is_(None),
        or_(N.surfaced_at <= as_of, only_here),
        or_(N.expires_at.is_(None), N.expires_at > now),
    ]


def counts(user_ids: Collection[int], as_of: datetime, now: datetime) -> dict[int, dict[str, int]]:
    """How many are unread, by person and category, in one grouped query; who has none is left out."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    columns = N.recipient_id, N.category
    rows = select(*columns, func.count()).where(*unread(user_ids, as_of, now)).group_by(*columns)
    for user_id, category, count in db.session.execute(rows):
        found[user_id][category] = count
    return dict(found)


def newest(
    user: User, unread_counts: Mapping[str, int], as_of: datetime, now: datetime, limit: int = MOST_LINES
) -> list[Notification]:
    """The newest of them; a busy category leaves room for the others.

    Args:
        unread_counts: how many are unread in each category.
    """
    if not unread_counts:
        return []
    order = arrived_at.desc(), N.id.desc()
    place = func.row_number().over(partition_by=N.category, order_by=order)
    places = select(N.id, N.category, place.label("place")).where(*unread([user.id], as_of, now)).subquery()
    room = case(shares(unread_counts, limit), value=places.c.category, else_=0)
    query = select(N).join(places, places.c.id == N.id).where(places.c.place <= room)
    return list(db.session.scalars(query.order_by(*order)))


def shares(wanted: Mapping[str, int], limit: int) -> dict[str, int]:
    """How many of a limited number of lines each gets: as many as it wants, or as many as the others."""
    room: dict[str, int] = dict.fromkeys(wanted, 0)
    for number, name in enumerate(sorted(wanted, key=lambda name: wanted[name])):
        room[name] = min(wanted[name], limit // (len(wanted) - number))
        limit -= room[name]
    return room


def oldest(user: User, as_of: datetime, now: datetime, limit: int) -> list[Notification]:
    """Those that have waited longest."""
    query = select(N).where(*unread([user.id], as_of, now))
    return list(db.session.scalars(query.order_by(arrived_at, N.id).limit(limit)))


def meetings(user: User, start: datetime, end: datetime, limit: int = MOST_MEETINGS) -> list[Interview]:
    """This person's interviews that begin in a span of time, the next first."""
    mine = select(InterviewRecruiter.interview_id).where(InterviewRecruiter.user_id == user.id)
    span = Interview.starts_at >= start, Interview.starts_at < end, Interview.status == "scheduled"
    query = select(Interview).where(Interview.id.in_(mine), *span).order_by(Interview.starts_at, Interview.id)
    return list(db.session.scalars(query.limit(limit)))


def arrived(user: User, start: datetime, end: datetime) -> dict[str, int]:
    """How many came in a span of time, by category."""
    by_mail = or_(Delivery.state == "sent", Delivery.reason == "in_digest")
    was_told = or_(
        N.surfaced_at.is_not(None),
        select(Delivery.id).where(Delivery.notification_id == N.id, by_mail).exists(),
    )
    rows = (
        select(N.category, func.count())
        .where(N.recipient_id == user.id, arrived_at >= start, arrived_at < end, was_told)
        .group_by(N.category)
    )
    return dict(db.session.execute(rows).all())
