"""Hours, days and weeks in a person's own time zone, as instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from app.rendering.dates import zone


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
