"""A person's agenda: the next interviews, which of them overlap, and the evaluations that are missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, and_, bindparam, func, literal_column, or_, select

from app.database.base import UTCDateTime
from app.database.compiled import CompiledStatement, is_among
from app.models import Interview, InterviewRecruiter, Notification
from app.services.interviews.evaluations import LOOK_BACK

MAX_ENTRIES = 30


class AgendaEntry(NamedTuple):
    """An interview; `notification_id` is the newest of the person's notifications about it, if there is one."""

    id: int
    starts_at: datetime
    ends_at: datetime
    status: str
    candidate_name: str
    job_title: str
    company_name: str
    meeting_url: str
    location: str
    action_url: str
    notification_id: int | None


@dataclass(frozen=True)
class Agenda:
    """Interviews to come or in progress, earliest first, and those that have no evaluation yet; false if empty.

    `overlapping` are the ids of interviews of which another one begins before they end, or the other way round.
    """

    interviews: tuple[AgendaEntry, ...] = ()
    unevaluated: tuple[AgendaEntry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.interviews or self.unevaluated)

    @property
    def overlapping(self) -> frozenset[int]:
        found: set[int] = set()
        latest: AgendaEntry | None = None
        for entry in self.interviews:
            if latest and entry.starts_at < latest.ends_at:
                found |= {latest.id, entry.id}
            if latest is None or entry.ends_at > latest.ends_at:
                latest = entry
        return frozenset(found)

    def next_change(self, now: datetime) -> datetime | None:
        """Return when an interview next begins or ends."""
        instants = (at for entry in self.interviews for at in (entry.starts_at, entry.ends_at) if at > now)
        return min(instants, default=None)


def _instant(name: str) -> BindParameter[datetime]:
    return bindparam(name, type_=UTCDateTime())


_NEWEST = (
    select(func.max(Notification.id))
    .where(
        Notification.interview_id == Interview.id,
        Notification.recipient_id == InterviewRecruiter.user_id,
        Notification.surfaced_at <= _instant("now"),
    )
    .correlate(Interview, InterviewRecruiter)
    .scalar_subquery()
)
_IS_NEXT = and_(
    Interview.status == "scheduled",
    Interview.ends_at > _instant("now"),
    Interview.starts_at < _instant("until"),
)
_LACKS_EVALUATION = and_(
    Interview.status == "completed",
    Interview.completed_at > _instant("since"),
    Interview.completed_at <= _instant("now"),
    Interview.evaluated_at.is_(None),
    InterviewRecruiter.absent_at.is_(None),
)
_ENTRIES = (
    select(*(getattr(Interview, name) for name in AgendaEntry._fields[:-1]), _NEWEST.label("notification_id"))
    .join(InterviewRecruiter, InterviewRecruiter.interview_id == Interview.id)
    .where(or_(_IS_NEXT, _LACKS_EVALUATION))
    .order_by(Interview.status.desc(), Interview.starts_at, Interview.id)
)
_OF_PERSON = CompiledStatement(
    _ENTRIES.where(InterviewRecruiter.user_id == bindparam("user_id")).limit(literal_column(str(MAX_ENTRIES)))
)
_OF_PEOPLE = CompiledStatement(
    lambda: _ENTRIES.add_columns(InterviewRecruiter.user_id).where(
        is_among(InterviewRecruiter.__table__.c.user_id, "user_ids")
    )
)


def load_agenda(user_id: int, now: datetime, until: datetime) -> Agenda:
    """Load a recruiter's agenda in one query.

    Args:
        until: an interview that begins then or later is left out.
    Returns:
        interviews that have not ended, and those that lack an evaluation unless the recruiter did not attend.
    """
    return _agenda(_OF_PERSON.fetch(user_id=user_id, now=now, until=until, since=now - LOOK_BACK))


def load_agendas(user_ids: Collection[int], now: datetime, until: datetime) -> dict[int, Agenda]:
    """Load the agendas of several people, as `load_agenda` does; people without any entry are left out."""
    found = defaultdict(list)
    for *entry, user_id in _OF_PEOPLE.fetch(
        user_ids=list(user_ids), now=now, until=until, since=now - LOOK_BACK
    ):
        found[user_id].append(entry)
    return {user_id: _agenda(rows[:MAX_ENTRIES]) for user_id, rows in found.items()}


def _agenda(rows: Iterable[Iterable[Any]]) -> Agenda:
    entries = [AgendaEntry(*row) for row in rows]
    return Agenda(
        tuple(entry for entry in entries if entry.status == "scheduled"),
        tuple(entry for entry in entries if entry.status == "completed"),
    )
