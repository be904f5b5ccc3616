"""Reads what a digest holds: notifications that were unread when it was settled and still are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, func, or_, select

from app.database.base import UTCDateTime, db
from app.database.compiled import CompiledStatement, is_among
from app.models import Delivery, Notification
from app.services.notifications.filters import INDEXES

# A notification that its reader wants by email only never reaches the inbox.
arrived_at = func.coalesce(Notification.surfaced_at, Notification.created_at)
MAX_LINES = 20
# How many of the oldest notifications are read, to find the others about the same interviews.
MAX_OLDEST = 100


class UnreadLine(NamedTuple):
    """An unread notification, with what its line in a digest shows.

    Attributes:
        facts: for an interview that moved, its previous start is the one before the first unread move.
        covers: the number of notifications that share the line: this one and older ones about the same interview.
        moves: how many of them report a move of the interview.
    """

    id: int
    category: str
    title: str
    priority: str
    arrived_at: datetime
    notification_type: str
    message: str
    facts: dict[str, Any]
    interview_id: int | None
    covers: int = 1
    moves: int = 0


class Unread(NamedTuple):
    """A person's unread notifications: a count for each category, and the newest, with lines from every category."""

    counts: dict[str, int]
    newest: list[UnreadLine]


def unread_conditions(
    owners: ColumnElement[bool],
    as_of: datetime | BindParameter[datetime],
    now: datetime | BindParameter[datetime],
) -> list[ColumnElement[bool]]:
    """Return the conditions for what people have not read.

    Args:
        owners: whose notifications.
        as_of: when the digest was settled. Later arrivals are left to the next digest.
    """
    replaced_email = select(Delivery.id).where(
        Delivery.notification_id == Notification.id, Delivery.reason == "in_digest"
    )
    is_email_only = and_(
        Notification.surfaced_at.is_(None), Notification.created_at <= as_of, replaced_email.exists()
    )
    return [
        owners,
        Notification.archived_at.is_(None),
        Notification.read_at.is_(None),
        or_(Notification.surfaced_at <= as_of, is_email_only),
        or_(Notification.expires_at.is_(None), Notification.expires_at > now),
    ]


def _instant(name: str) -> BindParameter[datetime]:
    return bindparam(name, type_=UTCDateTime())


_OWN = unread_conditions(
    Notification.recipient_id == bindparam("user_id"), _instant("as_of"), _instant("now")
)
_OF_PERSON_AND_CATEGORY = Notification.recipient_id, Notification.category
# Built once: it runs for each chunk of people.
_COUNTS = (
    select(*_OF_PERSON_AND_CATEGORY, func.count())
    .where(
        *unread_conditions(
            Notification.recipient_id.in_(bindparam("user_ids", expanding=True)),
            _instant("as_of"),
            _instant("now"),
        )
    )
    .group_by(*_OF_PERSON_AND_CATEGORY)
)
_ANY_UNREAD = CompiledStatement(select(Notification.id).where(*_OWN).limit(1))
_LINE = (
    Notification.id,
    Notification.category,
    Notification.title,
    Notification.priority,
    arrived_at.label("at"),
    Notification.notification_type,
    Notification.message,
    Notification.facts,
    Notification.interview_id,
)


def _newest() -> Select[Any]:
    people = is_among(Notification.__table__.c.recipient_id, "user_ids")
    newest_first = arrived_at.desc(), Notification.id.desc()
    # Without the texts, which sorting would copy.
    ranked = (
        select(
            Notification.id,
            func.count().over(partition_by=_OF_PERSON_AND_CATEGORY).label("count"),
            func.row_number().over(partition_by=_OF_PERSON_AND_CATEGORY, order_by=newest_first).label("rank"),
        )
        .where(*unread_conditions(people, _instant("as_of"), _instant("now")))
        # Named, because SQLite would look through the unread notifications of everyone for these people's.
        .with_hint(Notification, f"INDEXED BY {INDEXES['unread']}", "sqlite")
        .subquery()
    )
    return (
        select(Notification.recipient_id, ranked.c.count, *_LINE)
        .join(ranked, ranked.c.id == Notification.id)
        .where(ranked.c.rank <= bindparam("most"))
        .order_by(Notification.recipient_id, *newest_first)
    )


# Compiled once: it runs for every few emails of a digest.
_NEWEST = CompiledStatement(_newest)
# Compiled once: they run for each email of a weekly summary.
_OLDEST = CompiledStatement(
    select(*_LINE).where(*_OWN).order_by(arrived_at, Notification.id).limit(bindparam("most"))
)
_WAS_EMAILED = select(Delivery.id).where(
    Delivery.notification_id == Notification.id, or_(Delivery.state == "sent", Delivery.reason == "in_digest")
)
_ARRIVED = CompiledStatement(
    select(Notification.category, func.count().label("number"))
    .where(
        Notification.recipient_id == bindparam("user_id"),
        arrived_at >= _instant("start"),
        arrived_at < _instant("end"),
        or_(Notification.surfaced_at.is_not(None), _WAS_EMAILED.exists()),
    )
    .group_by(Notification.category)
)


def count_unread(user_ids: Collection[int], as_of: datetime, now: datetime) -> dict[int, dict[str, int]]:
    """Count unread notifications by person and category, in one query; people without any are left out."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    values = {"user_ids": list(user_ids), "as_of": as_of, "now": now}
    for user_id, category, count in db.session.connection().execute(_COUNTS, values):
        found[user_id][category] = count
    return dict(found)


def has_unread(user_id: int, as_of: datetime, now: datetime) -> bool:
    """Whether a person has not read something."""
    return bool(_ANY_UNREAD.fetch(user_id=user_id, as_of=as_of, now=now))


def load_newest(
    user_ids: Collection[int], as_of: datetime, now: datetime, limit: int = MAX_LINES
) -> dict[int, Unread]:
    """Return what people have not read, each at most this many of the newest, in one query.

    Those about one interview share a line. People without any are left out.
    """
    rows = _NEWEST.fetch(user_ids=list(user_ids), as_of=as_of, now=now, most=limit)
    return {user_id: _unread(list(own), limit) for user_id, own in groupby(rows, itemgetter(0))}


def _unread(rows: Sequence[Any], limit: int) -> Unread:
    """Make what one person has not read of the rows of `_NEWEST`."""
    lines = _merge_by_interview(UnreadLine(*row[-len(_LINE) :]) for row in rows)
    room = divide_lines(Counter(line.category for line in lines), limit)
    ranks: Counter[str] = Counter()
    shown = []
    for line in lines:
        ranks[line.category] += 1
        if ranks[line.category] <= room[line.category]:
            shown.append(line)
    return Unread({row.category: row.count for row in rows}, shown)


def _merge_by_interview(lines: Iterable[UnreadLine]) -> list[UnreadLine]:
    """Make one line of those about the same interview. `lines` are newest first, as is the result."""
    groups: dict[tuple[str, int], list[UnreadLine]] = defaultdict(list)
    for line in lines:
        groups[(line.category, line.interview_id) if line.interview_id else ("", line.id)].append(line)
    return [_merge(group) for group in groups.values()]


def _merge(group: Sequence[UnreadLine]) -> UnreadLine:
    newest = group[0]
    if newest.interview_id is None:
        return newest
    moves = [line for line in group if line.notification_type == "interview_rescheduled"]
    facts = newest.facts
    if moves and newest.notification_type != "interview_cancelled":
        facts = {**facts, "previous_starts_at": moves[-1].facts.get("previous_starts_at")}
    return newest._replace(facts=facts, covers=len(group), moves=len(moves))


def divide_lines(wanted: Mapping[str, int], limit: int) -> dict[str, int]:
    """Divide a limited number of lines evenly; what one category does not need goes to the others."""
    room: dict[str, int] = dict.fromkeys(wanted, 0)
    for number, name in enumerate(sorted(wanted, key=lambda name: wanted[name])):
        room[name] = min(wanted[name], limit // (len(wanted) - number))
        limit -= room[name]
    return room


def load_oldest(user_id: int, as_of: datetime, now: datetime, limit: int) -> list[UnreadLine]:
    """Return the unread notifications that have waited longest. Those about one interview share a line."""
    rows = _OLDEST.fetch(user_id=user_id, as_of=as_of, now=now, most=MAX_OLDEST)
    return _merge_by_interview(UnreadLine(*row) for row in reversed(rows))[::-1][:limit]


def count_arrivals(user_id: int, start: datetime, end: datetime) -> dict[str, int]:
    """Count the notifications that reached a person in a period, by category."""
    return {row.category: row.number for row in _ARRIVED.fetch(user_id=user_id, start=start, end=end)}
