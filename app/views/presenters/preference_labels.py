"""Texts about preferences: what a change did, and the current quiet hours or pause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import catalog
from app.clock import utc_now
from app.services.base import local_time
from app.services.routing import quiet_hours
from app.views.web.datetime_filters import clock_time, full_day, local, time_zone

if TYPE_CHECKING:
    from app.models import User

LABELS: dict[str, LazyString] = {
    **{f"{name}_enabled": channel.label for name, channel in catalog.CHANNELS.items()},
    **{f"{name}_notifications": category.plural for name, category in catalog.CATEGORIES.items()},
    "daily_digest": _l("Daily digest"),
    "weekly_summary": _l("Weekly summary"),
    "single_key_shortcuts": _l("Single-key shortcuts"),
    "quiet_hours": _l("Quiet hours"),
    "time_zone": _l("Time zone"),
    "digest_hour": _l("Digest time"),
    "reminder_lead_minutes": _l("Reminders"),
    "email_delay_minutes": _l("Email delay"),
    "theme": _l("Theme"),
    "density": _l("List density"),
}


@dataclass(frozen=True)
class QuietStatusText:
    """A pause or quiet hours, in two lines."""

    title: str
    text: str


def describe_change(after: dict[str, Any]) -> str:
    """Say what a change did.

    Args:
        after: the changed fields with their new values.
    """
    if len(after) != 1:
        return _("Preferences saved") if after else _("Nothing changed")
    ((name, value),) = after.items()
    if name == "paused_until":
        return _describe_pause(value)
    if name == "matrix":
        return _describe_matrix(value)
    if isinstance(value, bool):
        return (
            _("%(setting)s on", setting=LABELS[name]) if value else _("%(setting)s off", setting=LABELS[name])
        )
    return _("%(setting)s saved", setting=LABELS[name])


def _describe_pause(until: str | None) -> str:
    if until is None:
        return _("Pause ended")
    return _("Paused until %(when)s", when=moment(datetime.fromisoformat(until)))


def _describe_matrix(matrix: dict[str, dict[str, bool]]) -> str:
    cells = [
        (category, channel, is_on)
        for category, channels in matrix.items()
        for channel, is_on in channels.items()
    ]
    if len(cells) > 1:
        return _("Preferences saved")
    ((category, channel, is_on),) = cells
    labels = {"channel": catalog.CHANNELS[channel].label, "category": catalog.CATEGORIES[category].plural}
    if is_on:
        return _("%(channel)s on for %(category)s", **labels)
    return _("%(channel)s off for %(category)s", **labels)


def quiet_status(user: User, now: datetime) -> QuietStatusText | None:
    """Describe a person's pause or quiet hours for the navigation; None if there are none."""
    status = quiet_hours.current_status(user, now)
    if status is None:
        return None
    urgent = _("Urgent messages get through.")
    if status.is_paused:
        return QuietStatusText(_("Paused until %(when)s", when=moment(status.ends_at)), urgent)
    if status.begins_at is None:
        return QuietStatusText(_("Quiet until %(when)s", when=moment(status.ends_at)), urgent)
    back = _("%(urgent)s Back at %(time)s.", urgent=urgent, time=clock_time(status.ends_at))
    return QuietStatusText(_("Quiet from %(when)s", when=moment(status.begins_at)), back)


def next_digest(values: dict[str, Any], now: datetime) -> str:
    """Say when the next daily digest is due; "" if there is none.

    Args:
        values: the preferences as JSON has them.
    """
    if not (values["daily_digest"] and values["email_enabled"]):
        return ""
    today = local(now).date()
    due = local_time.at_hour(today, values["digest_hour"], time_zone())
    if due <= now:
        due = local_time.at_hour(today + timedelta(days=1), values["digest_hour"], time_zone())
    return moment(due)


def moment(instant: datetime) -> str:
    """Format a future time: "19:00" today, "tomorrow at 08:00", "Thursday 12 March at 08:00"."""
    day, today = local(instant).date(), local(utc_now()).date()
    if day == today:
        return clock_time(instant)
    if day == today + timedelta(days=1):
        return _("tomorrow at %(time)s", time=clock_time(instant))
    return _("%(day)s at %(time)s", day=full_day(day), time=clock_time(instant))


def offset(time_zone: str, now: datetime) -> str:
    """Format the current offset of a time zone: `UTC+05:45`."""
    digits = f"{now.astimezone(ZoneInfo(time_zone)):%z}"
    return f"UTC{digits[:3]}:{digits[3:5]}"
