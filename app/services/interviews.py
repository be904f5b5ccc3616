"""Interviews as events tell of them, so that a move, a cancellation and a reminder know what they speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.extensions import db
from app.models import Interview, User

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


@dataclass(frozen=True)
class Applied:
    """The interview after an event; `is_outdated` when a newer event had been applied before it."""

    interview: Interview | None
    is_outdated: bool = False


def known(external_id: str, *, lock: bool = False) -> Interview | None:
    """The interview with the platform's own id."""
    query = (
        select(Interview)
        .where(Interview.external_id == external_id)
        .execution_options(populate_existing=True)
    )
    return db.session.scalar(query.with_for_update() if lock else query)


def is_outdated(interview: Interview | None, occurred_at: datetime) -> bool:
    """Whether newer news about this interview has been seen already."""
    return interview is not None and occurred_at < interview.changed_at


def apply(
    event_type: str, data: Mapping[str, Any], recruiters: Sequence[User], occurred_at: datetime
) -> Applied:
    """Bring the kept interview up to an event, in the caller's transaction.

    Args:
        data: validated event data, instants as aware datetimes.
        recruiters: whom the event names; they replace the former ones on a booking or a move.
        occurred_at: events older than what is known change nothing.
    """
    if event_type not in STATUS:
        return Applied(None)
    if event_type != "interview.completed":
        _insert_if_new(data, occurred_at)
    interview = known(data["id"], lock=True)
    if interview is None or is_outdated(interview, occurred_at):
        return Applied(interview, interview is not None)
    wanted = {name: data.get(name, "") for name in DETAILS if name in data or "starts_at" in data}
    wanted["status"] = STATUS[event_type]
    # The calendar entry's number rises only with a change that a calendar shows (RFC 5545, 3.8.7.4).
    if event_type != "interview.completed" and any(
        getattr(interview, name) != wanted[name] for name in wanted
    ):
        interview.sequence += 1
    for name, value in wanted.items():
        setattr(interview, name, value)
    interview.changed_at = occurred_at
    if STATUS[event_type] == "scheduled" or not interview.recruiters:
        interview.recruiters = list(recruiters)
    db.session.flush()
    return Applied(interview)


def facts(interview: Interview) -> dict[str, Any]:
    """What an event about this interview would carry."""
    return {"id": interview.external_id, **{name: getattr(interview, name) for name in DETAILS}}


def _insert_if_new(data: Mapping[str, Any], occurred_at: datetime) -> None:
    insert = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
    db.session.execute(
        insert(Interview)
        .values(
            external_id=data["id"],
            changed_at=occurred_at,
            **{name: data.get(name, "") for name in DETAILS},
        )
        .on_conflict_do_nothing()
    )
