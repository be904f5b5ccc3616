"""When a person wants to be left alone: quiet hours on their own clock, and a pause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from app.models import User, UserNotificationPreference
from app.rendering.dates import zone
from app.services.base.recipients import Recipient

# What was held for many people must not leave in the same second.
SPREAD_SECONDS = 240


@dataclass(frozen=True)
class Hold:
    """Why messages wait, a code of `verdicts`, and until when."""

    reason: str
    until: datetime


@dataclass(frozen=True)
class QuietStatus:
    """A pause, or the quiet hours that are now (`begins_at` None) or come next."""

    is_paused: bool
    begins_at: datetime | None
    ends_at: datetime


def current_status(user: User, now: datetime) -> QuietStatus | None:
    """What a page says about it; None for somebody who is always to be reached."""
    recipient, preference = Recipient.of(user), user.preference
    if preference.paused_until and preference.paused_until > now:
        return QuietStatus(is_paused=True, begins_at=None, ends_at=preference.paused_until)
    if end := quiet_until(recipient, preference, now):
        return QuietStatus(is_paused=False, begins_at=None, ends_at=end)
    night = next_night(recipient, preference, now)
    return QuietStatus(False, *night) if night else None


def hold_until(user: Recipient, preference: UserNotificationPreference, instant: datetime) -> Hold | None:
    """What keeps messages back at an instant; None where nothing does.

    The end is a little after that of the pause or the night: always the same for one person, so that a dry run
    says what happens and their messages stay in order, but another for the next.
    """
    found = None
    if preference.paused_until and preference.paused_until > instant:
        found = Hold("paused", preference.paused_until)
    # A pause may end in the middle of the night.
    if night_ends := quiet_until(user, preference, found.until if found else instant):
        found = Hold("quiet_hours", night_ends)
    if found is None:
        return None
    spread = found.until + _spread(user)
    # Not into the next night: where the day is that short, everything leaves as soon as it may.
    return found if quiet_until(user, preference, spread) else Hold(found.reason, spread)


def quiet_until(
    user: Recipient, preference: UserNotificationPreference, instant: datetime
) -> datetime | None:
    """When the quiet hours around an instant end; None outside them.

    A quiet night belongs to the day on which it starts.
    """
    if not preference.quiet_enabled:
        return None
    here = zone(user.time_zone)
    today = instant.astimezone(here).date()
    for day in (today, today - timedelta(days=1)):
        start, end = _night(preference, day, here)
        if day.weekday() in preference.quiet_days and start <= instant < end:
            return end.astimezone(instant.tzinfo)
    return None


def next_night(
    user: Recipient, preference: UserNotificationPreference, instant: datetime
) -> tuple[datetime, datetime] | None:
    """When the quiet hours after an instant begin and end; None where there are none."""
    if not preference.quiet_enabled or not preference.quiet_days:
        return None
    here = zone(user.time_zone)
    today = instant.astimezone(here).date()
    nights = (_night(preference, day, here) for day in (today + timedelta(days=n) for n in range(9)))
    return next(
        (
            (start, end)
            for start, end in nights
            if start > instant and start.astimezone(here).weekday() in preference.quiet_days
        ),
        None,
    )


def _night(preference: UserNotificationPreference, day: date, here: tzinfo) -> tuple[datetime, datetime]:
    """The quiet hours that start on a day, as instants. Where the clock changes, in doubt it is quiet."""
    crosses_midnight = preference.quiet_end < preference.quiet_start
    start = _possible_instants(day, preference.quiet_start, here)
    end = _possible_instants(day + timedelta(days=crosses_midnight), preference.quiet_end, here)
    return min(start), max(end)


def _possible_instants(day: date, clock: time, here: tzinfo) -> tuple[datetime, datetime]:
    """The instants that a time of day may mean: two where it comes twice or not at all (PEP 495)."""
    local = datetime.combine(day, clock, here)
    # In UTC, for comparing two times of the same zone would look at the wall clock only.
    first, second = (local.replace(fold=fold).timestamp() for fold in (0, 1))
    return datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(second, UTC)


def _spread(user: Recipient) -> timedelta:
    # The multiplier scatters neighbouring ids.
    return timedelta(seconds=user.id * 47 % SPREAD_SECONDS)
