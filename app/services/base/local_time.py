"""When a digest is due: pure questions of the clock and the calendar, in the reader's own zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from app.rendering.dates import zone

DAILY, WEEKLY = "daily_digest", "weekly_summary"
KINDS = (DAILY, WEEKLY)
# Who flies across the date line, or moves the digest hour, is not written to twice within these hours.
APART = timedelta(hours=6)
WEEK = timedelta(days=7)
# A summary missed on Monday is made up for until Wednesday; later it would be old news.
LATE_DAYS = timedelta(days=2)


def due_date(
    kind: str, hour: int, time_zone: str, now: datetime, *, last: date | None, last_at: datetime | None
) -> date | None:
    """The local date whose digest is to be settled now; None when none is.

    A date has one digest, from its digest hour on: after an outage it comes late, and those of the dates that
    passed meanwhile do not come at all, because one holds everything that is still unread.

    Args:
        hour, time_zone: the reader's.
        last, last_at: the newest date that was settled, and when.
    """
    today = now.astimezone(zone(time_zone)).date()
    day = today if kind == DAILY else today - timedelta(days=today.weekday())
    if last is not None and last >= day:
        return None
    # Whoever has just asked for a summary gets the first one on a Monday, not in the middle of a week.
    if day < today and (last != day - WEEK or today - day > LATE_DAYS):
        return None
    earliest = at_hour(day, hour, time_zone)
    if last_at is not None:
        earliest = max(earliest, last_at + APART)
    return day if now >= earliest else None


def at_hour(day: date, hour: int, time_zone: str) -> datetime:
    """The instant of a local hour; one that the clocks skip comes when they have been put forward."""
    return datetime.combine(day, time(hour), zone(time_zone)).astimezone(UTC)


def day_bounds(instant: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """The local day around an instant: its midnight and the next."""
    day = instant.astimezone(zone(time_zone)).date()
    return at_hour(day, 0, time_zone), at_hour(day + timedelta(days=1), 0, time_zone)


def week_start(instant: datetime, time_zone: str) -> datetime:
    """The local Monday's midnight before an instant."""
    day = instant.astimezone(zone(time_zone)).date()
    return at_hour(day - timedelta(days=day.weekday()), 0, time_zone)
