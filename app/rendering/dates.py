"""Instants as people say them, in a zone and a language."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_datetime, format_timedelta
from flask_babel import gettext as _

UNITS: tuple[Literal["day", "hour", "minute"], ...] = ("day", "hour", "minute")


def zone(name: str) -> tzinfo:
    """The time zone of that IANA name; UTC where the machine does not know it (any more)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def day(instant: datetime, time_zone: str, locale: str) -> str:
    """`Thursday 12 March 2026`."""
    return format_datetime(instant, "EEEE d MMMM y", tzinfo=zone(time_zone), locale=locale)


def short_day(instant: datetime, time_zone: str, locale: str) -> str:
    """`Thu 12 Mar`."""
    return format_datetime(instant, "EEE d MMM", tzinfo=zone(time_zone), locale=locale)


def clock(instant: datetime, time_zone: str, locale: str) -> str:
    """`14:00`."""
    return format_datetime(instant, "HH:mm", tzinfo=zone(time_zone), locale=locale)


def full(instant: datetime, time_zone: str, locale: str) -> str:
    """`Thursday 12 March 2026 at 14:00 (Paris time)`: a date that can be acted on says whose clock it means."""
    return _(
        "%(day)s at %(time)s (%(zone)s)",
        day=day(instant, time_zone, locale),
        time=clock(instant, time_zone, locale),
        zone=zone_label(time_zone),
    )


def duration(minutes: int, locale: str) -> str:
    """`1 hour`, `2 hours 30 minutes`, `1 day`; what is long is said in days and hours."""
    days, rest = divmod(minutes, 24 * 60)
    hours, rest = divmod(rest, 60)
    spans = (timedelta(days=days), timedelta(hours=hours), timedelta(minutes=0 if days else rest))
    # The threshold keeps Babel from rounding 90 minutes up to 2 hours.
    said = [
        format_timedelta(span, granularity=unit, threshold=10_000, locale=locale)
        for span, unit in zip(spans, UNITS, strict=True)
        if span
    ]
    return " ".join(said)


def zone_label(time_zone: str) -> str:
    """`Paris time` for `Europe/Paris`, `UTC` for zones that are no place."""
    area, slash, place = time_zone.rpartition("/")
    if not slash or area == "Etc":
        return time_zone
    return _("%(place)s time", place=place.replace("_", " "))
