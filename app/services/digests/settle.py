"""Settles digests: decides once per person, kind and local date whether a digest is sent.

A settled date is a row of `digests`, unique by person, kind and date; its email is a delivery in the outbox. People are
processed in chunks, so that memory is bounded and other writers never wait long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, select, update

from app.catalog import DAILY_DIGEST, WEEKLY_SUMMARY
from app.clock import TOLERANCE, utc_now
from app.database.base import Base, db
from app.database.writing import insert_ignore, writing
from app.models import Digest, User, UserNotificationPreference
from app.rendering.dates import zone
from app.services.base import outgoing
from app.services.base.local_time import at_hour
from app.services.base.recipients import Recipient
from app.services.digests import contents
from app.services.routing import quiet_hours, wording

# The least time between two digests, for people who cross the date line or change the digest hour.
MIN_GAP = timedelta(hours=6)
WEEK = timedelta(days=7)
# A summary that was missed on Monday is sent until Saturday. On Sunday, the next one is near enough.
MAX_DELAY = timedelta(days=5)
# People per transaction: other writers can write between two of them.
CHUNK = 100
# A digest that cannot be sent expires before the next one, which includes everything that is still unread.
EXPIRES_AFTER = {DAILY_DIGEST: timedelta(hours=20), WEEKLY_SUMMARY: timedelta(days=3)}
# Older digests do not affect whether one is due: after so long a gap, a summary waits for Monday.
LOOK_BACK = timedelta(days=36)
DIGESTS, DELIVERIES = (Base.metadata.tables[name] for name in ("digests", "deliveries"))
_QUEUED = (
    update(DIGESTS)
    .where(DIGESTS.c.id == bindparam("digest"))
    .values(delivery_id=bindparam("delivery"), unread_count=bindparam("total"))
)
# Called with the number of people processed so far, and the total.
Progress = Callable[[int, int], None]
# Called with the kind and the ids of people; returns whether a worker will settle them.
HandOver = Callable[[str, list[int]], bool]


def due_date(
    kind: str, hour: int, time_zone: str, now: datetime, *, last: date | None, last_at: datetime | None
) -> date | None:
    """Return the local date whose digest is due now; None if none is.

    Each date has one digest, due from the digest hour on. After an outage only the latest is due: it includes
    everything that is still unread.

    Args:
        hour, time_zone: the subscriber's.
        last, last_at: the date that was settled last, and when.
    """
    today = now.astimezone(zone(time_zone)).date()
    day = today if kind == DAILY_DIGEST else today - timedelta(days=today.weekday())
    if last is not None and last >= day:
        return None
    # A new subscriber's first summary is sent on a Monday.
    if day < today and (last is None or today - day > MAX_DELAY):
        return None
    earliest = at_hour(day, hour, time_zone)
    if last_at is not None:
        earliest = max(earliest, last_at + MIN_GAP)
    return day if now >= earliest else None


def send_due(
    kind: str,
    now: datetime | None = None,
    progress: Progress | None = None,
    hand_over: HandOver | None = None,
) -> int:
    """Settle the digests that are due, in one transaction per chunk of people.

    During a pause nothing is settled; during quiet hours the email is held.

    Args:
        kind: `daily_digest` or `weekly_summary`.
        hand_over: gives a chunk of people to a worker, which calls `settle_people`, and tells whether it could.
    Returns:
        how many digests were queued or handed over. A person with nothing unread gets none.
    """
    now = now or utc_now()
    if not wording.by_name(kind).is_active:
        return 0
    total = db.session.scalar(select(func.count()).select_from(_subscribers(kind).subquery())) or 0
    done, queued, after = 0, 0, 0
    while subscribers := _load(_subscribers(kind).where(User.id > after).limit(CHUNK)):
        due = _due(kind, subscribers, now)
        if due and hand_over is not None and hand_over(kind, sorted(due)):
            queued += len(due)
        else:
            queued += _settle(kind, subscribers, due, now)
        after, done = subscribers[-1].id, done + len(subscribers)
        if progress:
            progress(done, max(done, total))
    return queued


def settle_people(kind: str, user_ids: Sequence[int], now: datetime | None = None) -> int:
    """Settle the digests of those of these people for whom one is due; returns how many were queued."""
    now = now or utc_now()
    if not wording.by_name(kind).is_active:
        return 0
    subscribers = _load(_subscribers(kind).where(User.id.in_(user_ids)))
    return _settle(kind, subscribers, _due(kind, subscribers, now), now)


def _subscribers(kind: str) -> Select[Any]:
    """Select the people who want digests, with what decides whether one is due and when its email is."""
    preference = UserNotificationPreference
    quiet = preference.quiet_enabled, preference.quiet_start, preference.quiet_end, preference.quiet_days
    return (
        select(User.id, User.email, User.phone, User.time_zone, User.locale, User.is_enabled)
        .add_columns(preference.digest_hour, preference.paused_until, *quiet)
        .join(preference, preference.user_id == User.id)
        .where(User.is_enabled, preference.email_enabled, getattr(preference, kind))
        .order_by(User.id)
    )


def _load(query: Select[Any]) -> list[Recipient]:
    rows: Any = db.session.execute(query)
    return [
        Recipient(row.id, row.email, row.phone, row.time_zone, row.locale, row.is_enabled, preference=row)
        for row in rows
    ]


def _due(kind: str, subscribers: Sequence[Recipient], now: datetime) -> dict[int, date]:
    newest = (
        select(Digest.user_id, func.max(Digest.local_date), func.max(Digest.settled_at))
        .where(
            Digest.kind == kind,
            Digest.user_id.in_([subscriber.id for subscriber in subscribers]),
            Digest.local_date >= (now - LOOK_BACK).date(),
            # Those of a clock that was ahead and has been set back do not count.
            Digest.settled_at <= now + TOLERANCE,
        )
        .group_by(Digest.user_id)
    )
    settled = {user_id: (day, at) for user_id, day, at in db.session.execute(newest)}
    due = {}
    for subscriber in subscribers:
        last, last_at = settled.get(subscriber.id, (None, None))
        wishes = subscriber.preference
        day = due_date(kind, wishes.digest_hour, subscriber.time_zone, now, last=last, last_at=last_at)
        is_paused = wishes.paused_until is not None and wishes.paused_until > now
        if day is not None and not is_paused:
            due[subscriber.id] = day
    return due


def _settle(kind: str, subscribers: Sequence[Recipient], due: Mapping[int, date], now: datetime) -> int:
    """Settle these dates and queue their emails, in one transaction; skips dates that another process has settled."""
    if not due:
        db.session.commit()
        return 0
    # Counted before taking the lock. If something is read in between, an empty digest is still not sent.
    unread = contents.count_unread(due, now, now)
    with writing():
        rows = [
            {"user_id": user_id, "kind": kind, "local_date": day, "settled_at": now, "unread_count": 0}
            for user_id, day in sorted(due.items())
        ]
        # Into the tables: through the models, settling takes a fifth longer.
        connection = db.session.connection()
        inserted = connection.execute(insert_ignore(DIGESTS).returning(DIGESTS.c.user_id, DIGESTS.c.id), rows)
        ids = dict(inserted.all())
        people = [user for user in subscribers if user.id in unread and user.id in ids]
        if people:
            queued = connection.execute(
                insert(DELIVERIES).returning(DELIVERIES.c.recipient_id, DELIVERIES.c.id),
                [_delivery(kind, user, due[user.id], now) for user in people],
            ).all()
            outgoing.note(deliveries=[delivery_id for _user_id, delivery_id in queued])
            totals = {user_id: sum(by_category.values()) for user_id, by_category in unread.items()}
            connection.execute(
                _QUEUED,
                [
                    {"digest": ids[user_id], "delivery": delivery_id, "total": totals[user_id]}
                    for user_id, delivery_id in queued
                ],
            )
    return len(people)


def _delivery(kind: str, user: Recipient, day: date, now: datetime) -> dict[str, object]:
    # Only a summary that is late can reach the next one.
    next_at = at_hour(day + WEEK, user.preference.digest_hour, user.time_zone)
    hold = quiet_hours.hold_until(user, user.preference, now)
    due_at = hold.until if hold else now
    return {
        "recipient_id": user.id,
        "kind": kind,
        "channel": "email",
        "address": user.email,
        "reason": hold.reason if hold else "queued",
        "created_at": now,
        "due_at": due_at,
        "expires_at": min(due_at + EXPIRES_AFTER[kind], next_at) if next_at > due_at else due_at,
    }
