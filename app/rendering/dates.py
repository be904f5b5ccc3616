"""Dates and durations in a reader's time zone and language."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_datetime, format_timedelta
from flask_babel import gettext as _

UNITS: tuple[Literal["day", "hour", "minute"], ...] = ("day", "hour", "minute")


def zone(name: str) -> tzinfo:
    """Return the time zone with this IANA name; UTC where the machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def day(instant: datetime, time_zone: str, locale: str) -> str:
    """Format as `Thursday 12 March 2026`."""
    return format_datetime(instant, "EEEE d MMMM y", tzinfo=zone(time_zone), locale=locale)


def short_day(instant: datetime, time_zone: str, locale: str) -> str:
    """Format as `Thu 12 Mar`."""
    return format_datetime(instant, "EEE d MMM", tzinfo=zone(time_zone), locale=locale)


def clock(instant: datetime, time_zone: str, locale: str) -> str:
    """Format as `14:00`."""
    return format_datetime(instant, "HH:mm", tzinfo=zone(time_zone), locale=locale)


def full(instant: datetime, time_zone: str, locale: str) -> str:
    """Format as `Thursday 12 March 2026 at 14:00 (Paris time)`, so that the reader knows which clock is meant."""
    return _(
        "%(day)s at %(time)s (%(zone)s)",
        day=day(instant, time_zone, locale),
        time=clock(instant, time_zone, locale),
        zone=zone_label(time_zone),
    )


def interval(start: datetime, end: datetime, time_zone: str, locale: str) -> str:
    """Format as `Thursday 12 March 2026, 14:00 to 15:00 (Paris time)`; a second day is named too."""
    first, last = (day(instant, time_zone, locale) for instant in (start, end))
    begins, ends = (clock(instant, time_zone, locale) for instant in (start, end))
    label = zone_label(time_zone)
    if first == last:
        return _("%(day)s, %(start)s to %(end)s (%(zone)s)", day=first, start=begins, end=ends, zone=label)
    return _(
        "%(day)s, %(start)s to %(last)s, %(end)s (%(zone)s)",
        day=first,
        start=begins,
        last=last,
        end=ends,
        zone=label,
    )


def duration(minutes: int, locale: str) -> str:
    """Format as `1 hour`, `2 hours 30 minutes` or `1 day`; minutes are left out from a day on."""
    days, rest = divmod(minutes, 24 * 60)
    hours, rest = divmod(rest, 60)
    spans = (timedelta(days=days), timedelta(hours=hours), timedelta(minutes=0 if days else rest))
    # The threshold keeps Babel from rounding 90 minutes up to 2 hours.
    parts = [
        format_timedelta(span, granularity=unit, threshold=10_000, locale=locale)
        for span, unit in zip(spans, UNITS, strict=True)
        if span
    ]
    return " ".join(parts)


def zone_label(time_zone: str) -> str:
    """Return `Paris time` for `Europe/Paris`, and `UTC` for zones that are not named after a place."""
    area, slash, place = time_zone.rpartition("/")
    if not slash or area == "Etc":
        return time_zone
    return _("%(place)s time", place=place.replace("_", " "))
