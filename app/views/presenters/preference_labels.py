"""What pages say about preferences: what a change did, and until when it is quiet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import catalog
from app.clock import utc_now
from app.services.routing import quiet_hours
from app.views.web.datetime_filters import clock_time, full_day, local

LABELS: dict[str, LazyString] = {
    **{f"{name}_enabled": channel.label for name, channel in catalog.CHANNELS.items()},
    **{f"{name}_notifications": category.plural for name, category in catalog.CATEGORIES.items()},
    "daily_digest": _l("Daily digest"),
    "weekly_summary": _l("Weekly summary"),
    "single_key_shortcuts": _l("Single-key shortcuts"),
    "quiet_hours": _l("Quiet hours"),
    "time_zone": _l("Time zone"),
    "digest_hour": _l("Digest hour"),
    "reminder_lead_minutes": _l("Reminders"),
    "email_delay_minutes": _l("Email"),
    "theme": _l("Theme"),
    "density": _l("List density"),
}


@dataclass(frozen=True)
class QuietStatus:
    """A pause or quiet hours, in two lines."""

    title: str
    text: str


def describe_change(after: dict[str, Any]) -> str:
    """What a change did, in a few words.

    Args:
        after: the changed fields as they are now.
    """
    if len(after) != 1:
        return _("Preferences saved") if after else _("Nothing changed")
    ((name, value),) = after.items()
    if name == "paused_until":
        return _paused(value)
    if name == "matrix":
        return _cells(value)
    if isinstance(value, bool):
        return _("%(what)s on", what=LABELS[name]) if value else _("%(what)s off", what=LABELS[name])
    return _("%(what)s saved", what=LABELS[name])


def _paused(until: str | None) -> str:
    if until is None:
        return _("The pause is over")
    return _("Paused until %(when)s", when=moment(datetime.fromisoformat(until)))


def _cells(matrix: dict[str, dict[str, bool]]) -> str:
    cells = [(kind, way, is_on) for kind, ways in matrix.items() for way, is_on in ways.items()]
    if len(cells) > 1:
        return _("Preferences saved")
    ((kind, way, is_on),) = cells
    words = {"what": catalog.CHANNELS[way].label, "kind": catalog.CATEGORIES[kind].plural}
    return _("%(what)s on for %(kind)s", **words) if is_on else _("%(what)s off for %(kind)s", **words)


def quiet_status(user: Any, now: datetime) -> QuietStatus | None:
    """What the navigation says of a person's pause or quiet hours; None where there are none."""
    found = quiet_hours.current_status(user, now)
    if found is None:
        return None
    urgent = _("Urgent still gets through.")
    if found.is_paused:
        return QuietStatus(_("Paused until %(when)s", when=moment(found.ends_at)), urgent)
    if found.begins_at is None:
        return QuietStatus(_("Quiet until %(when)s", when=moment(found.ends_at)), urgent)
    back = _("%(urgent)s Back at %(time)s.", urgent=urgent, time=clock_time(found.ends_at))
    return QuietStatus(_("Quiet from %(when)s", when=moment(found.begins_at)), back)


def next_digest(values: dict[str, Any], now: datetime) -> str:
    """When the next daily digest is due, in words; "" for somebody who gets none.

    Args:
        values: the preferences as JSON has them.
    """
    if not (values["daily_digest"] and values["email_enabled"]):
        return ""
    here = local(now)
    due = here.replace(hour=values["digest_hour"], minute=0, second=0, microsecond=0)
    return moment(due if due > here else due + timedelta(days=1))


def moment(instant: datetime) -> str:
    """A time to come: "19:00" today, "tomorrow at 08:00", "Thursday 12 March at 08:00"."""
    day, today = local(instant).date(), local(utc_now()).date()
    if day == today:
        return clock_time(instant)
    if day == today + timedelta(days=1):
        return _("tomorrow at %(time)s", time=clock_time(instant))
    return _("%(day)s at %(time)s", day=full_day(day), time=clock_time(instant))


def offset(time_zone: str, now: datetime) -> str:
    """How far a zone is from UTC now: `UTC+05:45`."""
    written = f"{now.astimezone(ZoneInfo(time_zone)):%z}"
    return f"UTC{written[:3]}:{written[3:5]}"
