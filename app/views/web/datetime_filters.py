"""Template filters for dates and times in the reader's language and time zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from flask import Flask
from flask_babel import get_locale, get_timezone, get_translations, ngettext
from flask_babel import gettext as _
from jinja2 import pass_context

from app.clock import utc_now
from app.rendering import dates, locales
from app.rendering.key_facts import FactsLine, facts_line
from app.services.base import local_time


def register(app: Flask) -> None:
    """Add the template filters."""
    app.add_template_filter(dates.place, "place_name")
    app.add_template_filter(locales.language_tag)
    app.add_template_global(hour_cycle)
    for function in (
        short_time,
        long_time,
        day_name,
        day_note,
        mark_day_done,
        full_day,
        clock_time,
        time_of_day,
        exact_time,
        log_time,
        planned_time,
        full_time,
        back_at,
        menu_time,
    ):
        app.add_template_filter(_for_each_reader(function), function.__name__)


def _for_each_reader(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take the context, too: other filters of a constant are applied once, as the first reader would see it."""

    @pass_context
    def apply(_context: object, *arguments: Any, **options: Any) -> Any:
        return function(*arguments, **options)

    return apply


def local(instant: datetime) -> datetime:
    """Convert an instant to the reader's time zone."""
    return instant.astimezone(get_timezone() or ZoneInfo("UTC"))


def time_zone() -> str:
    """Return the name of the reader's time zone."""
    return str(get_timezone() or "UTC")


def day_range(day: date) -> tuple[datetime, datetime]:
    """Return the start of a day in the reader's time zone, and of the next day."""
    return local_time.day_range(day, time_zone())


class RowTime(NamedTuple):
    """A row's time, shortened and in full."""

    short: str
    full: str


class RowClock:
    """Formats the times of a list's rows at one instant, each only when its text changes.

    Babel takes 50 to 100 µs for a time, and most rows show for a day what they showed a minute ago.
    """

    def __init__(self, now: datetime) -> None:
        zone, locale = get_timezone() or ZoneInfo("UTC"), get_locale()
        self._time_zone, self._locale = str(zone), str(locale)
        self._now, self._today = now, now.astimezone(zone).date()
        # When a text that was returned, or the day, next changes.
        self.changes_at = local_time.day_range(self._today, self._time_zone)[1]
        # The translations are one object for each language of an application.
        self._reader = get_translations(), zone, locale

    def read(self, instant: datetime) -> RowTime:
        """Return when a row appeared: "4m" and "4 minutes ago"."""
        minutes = _minutes_between(instant, self._now)
        # From an hour on, only hours are shown.
        elapsed, step = (minutes, 1) if minutes < 60 else (minutes // 60 * 60, 60)
        day = self.day(instant)
        if day >= self._today:
            self.changes_at = min(self.changes_at, instant + timedelta(minutes=elapsed + step))
        if day == self._today and elapsed >= 0:
            return _elapsed_time(self._reader, elapsed)
        return _row_time(self._reader, instant, self._today, elapsed)

    def read_return(self, instant: datetime) -> RowTime:
        """Return when a snoozed row returns: "09:00" and "Back tomorrow at 09:00"."""
        return _return_time(self._reader, instant, self._today)

    def read_facts(self, notification_type: str, facts: Mapping[str, Any]) -> FactsLine:
        """Return the facts of a notification: "Mon 30 Nov 15:00 · Staff Data Engineer"."""
        return facts_line(notification_type, facts, self._time_zone, self._locale, self._now)

    def day(self, instant: datetime) -> date:
        """Return the day of an instant."""
        return _day(self._reader[1], instant)


@lru_cache(maxsize=1_000)
def _elapsed_time(_reader: object, minutes: int) -> RowTime:
    return RowTime(_short_elapsed(minutes), _long_elapsed(minutes))


@lru_cache(maxsize=10_000)
def _row_time(_reader: object, instant: datetime, today: date, minutes: int) -> RowTime:
    return RowTime(_short_time(instant, today, minutes), _long_time(instant, today, minutes))


@lru_cache(maxsize=1_000)
def _return_time(_reader: object, instant: datetime, today: date) -> RowTime:
    return RowTime(clock_time(instant), _back_at(instant, today))


@lru_cache(maxsize=10_000)
def _day(time_zone: tzinfo, instant: datetime) -> date:
    return instant.astimezone(time_zone).date()


def short_time(instant: datetime, now: datetime | None = None) -> str:
    """Format a row's time: "now", "4m", "3h" today; "17:12" yesterday; "Tue" this week; "12 Feb" before."""
    now = now or utc_now()
    return _short_time(instant, local(now).date(), _minutes_between(instant, now))


def _minutes_between(instant: datetime, now: datetime) -> int:
    return max((now - instant) // timedelta(minutes=1), -1)


def _short_time(instant: datetime, today: date, minutes: int) -> str:
    then = local(instant)
    if then.date() >= today:
        return _short_elapsed(minutes)
    if then.date() == today - timedelta(days=1):
        return clock_time(instant)
    if then.date() > today - timedelta(days=7):
        return _format(then, "EEE")
    return _format(then, _("d MMM") if then.year == today.year else _("MMM y"))


def _short_elapsed(minutes: int) -> str:
    if minutes < 1:
        return _("now")
    return _("%(n)dm", n=minutes) if minutes < 60 else _("%(n)dh", n=minutes // 60)


def long_time(instant: datetime, now: datetime | None = None) -> str:
    """Format a time in full, for screen readers and details: "4 minutes ago", "Monday 23 February at 16:48"."""
    now = now or utc_now()
    return _long_time(instant, local(now).date(), _minutes_between(instant, now))


def _long_time(instant: datetime, today: date, minutes: int) -> str:
    day = local(instant).date()
    if day == today and minutes >= 0:
        return _long_elapsed(minutes)
    return _("%(day)s at %(time)s", day=_full_day(day, today), time=clock_time(instant))


def _long_elapsed(minutes: int) -> str:
    if minutes < 1:
        return _("just now")
    if minutes < 60:
        return ngettext("%(num)d minute ago", "%(num)d minutes ago", minutes)
    return ngettext("%(num)d hour ago", "%(num)d hours ago", minutes // 60)


def clock_time(instant: datetime) -> str:
    """Format the time of day: "16:48", or "02:30 CEST" in an hour that comes twice."""
    # Patterns of Unicode TR 35, which translators adapt to their language.
    return _format_time(instant, _("h:mm a") if hour_cycle() == "h12" else _("HH:mm"))


def time_of_day(clock: time | str) -> str:
    """Format a time of a local clock, or its JSON form "16:48", as `clock_time`."""
    clock = time.fromisoformat(clock) if isinstance(clock, str) else clock
    return dates.time_of_day(clock, str(get_locale()))


def hour_cycle() -> str:
    """Return the hour cycle of the reader's clock as scripts name it: "h12" or "h23"."""
    return "h12" if locales.time_format(str(get_locale())) == "12h" else "h23"


def _exact_clock(instant: datetime) -> str:
    return _format_time(instant, _("h:mm:ss a") if hour_cycle() == "h12" else _("HH:mm:ss"))


def exact_time(instant: datetime) -> str:
    """Format a time to the second: "18 Nov 13:49:05"."""
    return f"{_format(local(instant), _('d MMM'))} {_exact_clock(instant)}"


def log_time(instant: datetime, now: datetime | None = None) -> str:
    """Format a time of a log to the second: "13:49:05" today, else "18 Nov 13:49:05"."""
    if local(instant).date() == local(now or utc_now()).date():
        return _exact_clock(instant)
    return exact_time(instant)


def planned_time(instant: datetime) -> str:
    """Format a time to come, with the clock that it is on: "Mon 30 Nov, 09:00 (Paris)"."""
    return dates.with_place(instant, time_zone(), str(get_locale()))


def full_time(instant: datetime) -> str:
    """Format a day with its year, and a time to the second: "18 Nov 2026 13:49:05"."""
    return f"{_format(local(instant), _('d MMM y'))} {_exact_clock(instant)}"


def full_day(day: date, now: datetime | None = None) -> str:
    """Format a day in full, with the year unless it is this year: "Monday 23 February"."""
    return _full_day(day, local(now or utc_now()).date())


def _full_day(day: date, today: date) -> str:
    return _format(day, _("EEEE d MMMM") if day.year == today.year else _("EEEE d MMMM y"))


def day_name(day: date, now: datetime | None = None) -> str:
    """Format the heading of a day: "Today", "Yesterday", "Tuesday" within a week, else "23 February"."""
    today = local(now or utc_now()).date()
    near = {-1: _("Yesterday"), 0: _("Today"), 1: _("Tomorrow")}.get((day - today).days)
    if near:
        return near
    if today - timedelta(days=7) < day < today + timedelta(days=7):
        return _format(day, "EEEE")
    return _format(day, _("d MMMM") if day.year == today.year else _("d MMMM y"))


def day_note(day: date, now: datetime | None = None) -> str:
    """Format the part that `day_name` omits: the date of "Today" and of "Monday", the weekday of a date."""
    today = local(now or utc_now()).date()
    distance = abs((day - today).days)
    if distance <= 1:
        return full_day(day, now)
    return _format(day, _("d MMMM") if distance < 7 else "EEEE")


def mark_day_done(day: date, now: datetime | None = None) -> str:
    """Label the button of a day: "Mark today done", "Mark Tuesday done"."""
    near = {-1: _("Mark yesterday done"), 0: _("Mark today done"), 1: _("Mark tomorrow done")}
    distance = (day - local(now or utc_now()).date()).days
    return near.get(distance) or _("Mark %(day)s done", day=day_name(day, now))


def back_at(instant: datetime, now: datetime | None = None) -> str:
    """Say when a snoozed notification returns: "Back tomorrow at 09:00", "Back Monday 16 March at 09:00"."""
    return _back_at(instant, local(now or utc_now()).date())


def _back_at(instant: datetime, today: date) -> str:
    day = local(instant).date()
    if day == today:
        return _("Back today at %(time)s", time=clock_time(instant))
    if day == today + timedelta(days=1):
        return _("Back tomorrow at %(time)s", time=clock_time(instant))
    return _("Back %(day)s at %(time)s", day=_full_day(day, today), time=clock_time(instant))


def menu_time(instant: datetime, now: datetime | None = None) -> str:
    """Format a snooze time: "16:00" today, "Fri 09:00" within a week, else "13 Mar 09:00"."""
    days = (local(instant).date() - local(now or utc_now()).date()).days
    if not days:
        return clock_time(instant)
    pattern = "EEE" if days < 7 else _("d MMM")
    return _("%(day)s %(time)s", day=_format(local(instant), pattern), time=clock_time(instant))


def _format_time(instant: datetime, pattern: str) -> str:
    return _formatted_time(instant, pattern, get_timezone() or ZoneInfo("UTC"), get_locale())


def _format(day: date, pattern: str) -> str:
    return _formatted_day(day, pattern, get_locale())


# Babel takes 50 µs for a time, and a page shows the same ones again and again.
@lru_cache(maxsize=1_000)
def _formatted_time(instant: datetime, pattern: str, zone: tzinfo, locale: Locale | None) -> str:
    there = instant.astimezone(zone)
    clock = format_time(there, pattern, tzinfo=there.tzinfo, locale=locale)
    return clock + dates.repeated_hour_note(instant, str(zone))


@lru_cache(maxsize=1_000)
def _formatted_day(day: date, pattern: str, locale: Locale | None) -> str:
    return format_date(day, pattern, locale=locale)
