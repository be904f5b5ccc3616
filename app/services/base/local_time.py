"""Hours, days and weeks of a local time zone, as instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from app.rendering.dates import zone


def at_hour(day: date, hour: int, time_zone: str) -> datetime:
    """Convert a local hour to an instant; an hour that the clocks skip starts right after the change."""
    return datetime.combine(day, time(hour), zone(time_zone)).astimezone(UTC)


def day_bounds(instant: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """Return the local day that contains an instant: its midnight and the next one."""
    day = instant.astimezone(zone(time_zone)).date()
    return at_hour(day, 0, time_zone), at_hour(day + timedelta(days=1), 0, time_zone)


def week_start(instant: datetime, time_zone: str) -> datetime:
    """Return the start of the local week that contains an instant: midnight on Monday."""
    day = instant.astimezone(zone(time_zone)).date()
    return at_hour(day - timedelta(days=day.weekday()), 0, time_zone)
