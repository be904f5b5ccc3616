"""The texts of interview reminders, and what happened to each reminder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.database.base import db
from app.models import Delivery, Interview, Notification, Reminder, User
from app.rendering import dates
from app.rendering.texts import Texts
from app.services.base.recipients import Recipient, TextReader
from app.services.interviews import records
from app.services.routing import wording

KIND = "interview_reminder"
# A reminder that is sent this late still says "1 hour", not "59 minutes".
TOLERANCE = timedelta(minutes=2)
# Keyed by `Reminder.outcome`.
OUTCOMES: dict[str, LazyString] = {
    "sent": _l("Notification created"),
    "late": _l("Skipped: a closer reminder was sent instead"),
    "passed": _l("Skipped: its time had passed when the interview was reported"),
    "moved": _l("Skipped: the interview was moved"),
    "cancelled": _l("Skipped: the interview was cancelled"),
    "completed": _l("Skipped: the interview was reported as completed"),
    "left": _l("Skipped: reassigned to someone else"),
    "over": _l("Skipped: the interview had already started"),
}


@dataclass(frozen=True)
class ReminderOutcome:
    """The result of one reminder, and when; `lead` is how long before `starts_at` it was due."""

    lead: str
    starts_at: datetime
    sentence: str
    decided_at: datetime


def reminder_texts(interview: Interview, minutes: int) -> Callable[[TextReader], Texts]:
    """Return a function that renders a reminder for one person, `minutes` before the interview begins."""
    template = wording.by_name(KIND)

    def render_for(user: TextReader) -> Texts:
        facts = records.facts(interview) | {"time_until": dates.duration(minutes, user.locale)}
        return wording.renderer_for(template, KIND, facts)(user)

    return render_for


def minutes_left(interview: Interview, now: datetime) -> int:
    """Return the whole minutes until the interview begins; at least one."""
    return max(round((interview.starts_at - now) / timedelta(minutes=1)), 1)


def texts_when_sent(delivery: Delivery, row: Notification, now: datetime) -> Texts:
    """Return the texts of a delivery: the stored ones, or new ones for a reminder that had to wait."""
    interview = row.interview if row.notification_type == KIND else None
    if interview is not None and now - row.created_at > TOLERANCE:
        return reminder_texts(interview, minutes_left(interview, now))(
            Recipient.from_user(delivery.recipient)
        )
    return Texts(
        row.title,
        row.message,
        delivery.subject or "",
        delivery.html or "",
        delivery.text or "",
        delivery.preheader or "",
        delivery.button or "",
    )


def outcomes_for(interview_id: int, recipient_id: int, reader: User) -> list[ReminderOutcome]:
    """List what happened to one person's reminders of an interview, the latest start first.

    Reminders that are not due yet are left out.

    Args:
        reader: whose language the result is in.
    """
    query = select(Reminder).where(Reminder.interview_id == interview_id, Reminder.user_id == recipient_id)
    rows = db.session.scalars(query.order_by(Reminder.starts_at.desc(), Reminder.lead_minutes.desc()))
    return [
        ReminderOutcome(
            dates.duration(row.lead_minutes, reader.locale),
            row.starts_at,
            str(OUTCOMES[row.outcome]),
            row.decided_at,
        )
        for row in rows
    ]
