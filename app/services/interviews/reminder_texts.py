"""What a reminder says: how long it is until the interview, true at the moment of saying it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from app.models import Delivery, Interview, Notification
from app.rendering import dates
from app.rendering.texts import Texts
from app.services.base.recipients import Recipient
from app.services.interviews import records
from app.services.routing import wording

KIND = "interview_reminder"
# A run or a sender comes a moment after the lead time: "1 hour" is meant, not "59 minutes".
TOLERANCE = timedelta(minutes=2)


def reminder_texts(interview: Interview, minutes: int) -> Callable[[Recipient], Texts]:
    """A function that words a reminder for one person, `minutes` before the interview begins."""
    template = wording.by_name(KIND)

    def for_person(user: Recipient) -> Texts:
        facts = records.facts(interview) | {"time_until": dates.duration(minutes, user.locale)}
        return wording.renderer_for(template, KIND, facts)(user)

    return for_person


def minutes_left(interview: Interview, now: datetime) -> int:
    """How many whole minutes it is until the interview begins; at least one."""
    return max(round((interview.starts_at - now) / timedelta(minutes=1)), 1)


def texts_when_sent(delivery: Delivery, row: Notification, now: datetime) -> Texts:
    """What a delivery says when it leaves: the words that are kept, but anew for a reminder that had to wait."""
    interview = row.interview if row.notification_type == KIND else None
    if interview is not None and now - row.created_at > TOLERANCE:
        return reminder_texts(interview, minutes_left(interview, now))(Recipient.of(delivery.recipient))
    return Texts(row.title, row.message, delivery.subject or "", delivery.html or "", delivery.text or "")
