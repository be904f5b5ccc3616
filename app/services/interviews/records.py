"""Keeps interviews up to date with the events that report them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, or_, select, update

from app.clock import utc_now
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.writing import BULK, insert_ignore
from app.models import Interview, InterviewAlias, InterviewRecruiter, Notification, User
from app.rendering.interview_facts import InterviewDetails
from app.services.base.recipients import Recipient
from app.services.routing.candidate_and_job import CandidateAndJob

STATUS = {
    "interview.scheduled": "scheduled",
    "interview.rescheduled": "scheduled",
    "interview.cancelled": "cancelled",
    "interview.completed": "completed",
}
DETAILS = (
    "starts_at",
    "ends_at",
    "candidate_name",
    "job_title",
    "company_name",
    "meeting_url",
    "location",
    "interviewer",
)
_ALIASES, _INTERVIEWS = (Base.metadata.tables[name] for name in ("interview_aliases", "interviews"))
_FIRST_ID = CompiledStatement(
    select(_INTERVIEWS.c.external_id)
    .join(_ALIASES, _ALIASES.c.interview_id == _INTERVIEWS.c.id)
    .where(_ALIASES.c.external_id == bindparam("external_id"))
)
# Types of the notifications that say what has become of an interview.
NEWS = ("interview_scheduled", "interview_rescheduled", "interview_cancelled")
# Facts that are kept when a later event leaves them out.
IDS = ("candidate_id", "job_id", "is_confidential")
KEPT = (*IDS, "action_url")
# The higher rank wins between two events of the same instant.
RANK = {
    name: rank
    for rank, name in enumerate(
        ("interview.scheduled", "interview.rescheduled", "interview.completed", "interview.cancelled")
    )
}
# Older than any event, so that any event fills in the details of a stub.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class AppliedEvent:
    """The interview after an event; `is_outdated` means that a newer event had been applied already.

    `former_start` is the start before the event (None unless it was scheduled), `former_recruiters` the ids of its
    recruiters then. `is_reopened` means that the interview had been completed, `is_repeated` that an earlier event had
    cancelled it and this one does so again.
    """

    interview: Interview | None
    is_outdated: bool = False
    former_start: datetime | None = None
    former_recruiters: frozenset[int] = frozenset()
    is_reopened: bool = False
    is_repeated: bool = False


def get_by_external_id(external_id: str, *, lock: bool = False) -> Interview | None:
    """Return the interview with the platform's own id, or with one that it got later, if it is known."""
    return _find(Interview.external_id == _first_id(external_id), lock=lock)


def by_id(interview_id: int, *, lock: bool = False) -> Interview | None:
    """Return the interview with this primary key, if there is one."""
    return _find(Interview.id == interview_id, lock=lock)


def is_outdated(
    interview: Interview | None,
    event_type: str,
    data: Mapping[str, Any],
    occurred_at: datetime,
    now: datetime,
) -> bool:
    """Whether a newer event about this interview has been applied already.

    Of two events of the same instant the same one wins in either order: a cancellation over a completion, a completion
    over a move, a move over a booking, and the later start between two of the same type.

    Args:
        occurred_at, now: when the event happened, and when it arrived.
    """
    # Read again: other events may have been applied since this one arrived.
    if interview is None or interview.changed_at > max(now, utc_now()):
        # A clock that was ahead said when the last event happened, so only the order of arrival is known.
        return False
    known_at = interview.changed_at
    if not occurred_at.microsecond:
        # A time in whole seconds means any instant within the second.
        known_at = known_at.replace(microsecond=0)
    if occurred_at != known_at:
        return occurred_at < known_at
    rank, known_rank = RANK[event_type], _rank(interview)
    return rank < known_rank or (rank == known_rank and _sort_key(data) < _sort_key(facts(interview)))


def is_cancelled_again(interview: Interview | None, event_type: str) -> bool:
    """Whether an event cancels an interview that is cancelled already, perhaps by another of its ids."""
    return event_type == "interview.cancelled" and interview is not None and interview.status == "cancelled"


def find_informed_of_cancellation(interview: Interview, now: datetime) -> set[int]:
    """Find the people whose newest notification about an interview says that it was cancelled."""
    newest = (
        select(func.max(Notification.id))
        .where(
            Notification.interview_id == interview.id,
            Notification.notification_type.in_(NEWS),
            Notification.status != "cancelled",
            or_(Notification.expires_at.is_(None), Notification.expires_at > now),
        )
        .group_by(Notification.recipient_id)
    )
    informed = select(Notification.recipient_id).where(
        Notification.id.in_(newest), Notification.notification_type == "interview_cancelled"
    )
    return set(db.session.scalars(informed))


def apply_event(
    event_type: str,
    data: Mapping[str, Any],
    recruiters: Sequence[Recipient],
    occurred_at: datetime,
    now: datetime,
) -> AppliedEvent:
    """Apply an event to the stored interview, in the caller's transaction.

    Args:
        data: validated event data, instants as aware datetimes.
        recruiters: the event's recipients. They replace the previous recruiters on a booking or a move.
        occurred_at: an older event than the last one only fills in missing details.
        now: when the event arrived.
    """
    if event_type not in STATUS:
        return AppliedEvent(None)
    status = STATUS[event_type]
    data = {**data, "id": _first_id(data["id"])}
    if event_type == "interview.rescheduled":
        data["id"] = _adopt(data, now)
    if status == "completed":
        insert_stub(data["id"], occurred_at)
    else:
        _insert_if_new(data, occurred_at)
    interview = get_by_external_id(data["id"], lock=True)
    if interview is None:
        return AppliedEvent(None)
    details = {name: data.get(name, "") for name in DETAILS if "starts_at" in data}
    if is_outdated(interview, event_type, data, occurred_at, now):
        if details and not interview.candidate_name:  # Its completion was reported first.
            _set(interview, details)
            interview.recruiters = interview.recruiters or _users(recruiters)
            _set(interview, _kept_in(data))
            db.session.flush()
        return AppliedEvent(interview, is_outdated=True)
    former_start = interview.starts_at if interview.status == "scheduled" else None
    former_recruiters = frozenset(user.id for user in interview.recruiters)
    is_reopened = interview.status == "completed" != status
    is_repeated = is_cancelled_again(interview, event_type)
    # The calendar entry's number rises only with a change that a calendar shows (RFC 5545, 3.8.7.4).
    if status != "completed" and any(
        getattr(interview, name) != value for name, value in {**details, "status": status}.items()
    ):
        interview.sequence += 1
    _set(interview, details | _kept_in(data))
    interview.status, interview.changed_at = status, occurred_at
    interview.completed_at = occurred_at if status == "completed" else None
    if status == "scheduled" or not interview.recruiters:
        interview.recruiters = _users(recruiters)
    db.session.flush()
    if status == "scheduled":
        informed = former_recruiters if former_start == interview.starts_at else frozenset()
        _record_start_reported(interview, informed, now)
    return AppliedEvent(
        interview,
        former_start=former_start,
        former_recruiters=former_recruiters,
        is_reopened=is_reopened,
        is_repeated=is_repeated,
    )


def is_ahead(interview: Interview | None, now: datetime) -> bool:
    """Whether an interview is neither cancelled nor over."""
    return interview is not None and interview.status == "scheduled" and interview.ends_at > now


def facts(interview: Interview) -> dict[str, Any]:
    """Return the data of an event about this interview."""
    return {"id": interview.external_id, **_details_of(interview)}


def candidate_and_job(interview: Interview) -> CandidateAndJob:
    """Return the candidate and the job of this interview."""
    values = {
        name: getattr(interview, name) for name in (*IDS, "candidate_name", "job_title", "company_name")
    }
    return CandidateAndJob(**values)


def interview_details(interview: Interview) -> InterviewDetails:
    """Return the interview as plain data, for emails, calendar files and pages."""
    return InterviewDetails(interview.external_id, **_details_of(interview))


def _details_of(interview: Interview) -> dict[str, Any]:
    return {name: getattr(interview, name) for name in DETAILS}


def _first_id(external_id: str) -> str:
    """Return the id under which an interview is stored."""
    found = _FIRST_ID.fetch(external_id=external_id)
    return str(found[0].external_id) if found else external_id


def _adopt(data: Mapping[str, Any], now: datetime) -> str:
    """Return the id of the interview that a move is about, in the caller's transaction.

    Where the id is new, it is the only interview of the candidate for the job that is still to come, and from now on
    has this id as well.
    """
    ids = data.get("candidate_id"), data.get("job_id")
    if None in ids or _find(Interview.external_id == data["id"], lock=False):
        return str(data["id"])
    upcoming = select(Interview.id, Interview.external_id).where(
        Interview.candidate_id == ids[0],
        Interview.job_id == ids[1],
        Interview.status == "scheduled",
        Interview.ends_at > now,
    )
    found = db.session.execute(upcoming.limit(2)).all()
    if len(found) != 1:
        return str(data["id"])
    # Locked before the alias refers to it: two moves at once would each wait for the other's reference to go.
    by_id(found[0].id, lock=True)
    alias = {"external_id": data["id"], "interview_id": found[0].id}
    db.session.execute(insert_ignore(InterviewAlias).values(alias))
    return str(found[0].external_id)


def _kept_in(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in KEPT if name in data}


def _insert_if_new(data: Mapping[str, Any], occurred_at: datetime) -> None:
    db.session.execute(
        insert_ignore(Interview).values(
            external_id=data["id"],
            changed_at=occurred_at,
            **{name: data.get(name, "") for name in DETAILS},
        )
    )


def insert_stub(external_id: str, occurred_at: datetime) -> None:
    """Store an interview of which only the id is known, in the caller's transaction.

    Nothing is sent about it until an event fills in its details.
    """
    external_id = _first_id(external_id)
    unknown = dict.fromkeys(("candidate_name", "job_title", "company_name"), "")
    db.session.execute(
        insert_ignore(Interview).values(
            external_id=external_id,
            starts_at=occurred_at,
            ends_at=occurred_at,
            changed_at=LONG_AGO,
            **unknown,
        )
    )


def _record_start_reported(interview: Interview, informed: frozenset[int], now: datetime) -> None:
    """Record that the start is news to the recruiters, except to those who were informed of it before."""
    participation = update(InterviewRecruiter).where(
        InterviewRecruiter.interview_id == interview.id, InterviewRecruiter.user_id.not_in(informed)
    )
    db.session.execute(participation.values(start_reported_at=now), execution_options=BULK)


def _rank(interview: Interview) -> int:
    """Return the rank of the event that set the interview's present state."""
    if interview.status != "scheduled":
        return RANK[f"interview.{interview.status}"]
    was_moved = select(Notification.id).where(
        Notification.interview_id == interview.id,
        Notification.notification_type == "interview_rescheduled",
        Notification.interview_sequence == interview.sequence,
    )
    return int(db.session.scalar(was_moved.limit(1)) is not None)


def _sort_key(data: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(data.get(name, "") for name in DETAILS if "starts_at" in data)


def _find(condition: ColumnElement[bool], *, lock: bool) -> Interview | None:
    query = select(Interview).where(condition).execution_options(populate_existing=True)
    return db.session.scalar(query.with_for_update() if lock else query)


def _users(people: Sequence[Recipient]) -> list[User]:
    return list(db.session.scalars(select(User).where(User.id.in_([person.id for person in people]))))


def _set(interview: Interview, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(interview, name, value)
