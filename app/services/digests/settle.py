"""Digests: settled once per person, kind and local date, in chunks that bound memory and never hold writers up long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, func, insert, select, update

from app.catalog import DAILY_DIGEST, WEEKLY_SUMMARY
from app.clock import utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.database.writing import insert_ignore
from app.models import Delivery, Digest, User, UserNotificationPreference
from app.rendering.dates import zone
from app.services.base import recipients
from app.services.base.local_time import at_hour
from app.services.base.recipients import Recipient
from app.services.digests import contents
from app.services.routing import quiet_hours, wording

# Who flies across the date line, or moves the digest hour, is not written to twice within these hours.
APART = timedelta(hours=6)
WEEK = timedelta(days=7)
# A summary missed on Monday is made up for until Wednesday; later it would be old news.
LATE_DAYS = timedelta(days=2)
# People a transaction: other writers get their turn between two of them.
CHUNK = 100
# A digest that could not be sent until the next one is due is not sent at all: that one holds more.
WORTH_SENDING = {DAILY_DIGEST: timedelta(hours=20), WEEKLY_SUMMARY: timedelta(days=3)}
# Whoever had none for longer than this is treated as if there had never been any.
LOOK_BACK = timedelta(days=15)
# Told how many people have been looked at, and of how many.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Reader:
    """Someone who wants digests, as far as the question whether one is due needs it."""

    id: int
    time_zone: str
    digest_hour: int
    paused_until: datetime | None


def due_date(
    kind: str, hour: int, time_zone: str, now: datetime, *, last: date | None, last_at: datetime | None
) -> date | None:
    """The local date whose digest is to be settled now; None when none is.

    A date has one digest, from its digest hour on: after an outage it comes late, and those of the dates that
    passed meanwhile do not come at all, because one holds everything that is still unread.

    Args:
        hour, time_zone: the reader's.
        last, last_at: the newest date that was settled, and when.
    """
    today = now.astimezone(zone(time_zone)).date()
    day = today if kind == DAILY_DIGEST else today - timedelta(days=today.weekday())
    if last is not None and last >= day:
        return None
    # Whoever has just asked for a summary gets the first one on a Monday, not in the middle of a week.
    if day < today and (last != day - WEEK or today - day > LATE_DAYS):
        return None
    earliest = at_hour(day, hour, time_zone)
    if last_at is not None:
        earliest = max(earliest, last_at + APART)
    return day if now >= earliest else None


def send_due(kind: str, now: datetime | None = None, progress: Progress | None = None) -> int:
    """Settle the digests that are due; each chunk of people is a transaction of its own.

    A pause puts digests off until its end; quiet hours only hold the mail.

    Args:
        kind: `daily_digest` or `weekly_summary`.
    Returns:
        how many digests are on their way: who has nothing unread gets none.
    """
    now = now or utc_now()
    if not wording.by_name(kind).is_active:
        return 0
    total = db.session.scalar(select(func.count()).select_from(_readers(kind).subquery())) or 0
    done, sent, after = 0, 0, 0
    while readers := _chunk(kind, after):
        sent += _settle(kind, _due(kind, readers, now), now)
        after, done = readers[-1].id, done + len(readers)
        if progress:
            progress(done, max(done, total))
    return sent


def _readers(kind: str) -> Select[int, str, int, datetime | None]:
    preference = UserNotificationPreference
    return (
        select(User.id, User.time_zone, preference.digest_hour, preference.paused_until)
        .join(preference, preference.user_id == User.id)
        .where(User.is_enabled, preference.email_enabled, getattr(preference, kind))
    )


def _chunk(kind: str, after: int) -> list[Reader]:
    rows = db.session.execute(_readers(kind).where(User.id > after).order_by(User.id).limit(CHUNK))
    return [Reader(*row) for row in rows]


def _due(kind: str, readers: Sequence[Reader], now: datetime) -> dict[int, date]:
    newest = (
        select(Digest.user_id, func.max(Digest.local_date), func.max(Digest.settled_at))
        .where(
            Digest.kind == kind,
            Digest.user_id.in_([reader.id for reader in readers]),
            Digest.local_date >= (now - LOOK_BACK).date(),
        )
        .group_by(Digest.user_id)
    )
    settled = {user_id: (day, at) for user_id, day, at in db.session.execute(newest)}
    found = {}
    for reader in readers:
        last, last_at = settled.get(reader.id, (None, None))
        day = due_date(kind, reader.digest_hour, reader.time_zone, now, last=last, last_at=last_at)
        if day is not None and (reader.paused_until is None or reader.paused_until <= now):
            found[reader.id] = day
    return found


def _settle(kind: str, due: Mapping[int, date], now: datetime) -> int:
    """Settle these dates and put the mails into the outbox, in one transaction; whoever comes second finds it done."""
    if not due:
        db.session.commit()
        return 0
    # Counted before the lock is taken: other writers need not wait for that, and an empty digest is not sent anyway.
    unread = contents.counts(due, now, now)
    readers = recipients.by_ids(unread)
    lock_for_writing()
    rows = [
        {"user_id": user_id, "kind": kind, "local_date": day, "settled_at": now, "unread_count": 0}
        for user_id, day in sorted(due.items())
    ]
    mine = db.session.execute(insert_ignore(Digest).returning(Digest.user_id, Digest.id), rows)
    ids = dict(mine.all())
    people = [user for user in readers if user.id in ids]
    if people:
        made = db.session.execute(
            insert(Delivery).returning(Delivery.recipient_id, Delivery.id),
            [_delivery(kind, user, now) for user in people],
        )
        totals = {user_id: sum(some.values()) for user_id, some in unread.items()}
        db.session.execute(
            update(Digest),
            [
                {"id": ids[user_id], "delivery_id": delivery_id, "unread_count": totals[user_id]}
                for user_id, delivery_id in made
            ],
        )
    db.session.commit()
    return len(people)


def _delivery(kind: str, user: Recipient, now: datetime) -> dict[str, object]:
    held = quiet_hours.hold_until(user, user.preference, now)
    due_at = held.until if held else now
    return {
        "recipient_id": user.id,
        "kind": kind,
        "channel": "email",
        "address": user.email,
        "reason": held.reason if held else "queued",
        "created_at": now,
        "due_at": due_at,
        "expires_at": due_at + WORTH_SENDING[kind],
    }
