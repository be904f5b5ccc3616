"""Dates and durations in a reader's time zone and language."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_time, format_timedelta
from flask_babel import gettext as _

from app.rendering.locales import time_format

UNITS: tuple[Literal["day", "hour", "minute"], ...] = ("day", "hour", "minute")


def zone(name: str) -> tzinfo:
    """Return the time zone with this IANA name; UTC where the machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def day(instant: datetime, time_zone: str, locale: str) -> str:
    """Format as `Thursday 12 March 2026`."""
    return _local_day(instant, "EEEE d MMMM y", time_zone, locale)


def short_day(instant: datetime, time_zone: str, locale: str) -> str:
    """Format as `Thu 12 Mar`."""
    return _local_day(instant, "EEE d MMM", time_zone, locale)


def short(instant: datetime, time_zone: str, locale: str, now: datetime) -> str:
    """Format as `Thu 12 Mar 14:00`, with the year unless it is the present one, in the current language."""
    day_text = _day_of(instant, time_zone, locale, now)
    return _("%(day)s %(time)s", day=day_text, time=clock(instant, time_zone, locale))


def short_with_comma(instant: datetime, time_zone: str, locale: str, now: datetime) -> str:
    """Format as `Thu 12 Mar, 14:00`, to stand beside a `span`; years as `short`."""
    first = _day_of(instant, time_zone, locale, now)
    return _("%(day)s, %(times)s", day=first, times=clock(instant, time_zone, locale))


def span(start: datetime, end: datetime, time_zone: str, locale: str, now: datetime) -> str:
    """Format as `Thu 12 Mar, 14:00-15:00`, or `Thu 12 Mar, 23:30 - Fri 13 Mar, 00:30`; years as `short`."""
    first = _day_of(start, time_zone, locale, now)
    return _("%(day)s, %(times)s", day=first, times=short_times(start, end, time_zone, locale, now))


def short_times(start: datetime, end: datetime, time_zone: str, locale: str, now: datetime) -> str:
    """Format as `span` without the first day; on a 12-hour clock `2:00-3:00 PM`."""
    if not ends_on_another_day(start, end, time_zone):
        return _clock_times(start, end, time_zone, locale)
    begins, ends = (clock(instant, time_zone, locale) for instant in (start, end))
    last = _day_of(end, time_zone, locale, now)
    return _("%(start)s \N{EN DASH} %(day)s, %(end)s", start=begins, day=last, end=ends)


def times_below(day: date, start: datetime, end: datetime, time_zone: str, locale: str) -> str:
    """Format below the heading of a day as `23:30-00:30`, or `Sun 23:30-00:30` if it starts on an earlier day."""
    if end - start >= timedelta(days=1):
        return short_times(start, end, time_zone, locale, start)
    times_text = _clock_times(start, end, time_zone, locale)
    if start.astimezone(zone(time_zone)).date() == day:
        return times_text
    return _("%(day)s %(time)s", day=_local_day(start, "EEE", time_zone, locale), time=times_text)


def _clock_times(start: datetime, end: datetime, time_zone: str, locale: str) -> str:
    begins, ends = (clock(instant, time_zone, locale) for instant in (start, end))
    without_half, _space, half = begins.rpartition(" ")
    if time_format(locale) == "12h" and ends.endswith(f" {half}"):
        begins = without_half
    return _("%(start)s\N{EN DASH}%(end)s", start=begins, end=ends)


def _day_of(instant: datetime, time_zone: str, locale: str, now: datetime) -> str:
    local_zone = zone(time_zone)
    is_this_year = instant.astimezone(local_zone).year == now.astimezone(local_zone).year
    # Patterns of Unicode TR 35, which translators adapt to their language.
    return _local_day(instant, _("EEE d MMM") if is_this_year else _("EEE d MMM y"), time_zone, locale)


def _local_day(instant: datetime, pattern: str, time_zone: str, locale: str) -> str:
    return _formatted_day(instant.astimezone(zone(time_zone)).date(), pattern, locale)


# Babel takes 50 µs, and the rows of lists and digests show the same days again and again.
@lru_cache(maxsize=10_000)
def _formatted_day(local: date, pattern: str, locale: str) -> str:
    return format_date(local, pattern, locale=locale)


def clock(instant: datetime, time_zone: str, locale: str) -> str:
    """Format as `time_of_day`, or `02:30 CEST` in the hour that comes twice when clocks are set back."""
    return time_of_day(instant.astimezone(zone(time_zone)), locale) + repeated_hour_note(instant, time_zone)


def time_of_day(local: datetime | time, locale: str) -> str:
    """Format as `14:00` in every language, or `2:00 PM` for a reader with a 12-hour clock."""
    if time_format(locale) == "24h":
        return f"{local:%H:%M}"
    return _formatted_time(time(local.hour, local.minute), _("h:mm a"), locale)


@lru_cache(maxsize=1_440)
def _formatted_time(local: time, pattern: str, locale: str) -> str:
    return format_time(local, pattern, locale=locale)


def repeated_hour_note(instant: datetime, time_zone: str) -> str:
    """Return ` CEST` or ` UTC+10:30`, to follow a time of day that comes twice on its day; else an empty string."""
    local = instant.astimezone(zone(time_zone))
    if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
        return ""
    name = local.tzname() or ""
    # Zones without an abbreviation of their own are named by their offset: `+1030`.
    return f" {name}" if name.isalpha() else f" {utc_offset(local)}"


def utc_offset(local: datetime) -> str:
    """Format the offset of a local time as `UTC+05:45`."""
    digits = f"{local:%z}"
    return f"UTC{digits[:3]}:{digits[3:5]}"


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
    return _(
        "%(day)s, %(times)s (%(zone)s)",
        day=day(start, time_zone, locale),
        times=times(start, end, time_zone, locale),
        zone=zone_label(time_zone),
    )


def times(start: datetime, end: datetime, time_zone: str, locale: str) -> str:
    """Format a span as `14:00 to 15:00`, or `23:30 to Friday 13 March 2026, 00:30` if it ends on another day."""
    begins, ends = (clock(instant, time_zone, locale) for instant in (start, end))
    if not ends_on_another_day(start, end, time_zone):
        return _("%(start)s to %(end)s", start=begins, end=ends)
    last = day(end, time_zone, locale)
    return _("%(start)s to %(day)s, %(end)s", start=begins, day=last, end=ends)


def start_of_span(start: datetime, end: datetime | None, time_zone: str, locale: str) -> str:
    """Format the start in full, and the end too if it is on another day."""
    if end is None or not ends_on_another_day(start, end, time_zone):
        return full(start, time_zone, locale)
    return interval(start, end, time_zone, locale)


def start_time_of_span(start: datetime, end: datetime | None, time_zone: str, locale: str) -> str:
    """Format the time of day of the start, and the end too if it is on another day."""
    if end is None or not ends_on_another_day(start, end, time_zone):
        return clock(start, time_zone, locale)
    return times(start, end, time_zone, locale)


def ends_on_another_day(start: datetime, end: datetime, time_zone: str) -> bool:
    """Whether a span ends on another day than it starts, in this time zone."""
    first, last = (instant.astimezone(zone(time_zone)).date() for instant in (start, end))
    return first != last


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


def with_place(instant: datetime, time_zone: str, locale: str) -> str:
    """Format as `Mon 30 Nov, 09:00 (Paris)`, for a button."""
    return _(
        "%(day)s, %(time)s (%(zone)s)",
        day=short_day(instant, time_zone, locale),
        time=clock(instant, time_zone, locale),
        zone=place(time_zone),
    )


def place(time_zone: str) -> str:
    """Return `Paris` for `Europe/Paris`, `UTC` for `Etc/UTC`."""
    return time_zone.rpartition("/")[2].replace("_", " ")


def zone_label(time_zone: str) -> str:
    """Return `Paris time` for `Europe/Paris`, and `UTC` for zones that are not named after a place."""
    area, slash, place = time_zone.rpartition("/")
    if not slash or area == "Etc":
        return time_zone
    return _("%(place)s time", place=place.replace("_", " "))
