"""What a digest holds: whatever is still unread of what stood in the inbox when it was settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from app.extensions import db
from app.models import Delivery, Interview, InterviewRecruiter, Notification, User

N = Notification
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


def newest(user: User, as_of: datetime, now: datetime, limit: int = MOST_LINES) -> list[Notification]:
    """The newest of them."""
    query = select(N).where(*unread([user.id], as_of, now))
    return list(db.session.scalars(query.order_by(N.surfaced_at.desc(), N.id.desc()).limit(limit)))


def oldest(user: User, as_of: datetime, now: datetime, limit: int) -> list[Notification]:
    """Those that have waited longest."""
    query = select(N).where(*unread([user.id], as_of, now))
    return list(db.session.scalars(query.order_by(N.surfaced_at, N.id).limit(limit)))


def meetings(user: User, start: datetime, end: datetime, limit: int = MOST_MEETINGS) -> list[Interview]:
    """This person's interviews that begin in a span of time, the next first."""
    mine = select(InterviewRecruiter.interview_id).where(InterviewRecruiter.user_id == user.id)
    span = Interview.starts_at >= start, Interview.starts_at < end, Interview.status == "scheduled"
    query = select(Interview).where(Interview.id.in_(mine), *span).order_by(Interview.starts_at, Interview.id)
    return list(db.session.scalars(query.limit(limit)))


def arrived(user: User, start: datetime, end: datetime) -> dict[str, int]:
    """How many came in a span of time, by category."""
    rows = (
        select(N.category, func.count())
        .where(N.recipient_id == user.id, N.surfaced_at >= start, N.surfaced_at < end)
        .group_by(N.category)
    )
    return dict(db.session.execute(rows).all())
