"""Instants as people say them, in a zone and a language."""

from __future__ import annotations

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_datetime
from flask_babel import gettext as _


def zone(name: str) -> tzinfo:
    """The time zone of that IANA name; UTC where the machine does not know it (any more)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def day(instant: datetime, time_zone: str, locale: str) -> str:
    """`Thursday 12 March 2026`."""
    return format_datetime(instant, "EEEE d MMMM y", tzinfo=zone(time_zone), locale=locale)


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


def zone_label(time_zone: str) -> str:
    """`Paris time` for `Europe/Paris`, `UTC` for zones that are no place."""
    area, slash, place = time_zone.rpartition("/")
    if not slash or area == "Etc":
        return time_zone
    return _("%(place)s time", place=place.replace("_", " "))
