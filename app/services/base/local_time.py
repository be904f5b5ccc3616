"""Hours, days and weeks of a local time zone, as instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from app.rendering.dates import zone


def parse(text: str, here: tzinfo) -> datetime:
    """Parse a date with a time, on the clock of a time zone unless it has an offset (ISO 8601).

    A time that the clocks skip moves forward as they do. Of a time that comes twice, the first is meant.

    Raises:
        ValueError, OverflowError: not a time, or at an end of the calendar.
    """
    given = datetime.fromisoformat(text)
    return (given if given.tzinfo else given.replace(tzinfo=here)).astimezone(UTC)


def at_hour(day: date, hour: int, time_zone: str) -> datetime:
    """Convert a local hour to an instant.

    An hour that the clocks skip starts right after the change. If that is on the next day, as in Greenland, the hour
    before is meant.
    """
    here = zone(time_zone)
    instant = datetime.combine(day, time(hour), here).astimezone(UTC)
    if hour and instant.astimezone(here).date() > day:
        return at_hour(day, hour - 1, time_zone)
    return instant


def day_bounds(instant: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """Return the local day that contains an instant: its midnight and the next one."""
    return day_range(instant.astimezone(zone(time_zone)).date(), time_zone)


def day_range(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """Return the midnight at which a local day starts, and the next one."""
    return at_hour(day, 0, time_zone), at_hour(day + timedelta(days=1), 0, time_zone)


def week_start(instant: datetime, time_zone: str) -> datetime:
    """Return the start of the local week that contains an instant: midnight on Monday."""
    day = instant.astimezone(zone(time_zone)).date()
    return at_hour(day - timedelta(days=day.weekday()), 0, time_zone)
