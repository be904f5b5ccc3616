"""Texts about preferences: what a change did, and the current quiet hours or pause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import ngettext

from app import catalog
from app.clock import utc_now
from app.rendering import dates
from app.services.base import local_time
from app.services.preferences import fields
from app.services.routing import quiet_hours
from app.views.web.datetime_filters import clock_time, full_day, local, time_of_day, time_zone

if TYPE_CHECKING:
    from app.models import User


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
    label = fields.FIELDS[name].label
    if isinstance(value, bool):
        return _("%(setting)s on", setting=label) if value else _("%(setting)s off", setting=label)
    return _("%(setting)s saved", setting=label)


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


def describe_rules(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Say when messages are sent, as labels and texts, for a page that only shows it.

    Args:
        values: the preferences as JSON has them.
    """
    delay, quiet, at = values["email_delay_minutes"], values["quiet_hours"], values["digest_hour"]
    rules = [
        (
            _("When to email"),
            _("If unread after %(n)s min", n=delay) if delay else _("Right away"),
        ),
        (_("Quiet hours"), _describe_quiet_hours(quiet) if quiet["enabled"] else _("Off")),
        (
            _("Daily digest"),
            _("At %(time)s", time=time_of_day(time(at))) if values["daily_digest"] else _("Off"),
        ),
    ]
    if values["paused_until"]:
        until = moment(datetime.fromisoformat(values["paused_until"]))
        rules.insert(0, (_("Pause"), _("Until %(when)s", when=until)))
    return rules


def _describe_quiet_hours(quiet: dict[str, Any]) -> str:
    start, end = time_of_day(quiet["start"]), time_of_day(quiet["end"])
    if len(quiet["days"]) == len(fields.DAYS):
        return _("%(start)s to %(end)s, every night", start=start, end=end)
    return ngettext(
        "%(start)s to %(end)s, %(num)d night a week",
        "%(start)s to %(end)s, %(num)d nights a week",
        len(quiet["days"]),
        start=start,
        end=end,
    )


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
    return dates.utc_offset(now.astimezone(dates.zone(time_zone)))
