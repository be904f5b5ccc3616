"""Works out the end of a snooze, on the reader's own clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.database.base import db
from app.models import Interview, Notification, User
from app.rendering.dates import zone
from app.services.base import local_time, written_times
from app.services.base.errors import Invalid
from app.services.notifications.filters import InboxReader

MORNING, EVENING = 9, 18
# A date beyond this is a mistyped year.
FARTHEST = timedelta(days=366)
# Between two choices, and before an interview.
APART, BEFORE = timedelta(minutes=90), timedelta(hours=1)


@dataclass(frozen=True)
class SnoozeChoice:
    """One entry of the snooze menu: its label, and when the snooze ends."""

    name: str
    label: LazyString
    until: datetime


def _in_days(days: int, hour: int) -> Callable[[str, datetime], datetime]:
    return lambda time_zone, now: local_time.at_hour(
        _today(time_zone, now) + timedelta(days=days), hour, time_zone
    )


def _next_week(time_zone: str, now: datetime) -> datetime:
    today = _today(time_zone, now)
    days = 7 - today.weekday()
    # On a Sunday, that would be tomorrow, which is offered anyway.
    return local_time.at_hour(today + timedelta(days=days if days > 1 else 8), MORNING, time_zone)


CHOICES: dict[str, tuple[LazyString, Callable[[str, datetime], datetime]]] = {
    "hour": (_l("In an hour"), lambda _time_zone, now: now + timedelta(hours=1)),
    "evening": (_l("This evening"), _in_days(0, EVENING)),
    "tomorrow": (_l("Tomorrow morning"), _in_days(1, MORNING)),
    "week": (_l("Next week"), _next_week),
}
BEFORE_EVENT = "interview"
LABELS = {name: label for name, (label, _until) in CHOICES.items()} | {
    BEFORE_EVENT: _l("An hour before the interview")
}


def snooze_choices(
    time_zone: str, now: datetime, event_starts_at: datetime | None = None
) -> list[SnoozeChoice]:
    """List the choices in the order of their times, none of them soon after the one before.

    An evening that is near is left out. If it is not near, but soon after "in an hour", that is left out instead.

    Args:
        event_starts_at: when the interview starts that the notification is about; an hour before is offered, too.
    """
    times = {name: until_of(time_zone, now) for name, (_label, until_of) in CHOICES.items()}
    if event_starts_at:
        times[BEFORE_EVENT] = event_starts_at - BEFORE
    if times["evening"] < now + APART:
        del times["evening"]
    elif times["evening"] < times["hour"] + APART:
        del times["hour"]
    found: list[SnoozeChoice] = []
    for name, until in sorted(times.items(), key=lambda entry: entry[1]):
        is_apart = not found or until >= found[-1].until + APART
        if until > now and (is_apart or name == BEFORE_EVENT):
            found.append(SnoozeChoice(name, LABELS[name], until))
    return found


def event_start(user: InboxReader, ids: Sequence[int | None]) -> datetime | None:
    """Return when the interview starts that a person's only chosen notification is about; None for others."""
    if len(ids) != 1 or not ids[0]:
        return None
    query = select(Interview.starts_at).join(Notification, Notification.interview_id == Interview.id)
    return db.session.scalar(query.where(Notification.recipient_id == user.id, Notification.id == ids[0]))


def snooze_until(
    user: User, choice: str, now: datetime, *, event_starts_at: datetime | None = None
) -> datetime:
    """Work out when a snooze ends.

    Args:
        choice: a name of `CHOICES`; or in ISO 8601 a date, which means its morning, or a date with a time; or a moment
            in words, as `written_times` reads it. Without an offset it is on the reader's clock.
        event_starts_at: when the interview starts that the notification is about, for times before it.
    Raises:
        Invalid: none of these, not in the future, or more than a year ahead; keyed `until`.
    """
    if choice in CHOICES:
        instant: datetime | None = CHOICES[choice][1](user.time_zone, now)
    elif choice == BEFORE_EVENT:
        instant = event_starts_at - BEFORE if event_starts_at else None
    else:
        instant = _parse(choice, user, now, event_starts_at)
    if instant is None:
        raise Invalid({"until": _read_nothing(choice)})
    if not now < instant <= now + FARTHEST:
        raise Invalid({"until": _("Pick a time in the next 12 months.")})
    return instant


def _read_nothing(choice: str) -> str:
    if not choice.strip():
        return _("Pick a time.")
    return _("We can't read “%(text)s”. Try “fri 9” or “in 2h”.", text=choice[:40])


def _parse(text: str, user: User, now: datetime, event_starts_at: datetime | None) -> datetime | None:
    try:
        return local_time.at_hour(date.fromisoformat(text), MORNING, user.time_zone)
    except (ValueError, OverflowError):
        pass
    try:
        return local_time.parse(text, zone(user.time_zone))
    except (ValueError, OverflowError):
        return written_times.parse_moment(
            text, user.time_zone, user.locale, now, event_starts_at=event_starts_at
        )


def _today(time_zone: str, now: datetime) -> date:
    return now.astimezone(zone(time_zone)).date()
