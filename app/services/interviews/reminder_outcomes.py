"""What became of the reminders of an interview, in words: also of those that were not sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.database.base import db
from app.models import Reminder, User
from app.rendering import dates

WORDS: dict[str, LazyString] = {
    "sent": _l("Made"),
    "late": _l("Not made: it was late, and a nearer one stood for it"),
    "moved": _l("Not made: the interview was moved"),
    "cancelled": _l("Not made: the interview was cancelled"),
    "completed": _l("Not made: the interview was reported over"),
    "left": _l("Not made: somebody else has taken over the interview"),
    "over": _l("Not made: the interview had begun before it could be"),
}


@dataclass(frozen=True)
class ReminderOutcome:
    """One reminder that was decided on: how long before which start, what became of it, and when that was decided."""

    lead: str
    starts_at: datetime
    words: str
    decided_at: datetime


def outcomes_for(interview_id: int, recipient_id: int, reader: User) -> list[ReminderOutcome]:
    """The reminders of an interview for one person, those of the newest start first, in the reader's language.

    What is still to come is not among them: it is decided when its time comes.
    """
    query = select(Reminder).where(Reminder.interview_id == interview_id, Reminder.user_id == recipient_id)
    rows = db.session.scalars(query.order_by(Reminder.starts_at.desc(), Reminder.lead_minutes.desc()))
    return [
        ReminderOutcome(
            dates.duration(row.lead_minutes, reader.locale),
            row.starts_at,
            str(WORDS[row.outcome]),
            row.decided_at,
        )
        for row in rows
    ]
