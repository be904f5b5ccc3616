"""Template filters for dates and times in the reader's language and time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from flask import Flask
from flask_babel import format_datetime, get_locale, get_timezone, ngettext
from flask_babel import gettext as _

from app.clock import utc_now
from app.rendering import dates


def register(app: Flask) -> None:
    """Add the template filters."""
    for function in (
        short_time,
        long_time,
        day_name,
        day_note,
        mark_day_done,
        full_day,
        clock_time,
        exact_time,
        full_time,
        back_at,
        menu_time,
    ):
        app.add_template_filter(function)


def local(instant: datetime) -> datetime:
    """Convert an instant to the reader's time zone."""
    return instant.astimezone(get_timezone() or ZoneInfo("UTC"))


def time_zone() -> str:
    """Return the name of the reader's time zone."""
    return str(get_timezone() or "UTC")


def day_range(day: date) -> tuple[datetime, datetime]:
    """Return the start of a day in the reader's time zone, and of the next day."""
    # By name, because the zone of flask-babel knows the offsets of instants but not of dates.
    here = ZoneInfo(time_zone())
    start, end = (
        datetime(each.year, each.month, each.day, tzinfo=here) for each in (day, day + timedelta(days=1))
    )
    return start.astimezone(UTC), end.astimezone(UTC)


def short_time(instant: datetime, now: datetime | None = None) -> str:
    """Format a row's time: "now", "4m", "3h" today; "17:12" yesterday; "Tue" this week; "12 Feb" before."""
    now = now or utc_now()
    then, today = local(instant), local(now).date()
    minutes = int((now - instant).total_seconds() // 60)
    if then.date() >= today:
        if minutes < 1:
            return _("now")
        return _("%(n)dm", n=minutes) if minutes < 60 else _("%(n)dh", n=minutes // 60)
    if then.date() == today - timedelta(days=1):
        return clock_time(instant)
    if then.date() > today - timedelta(days=7):
        return _format(then, "EEE")
    return _format(then, _("d MMM") if then.year == today.year else _("MMM y"))


def long_time(instant: datetime, now: datetime | None = None) -> str:
    """Format a time in full, for screen readers and details: "4 minutes ago", "Monday 23 February at 16:48"."""
    now = now or utc_now()
    minutes = int((now - instant).total_seconds() // 60)
    if local(instant).date() == local(now).date() and minutes >= 0:
        if minutes < 1:
            return _("just now")
        if minutes < 60:
            return ngettext("%(num)d minute ago", "%(num)d minutes ago", minutes)
        return ngettext("%(num)d hour ago", "%(num)d hours ago", minutes // 60)
    return _("%(day)s at %(time)s", day=full_day(local(instant).date(), now), time=clock_time(instant))


def clock_time(instant: datetime) -> str:
    """Format the time of day: "16:48", or "02:30 CEST" in an hour that comes twice."""
    # A pattern of Unicode TR 35, which translators adapt to their language.
    return _format_time(instant, _("HH:mm"))


def exact_time(instant: datetime) -> str:
    """Format a time to the second: "18 Nov 13:49:05"."""
    return f"{_format(local(instant), _('d MMM'))} {_format_time(instant, _('HH:mm:ss'))}"


def full_time(instant: datetime) -> str:
    """Format a day and a time to the second, as the language does: "Nov 18, 2026, 1:49:05 PM"."""
    return str(format_datetime(instant, "medium")) + dates.repeated_hour_note(instant, time_zone())


def full_day(day: date, now: datetime | None = None) -> str:
    """Format a day in full, with the year unless it is this year: "Monday 23 February"."""
    this_year = day.year == local(now or utc_now()).year
    return _format(day, _("EEEE d MMMM") if this_year else _("EEEE d MMMM y"))


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
    now = now or utc_now()
    day, today = local(instant).date(), local(now).date()
    if day == today:
        return _("Back today at %(time)s", time=clock_time(instant))
    if day == today + timedelta(days=1):
        return _("Back tomorrow at %(time)s", time=clock_time(instant))
    return _("Back %(day)s at %(time)s", day=full_day(day, now), time=clock_time(instant))


def menu_time(instant: datetime, now: datetime | None = None) -> str:
    """Format a snooze time: "16:00" today, else "Fri 09:00"."""
    if local(instant).date() == local(now or utc_now()).date():
        return clock_time(instant)
    return _("%(day)s %(time)s", day=_format(local(instant), "EEE"), time=clock_time(instant))


def _format_time(instant: datetime, pattern: str) -> str:
    there = local(instant)
    clock = format_time(there, pattern, tzinfo=there.tzinfo, locale=get_locale())
    return clock + dates.repeated_hour_note(instant, time_zone())


def _format(day: date, pattern: str) -> str:
    return format_date(day, pattern, locale=get_locale())
