"""Asks recruiters for missing evaluations, and stops when one arrives.

Recruiters are reminded each working day, until an evaluation arrives, they say that they did not attend, or ten
working days have passed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Row, func, select

from app.clock import TOLERANCE, utc_now
from app.database.base import db
from app.database.writing import insert_ignore, writing
from app.models import EvaluationReminder, Interview, InterviewRecruiter, Notification, User
from app.rendering.dates import zone
from app.rendering.key_facts import select_facts
from app.services.base import audit, local_time, recipients
from app.services.base.errors import NotFound
from app.services.base.recipients import Recipient
from app.services.interviews import records
from app.services.notifications import expiry, inbox, inbox_version
from app.services.routing import fanout, wording

KIND = "evaluation_due"
# The event that reports an evaluation.
EVENT = "evaluation.completed"
FIRST_AFTER = timedelta(hours=1)
WORKING_DAYS = 10
# Ten working days, the weekends between them, and a day to spare for time zones.
LOOK_BACK = timedelta(days=17)


def remind_due(now: datetime | None = None) -> int:
    """Send the reminders that are due, in one transaction per interview.

    Returns:
        how many people were reminded.
    """
    now = now or utc_now()
    ids = [row.id for row in _unevaluated(now) if _due(row.id, row.completed_at, now)]
    db.session.commit()
    return sum(_remind(interview_id, now) for interview_id in ids)


def due_date(
    completed_at: datetime, hour: int, time_zone: str, now: datetime, *, last: date | None
) -> date | None:
    """Return the local date of the reminder that is due now; None if none is.

    The first is due an hour after the interview, on any day of the week; then one each working day at the digest
    hour, in the recruiter's time zone.

    Args:
        hour, time_zone: the recruiter's.
        last: the date of the last reminder.
    """
    here = zone(time_zone)
    today, completed_on = now.astimezone(here).date(), completed_at.astimezone(here).date()
    if now < completed_at + FIRST_AFTER or _working_days(completed_on, today) > WORKING_DAYS:
        return None
    if last is None:
        return today
    is_due = last < today and today.weekday() < 5 and now >= local_time.at_hour(today, hour, time_zone)
    return today if is_due else None


def record_evaluation(
    data: Mapping[str, Any], people: Sequence[Recipient], occurred_at: datetime, now: datetime
) -> set[int]:
    """Record that an evaluation has arrived and expire the reminders for it, in the caller's transaction.

    Args:
        data: the event's data. Without an `interview_id`, the candidate and the job identify the interview.
        people: the event's recipients.
    Returns:
        the ids of the people whose inboxes changed; see `expiry.expire_for_interviews`.
    """
    if data.get("interview_id"):
        # The interview itself may be reported later.
        records.insert_stub(data["interview_id"], occurred_at)
        interview = records.get_by_external_id(data["interview_id"], lock=True)
        evaluated = [interview] if interview else []
    else:
        evaluated = _interviews_about(data, people, occurred_at)
    for interview in evaluated:
        interview.evaluated_at = interview.evaluated_at or occurred_at
    db.session.flush()
    return (
        expiry.expire_for_interviews([interview.id for interview in evaluated], KIND, now)
        if evaluated
        else set()
    )


def set_attendance(
    user: User, notification_id: int, *, was_there: bool, now: datetime | None = None
) -> Notification:
    """Record whether a recruiter attended the interview of a reminder; one who did not is not reminded again.

    Raises:
        NotFound: the person has no such reminder, or is not a recruiter of that interview.
    """
    now = now or utc_now()
    row = inbox.get(user, notification_id)
    with writing():
        participation = (
            db.session.get(
                InterviewRecruiter,
                (row.interview_id, user.id),
                with_for_update=True,
                populate_existing=True,
            )
            if row.notification_type == KIND
            else None
        )
        if participation is None:
            raise NotFound(_("Notification not found."))
        participation.absent_at = None if was_there else now
        if not was_there and row.interview_id is not None:
            inbox_version.bump(
                expiry.expire_for_interviews([row.interview_id], KIND, now, user_ids=[user.id])
            )
        audit.record(
            "evaluation.attendance", user.email, actor=user, interview=row.interview_id, was_there=was_there
        )
    return row


def is_absent(user: User, interview_id: int) -> bool:
    """Whether this person said that they did not attend."""
    participation = db.session.get(InterviewRecruiter, (interview_id, user.id))
    return participation is not None and participation.absent_at is not None


def _working_days(first: date, last: date) -> int:
    """Count Mondays to Fridays after the first day, up to and including the last."""
    return sum((first + timedelta(days=n)).weekday() < 5 for n in range(1, (last - first).days + 1))


def _unevaluated(now: datetime) -> list[Row[int, datetime | None]]:
    """Find interviews that are over and not evaluated; those known by their end only are left out."""
    return list(
        db.session.execute(
            select(Interview.id, Interview.completed_at)
            .where(
                Interview.completed_at > now - LOOK_BACK,
                Interview.completed_at <= now - FIRST_AFTER,
                Interview.evaluated_at.is_(None),
                Interview.candidate_name != "",
            )
            .order_by(Interview.id)
        )
    )


def _interviews_about(
    data: Mapping[str, Any], people: Sequence[Recipient], occurred_at: datetime
) -> list[Interview]:
    """Find the interviews of a candidate for a job that had begun; if some are these people's, only those."""
    same = {name: data[name] for name in ("candidate_name", "job_title", "company_name") if data.get(name)}
    query = select(Interview).where(
        *(getattr(Interview, name) == value for name, value in same.items()),
        Interview.starts_at <= occurred_at,
        Interview.status != "cancelled",
        Interview.evaluated_at.is_(None),
    )
    found = list(db.session.scalars(query.order_by(Interview.id).with_for_update()))
    user_ids = {user.id for user in people}
    own = [interview for interview in found if user_ids & {user.id for user in interview.recruiters}]
    return own or found


def _due(interview_id: int, completed_at: datetime | None, now: datetime) -> list[tuple[Recipient, date]]:
    """List whom to remind now, with the local date of the reminder."""
    attendees = select(InterviewRecruiter.user_id).where(
        InterviewRecruiter.interview_id == interview_id, InterviewRecruiter.absent_at.is_(None)
    )
    people = recipients.by_ids(list(db.session.scalars(attendees)))
    if completed_at is None or not people:
        return []
    last = _last_dates(interview_id, now)
    due = []
    for user in people:
        hour, zone_name = user.preference.digest_hour, user.time_zone
        day = due_date(completed_at, hour, zone_name, now, last=last.get(user.id))
        if day is not None:
            due.append((user, day))
    return due


def _last_dates(interview_id: int, now: datetime) -> dict[int, date]:
    """Return the date of each person's last reminder, except those of a clock that was ahead and has been set back."""
    dates = select(EvaluationReminder.user_id, func.max(EvaluationReminder.local_date))
    rows = dates.where(
        EvaluationReminder.interview_id == interview_id, EvaluationReminder.made_at <= now + TOLERANCE
    ).group_by(EvaluationReminder.user_id)
    return dict(db.session.execute(rows).all())


def _remind(interview_id: int, now: datetime) -> int:
    with writing():
        interview = records.by_id(interview_id, lock=True)
        if interview is None or interview.evaluated_at is not None:
            return 0
        due = _due(interview_id, interview.completed_at, now)
        recorded = _record_reminders(interview_id, due, now)
        people = [user for user, _day in due if user.id in recorded]
        if people:
            template = wording.by_name(KIND)
            request = fanout.NotificationRequest(
                notification_type=KIND,
                priority=template.priority,
                channels=tuple(template.channels),
                texts_for=wording.renderer_for(template, KIND, records.facts(interview)),
                is_template_active=template.is_active,
                interview_id=interview.id,
                interview_sequence=interview.sequence,
                about=records.candidate_and_job(interview),
                action_url=interview.action_url,
                facts=select_facts(records.facts(interview)),
            )
            # Today's reminder replaces yesterday's in the inbox. Writing it raises the versions.
            expiry.expire_for_interviews([interview_id], KIND, now, user_ids=[user.id for user in people])
            fanout.write(request, fanout.plan(request, people, now), now)
    return len(people)


def _record_reminders(interview_id: int, due: Collection[tuple[Recipient, date]], now: datetime) -> set[int]:
    """Record reminders under their unique key; return the ids of the people who had none for that date."""
    if not due:
        return set()
    rows = [
        {"interview_id": interview_id, "user_id": user.id, "local_date": day, "made_at": now}
        for user, day in due
    ]
    inserted = insert_ignore(EvaluationReminder).values(rows).returning(EvaluationReminder.user_id)
    return set(db.session.execute(inserted).scalars())
