"""Missing evaluations: recruiters are asked until one comes, they say they were not there, or ten working days pass."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import Row, func, select

from app.clock import utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.database.writing import insert_ignore
from app.models import EvaluationReminder, Interview, InterviewRecruiter, Notification, User
from app.rendering.dates import zone
from app.services.base import audit, local_time, recipients
from app.services.base.errors import NotFound
from app.services.base.recipients import Recipient
from app.services.interviews import records
from app.services.notifications import expiry, inbox
from app.services.routing import fanout, wording

KIND = "evaluation_due"
FIRST_AFTER = timedelta(hours=1)
WORKING_DAYS = 10
# Ten working days and the weekends among them, with a day to spare for zones.
LOOK_BACK = timedelta(days=17)


def remind_due(now: datetime | None = None) -> int:
    """Ask for the evaluations that are due; one transaction an interview.

    Returns:
        how many people were asked.
    """
    now = now or utc_now()
    ids = [row.id for row in _waiting(now) if _due(row.id, row.completed_at, now)]
    db.session.commit()
    return sum(_remind(interview_id, now) for interview_id in ids)


def due_date(
    completed_at: datetime, hour: int, time_zone: str, now: datetime, *, last: date | None
) -> date | None:
    """The local date of the reminder that is due now; None when none is.

    The first comes an hour after the interview, whatever the day; then one each working day of the recruiter's
    own calendar, at the digest hour.

    Args:
        last: the date of the newest reminder that was sent.
    """
    here = zone(time_zone)
    today, completed_on = now.astimezone(here).date(), completed_at.astimezone(here).date()
    if now < completed_at + FIRST_AFTER or _working_days(completed_on, today) > WORKING_DAYS:
        return None
    if last is None:
        return today
    is_due = last < today and today.weekday() < 5 and now >= local_time.at_hour(today, hour, time_zone)
    return today if is_due else None


def set_attendance(
    user: User, notification_id: int, *, was_there: bool, now: datetime | None = None
) -> Notification:
    """Say whether one attended the interview that a reminder asks about; who did not is asked no more.

    Raises:
        NotFound: this person has no such reminder, or is no recruiter of that interview.
    """
    now = now or utc_now()
    row = inbox.get(user, notification_id)
    lock_for_writing()
    part = (
        db.session.get(InterviewRecruiter, (row.interview_id, user.id))
        if row.notification_type == KIND
        else None
    )
    if part is None:
        db.session.rollback()
        raise NotFound(_("There is no such notification."))
    part.absent_at = None if was_there else now
    if not was_there and row.interview_id is not None:
        expiry.expire_for_interviews([row.interview_id], KIND, now, user_ids=[user.id])
    audit.record(
        "evaluation.attendance", user.email, actor=user, interview=row.interview_id, was_there=was_there
    )
    db.session.commit()
    return row


def is_absent(user: User, interview_id: int) -> bool:
    """Whether this person said that they did not attend."""
    part = db.session.get(InterviewRecruiter, (interview_id, user.id))
    return part is not None and part.absent_at is not None


def _working_days(first: date, last: date) -> int:
    """Mondays to Fridays after the first day, up to the last."""
    return sum((first + timedelta(days=n)).weekday() < 5 for n in range(1, (last - first).days + 1))


def _waiting(now: datetime) -> list[Row[int, datetime | None]]:
    """The interviews that are over, not evaluated, and known by more than their end."""
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


def _due(interview_id: int, completed_at: datetime | None, now: datetime) -> list[tuple[Recipient, date]]:
    """Whom to ask now, and on which local date."""
    parts = select(InterviewRecruiter.user_id).where(
        InterviewRecruiter.interview_id == interview_id, InterviewRecruiter.absent_at.is_(None)
    )
    people = recipients.by_ids(list(db.session.scalars(parts)))
    if completed_at is None or not people:
        return []
    last = _last_dates(interview_id)
    found = (
        (
            user,
            due_date(completed_at, user.preference.digest_hour, user.time_zone, now, last=last.get(user.id)),
        )
        for user in people
    )
    return [(user, day) for user, day in found if day is not None]


def _last_dates(interview_id: int) -> dict[int, date]:
    dates = select(EvaluationReminder.user_id, func.max(EvaluationReminder.local_date))
    rows = dates.where(EvaluationReminder.interview_id == interview_id).group_by(EvaluationReminder.user_id)
    return dict(db.session.execute(rows).all())


def _remind(interview_id: int, now: datetime) -> int:
    lock_for_writing()
    interview = records.by_id(interview_id, lock=True)
    if interview is None or interview.evaluated_at is not None:
        db.session.rollback()
        return 0
    due = _due(interview_id, interview.completed_at, now)
    asked = _write_down(interview_id, due, now)
    people = [user for user, _day in due if user.id in asked]
    if people:
        template = wording.by_name(KIND)
        message = fanout.NotificationRequest(
            notification_type=KIND,
            priority=template.priority,
            channels=tuple(template.channels),
            texts_for=wording.renderer_for(template, KIND, records.facts(interview)),
            is_template_active=template.is_active,
            interview_id=interview.id,
            interview_sequence=interview.sequence,
        )
        # One question in the inbox is enough: yesterday's makes room for today's.
        for user in people:
            expiry.expire_for_interviews([interview_id], KIND, now, user_ids=[user.id])
        fanout.write(message, fanout.plan(message, people, now), now)
    db.session.commit()
    return len(people)


def _write_down(interview_id: int, due: Collection[tuple[Recipient, date]], now: datetime) -> set[int]:
    if not due:
        return set()
    rows = [
        {"interview_id": interview_id, "user_id": user.id, "local_date": day, "made_at": now}
        for user, day in due
    ]
    written = insert_ignore(EvaluationReminder).values(rows).returning(EvaluationReminder.user_id)
    return set(db.session.execute(written).scalars())
