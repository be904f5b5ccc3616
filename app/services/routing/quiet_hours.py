"""Holds messages to a person: quiet hours in their time zone, and pauses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from app.models import User, UserNotificationPreference
from app.rendering.dates import zone
from app.services.base.recipients import Recipient

# Messages that were held for many people are sent over this time, not all in the same second.
SPREAD_SECONDS = 240


@dataclass(frozen=True)
class Hold:
    """The reason why messages are held (a code of `reasons`), and the end."""

    reason: str
    until: datetime


@dataclass(frozen=True)
class QuietStatus:
    """A pause, or the current quiet hours (`begins_at` is None), or the next ones."""

    is_paused: bool
    begins_at: datetime | None
    ends_at: datetime


def current_status(user: User, now: datetime) -> QuietStatus | None:
    """Return the status to show on a page; None for a person without quiet hours or a pause."""
    recipient, preference = Recipient.from_user(user), user.preference
    if preference.paused_until and preference.paused_until > now:
        return QuietStatus(is_paused=True, begins_at=None, ends_at=preference.paused_until)
    if end := quiet_until(recipient, preference, now):
        return QuietStatus(is_paused=False, begins_at=None, ends_at=end)
    night = next_night(recipient, preference, now)
    return QuietStatus(False, *night) if night else None


def hold_until(user: Recipient, preference: UserNotificationPreference, instant: datetime) -> Hold | None:
    """Return what holds messages that are due at an instant; None if nothing does.

    They are held a little longer than the pause or the quiet hours. The delay differs between people but is always the
    same for one person, so that dry runs are exact and messages stay in order.
    """
    hold = None
    if preference.paused_until and preference.paused_until > instant:
        hold = Hold("paused", preference.paused_until)
    # A pause may end during quiet hours.
    if night_ends := quiet_until(user, preference, hold.until if hold else instant):
        hold = Hold("quiet_hours", night_ends)
    if hold is None:
        return None
    delayed = hold.until + _spread(user)
    # No delay where the next quiet hours begin before it ends.
    return hold if quiet_until(user, preference, delayed) else Hold(hold.reason, delayed)


def quiet_until(
    user: Recipient, preference: UserNotificationPreference, instant: datetime
) -> datetime | None:
    """Return when the quiet hours around an instant end; None outside quiet hours.

    Quiet hours over midnight belong to the day on which they start.
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
    """Return when the next quiet hours after an instant begin and end; None if there are none."""
    if not preference.quiet_enabled or not preference.quiet_days:
        return None
    here = zone(user.time_zone)
    today = instant.astimezone(here).date()
    for days in range(9):
        start, end = _night(preference, today + timedelta(days=days), here)
        if start > instant and start.astimezone(here).weekday() in preference.quiet_days:
            return start, end
    return None


def _night(preference: UserNotificationPreference, day: date, here: tzinfo) -> tuple[datetime, datetime]:
    """Return the quiet hours that start on a day; the longer reading where the clocks change."""
    crosses_midnight = preference.quiet_end < preference.quiet_start
    last_day = day + timedelta(days=1) if crosses_midnight else day
    start = _possible_instants(day, preference.quiet_start, here)
    end = _possible_instants(last_day, preference.quiet_end, here)
    return min(start), max(end)


def _possible_instants(day: date, clock: time, here: tzinfo) -> tuple[datetime, datetime]:
    """Return the two readings of a time of day; they differ where it occurs twice or never (PEP 495)."""
    local = datetime.combine(day, clock, here)
    # In UTC, because Python compares two times of the same zone by their wall clock.
    first, second = (local.replace(fold=fold).timestamp() for fold in (0, 1))
    return datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(second, UTC)


def _spread(user: Recipient) -> timedelta:
    # The multiplier separates neighbouring ids.
    return timedelta(seconds=user.id * 47 % SPREAD_SECONDS)
