"""Evaluations that have come: nobody is asked for them any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.database.base import db
from app.models import Interview
from app.services.base.recipients import Recipient
from app.services.interviews import records
from app.services.notifications import expiry

EVENT = "evaluation.completed"


def record_evaluation(
    data: Mapping[str, Any], told: Sequence[Recipient], occurred_at: datetime, now: datetime
) -> None:
    """Write down, in the caller's transaction, that an evaluation has come, and take back the question for it.

    Args:
        data: the event's data; without an `interview_id`, the candidate and the job tell what it is about.
        told: whom the event names.
    """
    if data.get("interview_id"):
        # It may be heard of later.
        records.insert_stub(data["interview_id"], occurred_at)
        interview = records.get_by_external_id(data["interview_id"], lock=True)
        found = [interview] if interview else []
    else:
        found = _meant(data, told, occurred_at)
    for interview in found:
        interview.evaluated_at = interview.evaluated_at or occurred_at
    db.session.flush()
    if found:
        expiry.expire_for_interviews([interview.id for interview in found], "evaluation_due", now)


def _meant(data: Mapping[str, Any], told: Sequence[Recipient], occurred_at: datetime) -> list[Interview]:
    """The interviews of this candidate for this job that had begun.

    Where some of them are those of the people who are told, it is these.
    """
    same = {name: data[name] for name in ("candidate_name", "job_title", "company_name") if data.get(name)}
    query = select(Interview).where(
        *(getattr(Interview, name) == value for name, value in same.items()),
        Interview.starts_at <= occurred_at,
        Interview.status != "cancelled",
        Interview.evaluated_at.is_(None),
    )
    found = list(db.session.scalars(query.order_by(Interview.id).with_for_update()))
    theirs = [
        interview for interview in found if {user.id for user in told} & {u.id for u in interview.recruiters}
    ]
    return theirs or found
