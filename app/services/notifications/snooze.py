"""When a snooze ends, on the reader's own clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.models import User
from app.rendering.dates import zone
from app.services.base.errors import Invalid
from app.services.base.local_time import at_hour

MORNING, EVENING = 9, 18
# A date beyond this is a mistyped year.
FARTHEST = timedelta(days=366)


@dataclass(frozen=True)
class SnoozeChoice:
    """One entry of the snooze menu: its label, and when the snooze ends."""

    name: str
    label: LazyString
    until: datetime


def _in_days(days: int, hour: int) -> Callable[[User, datetime], datetime]:
    return lambda user, now: at_hour(_today(user, now) + timedelta(days=days), hour, user.time_zone)


def _next_week(user: User, now: datetime) -> datetime:
    today = _today(user, now)
    return at_hour(today + timedelta(days=7 - today.weekday()), MORNING, user.time_zone)


CHOICES: dict[str, tuple[LazyString, Callable[[User, datetime], datetime]]] = {
    "hour": (_l("In an hour"), lambda _user, now: now + timedelta(hours=1)),
    "evening": (_l("This evening"), _in_days(0, EVENING)),
    "tomorrow": (_l("Tomorrow morning"), _in_days(1, MORNING)),
    "week": (_l("Next week"), _next_week),
}


def snooze_choices(user: User, now: datetime) -> list[SnoozeChoice]:
    """List the choices whose time is still to come: in the evening, "this evening" is missing."""
    found = (SnoozeChoice(name, label, until_of(user, now)) for name, (label, until_of) in CHOICES.items())
    return [choice for choice in found if choice.until > now]


def snooze_until(user: User, choice: str, now: datetime) -> datetime:
    """Work out when a snooze ends.

    Args:
        choice: a name of `CHOICES`; or in ISO 8601 a date, which means its morning, or a date with a time. Without an
            offset it is on the reader's clock.
    Raises:
        Invalid: neither of these, not in the future, or more than a year ahead; keyed `until`.
    """
    if choice in CHOICES:
        instant = CHOICES[choice][1](user, now)
    else:
        try:
            instant = _parse(choice, user.time_zone)
        except (ValueError, OverflowError) as error:
            raise Invalid({"until": _("Choose a date.")}) from error
    if not now < instant <= now + FARTHEST:
        raise Invalid({"until": _("Choose a day that is still to come, within a year.")})
    return instant


def _parse(text: str, time_zone: str) -> datetime:
    try:
        return at_hour(date.fromisoformat(text), MORNING, time_zone)
    except ValueError:
        instant = datetime.fromisoformat(text)
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone(time_zone))).astimezone(UTC)


def _today(user: User, now: datetime) -> date:
    return now.astimezone(zone(user.time_zone)).date()
