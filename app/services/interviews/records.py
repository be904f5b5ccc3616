"""Interviews as events tell of them, so that a move, a cancellation and a reminder know what they speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from app.database.base import db
from app.database.writing import insert_ignore
from app.models import Interview, Notification, User
from app.rendering.interview_facts import InterviewDetails
from app.services.base.recipients import Recipient

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


# Which of two events of the same instant counts.
RANK = {
    name: rank
    for rank, name in enumerate(
        ("interview.scheduled", "interview.rescheduled", "interview.completed", "interview.cancelled")
    )
}
# Older than any event: what is only known by a later event is filled in by whichever comes next.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class AppliedEvent:
    """The interview after an event; `is_outdated` when a newer event had been applied before it.

    `stood_at` is the start that stood before, `stood_for` the ids of its recruiters; `is_reopened`: it had been over.
    """

    interview: Interview | None
    is_outdated: bool = False
    stood_at: datetime | None = None
    stood_for: frozenset[int] = frozenset()
    is_reopened: bool = False


def get_by_external_id(external_id: str, *, lock: bool = False) -> Interview | None:
    """The interview with the platform's own id."""
    return _find(Interview.external_id == external_id, lock=lock)


def by_id(interview_id: int, *, lock: bool = False) -> Interview | None:
    """The interview with our own id."""
    return _find(Interview.id == interview_id, lock=lock)


def is_outdated(
    interview: Interview | None, event_type: str, data: Mapping[str, Any], occurred_at: datetime
) -> bool:
    """Whether newer news about this interview has been seen already.

    Of two events of the same instant one wins whichever is heard of first: the end over the plan, the cancellation
    over the end, a move over the booking, and of two of a kind the later start.
    """
    if interview is None or occurred_at != interview.changed_at:
        return interview is not None and occurred_at < interview.changed_at
    mine, known = RANK[event_type], _rank(interview)
    return mine < known or (mine == known and _details(data) < _details(facts(interview)))


def apply_event(
    event_type: str, data: Mapping[str, Any], recruiters: Sequence[Recipient], occurred_at: datetime
) -> AppliedEvent:
    """Bring the kept interview up to an event, in the caller's transaction.

    Args:
        data: validated event data, instants as aware datetimes.
        recruiters: whom the event names; they replace the former ones on a booking or a move.
        occurred_at: events older than what is known change nothing but details that are missing.
    """
    if event_type not in STATUS:
        return AppliedEvent(None)
    status = STATUS[event_type]
    if status == "completed":
        insert_stub(data["id"], occurred_at)
    else:
        _insert_if_new(data, occurred_at)
    interview = get_by_external_id(data["id"], lock=True)
    if interview is None:
        return AppliedEvent(None)
    details = {name: data.get(name, "") for name in DETAILS if "starts_at" in data}
    if is_outdated(interview, event_type, data, occurred_at):
        if details and not interview.candidate_name:  # The end of it was heard of first.
            _set(interview, details)
            interview.recruiters = interview.recruiters or _users(recruiters)
            db.session.flush()
        return AppliedEvent(interview, is_outdated=True)
    stood_at = interview.starts_at if interview.status == "scheduled" else None
    stood_for = frozenset(user.id for user in interview.recruiters)
    is_reopened = interview.status == "completed" != status
    # The calendar entry's number rises only with a change that a calendar shows (RFC 5545, 3.8.7.4).
    if status != "completed" and any(
        getattr(interview, name) != value for name, value in {**details, "status": status}.items()
    ):
        interview.sequence += 1
    _set(interview, details)
    interview.status, interview.changed_at = status, occurred_at
    interview.completed_at = occurred_at if status == "completed" else None
    if status == "scheduled" or not interview.recruiters:
        interview.recruiters = _users(recruiters)
    db.session.flush()
    return AppliedEvent(interview, stood_at=stood_at, stood_for=stood_for, is_reopened=is_reopened)


def facts(interview: Interview) -> dict[str, Any]:
    """Return the data of an event about this interview."""
    return {"id": interview.external_id, **_details_of(interview)}


def details_of(interview: Interview) -> InterviewDetails:
    """Return the interview as plain data, for emails, calendar files and pages."""
    return InterviewDetails(interview.external_id, **_details_of(interview))


def _details_of(interview: Interview) -> dict[str, Any]:
    return {name: getattr(interview, name) for name in DETAILS}


def _insert_if_new(data: Mapping[str, Any], occurred_at: datetime) -> None:
    db.session.execute(
        insert_ignore(Interview).values(
            external_id=data["id"],
            changed_at=occurred_at,
            **{name: data.get(name, "") for name in DETAILS},
        )
    )


def insert_stub(external_id: str, occurred_at: datetime) -> None:
    """Keep, in the caller's transaction, an interview of which only the end has been heard so far.

    Without details nobody is told anything of it.
    """
    nothing = dict.fromkeys(("candidate_name", "job_title", "company_name"), "")
    db.session.execute(
        insert_ignore(Interview).values(
            external_id=external_id,
            starts_at=occurred_at,
            ends_at=occurred_at,
            changed_at=LONG_AGO,
            **nothing,
        )
    )


def _rank(interview: Interview) -> int:
    """The rank of what an interview's present state was told by."""
    if interview.status != "scheduled":
        return RANK[f"interview.{interview.status}"]
    was_moved = select(Notification.id).where(
        Notification.interview_id == interview.id,
        Notification.notification_type == "interview_rescheduled",
        Notification.interview_sequence == interview.sequence,
    )
    return int(db.session.scalar(was_moved.limit(1)) is not None)


def _details(data: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(data.get(name, "") for name in DETAILS if "starts_at" in data)


def _find(condition: ColumnElement[bool], *, lock: bool) -> Interview | None:
    query = select(Interview).where(condition).execution_options(populate_existing=True)
    return db.session.scalar(query.with_for_update() if lock else query)


def _users(people: Sequence[Recipient]) -> list[User]:
    return list(db.session.scalars(select(User).where(User.id.in_([one.id for one in people]))))


def _set(interview: Interview, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(interview, name, value)
