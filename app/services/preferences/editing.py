"""Reads and changes a person's preferences, and the defaults for new people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update

from app.clock import to_rfc3339, utc_now
from app.database.base import db
from app.database.writing import BULK, prevent_inserts, writing
from app.models import Delivery, PreferenceDefaults, User, UserNotificationPreference
from app.models.delivery import WAITING_STATES
from app.rendering import locales
from app.rendering.dates import zone
from app.services.base import audit, local_time
from app.services.base.errors import Invalid
from app.services.preferences import fields
from app.services.routing import digest_coverage
from app.services.routing.reasons import HELD

# A change of one of these can make a held message due earlier.
TIMING = frozenset({"quiet_hours", "paused_until", "email_delay_minutes", "time_zone"})
# These have no default that admins could set.
PERSONAL_FIELDS = frozenset({"time_zone", "time_format", "paused_until"})
MORNING = time(8)

Cells = list[tuple[str, str, bool]]


@dataclass(frozen=True)
class PreferenceChange:
    """The fields that a change affected, as in JSON. Changing to `before` undoes it."""

    before: dict[str, Any]
    after: dict[str, Any]

    @classmethod
    def between(cls, before: Mapping[str, Any], after: Mapping[str, Any]) -> PreferenceChange:
        """Compare all fields; of the matrix, only the changed cells are part of the change."""
        names = [name for name in after if after[name] != before[name] and name != "matrix"]
        old, new = {name: before[name] for name in names}, {name: after[name] for name in names}
        cells = [
            (category, channel, is_on)
            for category, channels in after["matrix"].items()
            for channel, is_on in channels.items()
            if is_on != before["matrix"].get(category, {}).get(channel, True)
        ]
        if cells:
            old["matrix"] = _matrix([(category, channel, not is_on) for category, channel, is_on in cells])
            new["matrix"] = _matrix(cells)
        return cls(old, new)


def preferences_of(user: User, *, now: datetime | None = None) -> dict[str, Any]:
    """Return a person's preferences as in JSON; a pause that has ended is None."""
    until = user.preference.paused_until
    return _as_json(user.preference) | {
        "time_zone": user.time_zone,
        "time_format": locales.time_format(user.locale),
        "paused_until": to_rfc3339(until) if until and until > (now or utc_now()) else None,
    }


def change(user: User, given: Mapping[str, Any], *, now: datetime | None = None) -> PreferenceChange:
    """Change some of a person's preferences. They also apply to messages that are held.

    Args:
        given: the fields to change, as in JSON. `quiet_hours` and `matrix` may be incomplete.
    Raises:
        Invalid: keyed by field, such as `digest_hour` or `quiet_hours.start`. Nothing is changed.
    """
    now = now or utc_now()
    wanted = fields.validate(given, now)
    query = select(UserNotificationPreference).where(UserNotificationPreference.user_id == user.id)
    with writing():
        # Locked and read again, so that concurrent changes to different fields are all kept.
        preference = db.session.scalars(
            query.with_for_update().execution_options(populate_existing=True)
        ).one()
        before = preferences_of(user, now=now)
        _apply(preference, wanted)
        if "time_zone" in wanted:
            user.time_zone = wanted["time_zone"]
        if "time_format" in wanted:
            user.locale = locales.with_time_format(user.locale, wanted["time_format"])
        changed = PreferenceChange.between(before, preferences_of(user, now=now))
        if TIMING & changed.after.keys():
            _release_held(user, now)
        if changed.after.keys() & {"daily_digest", "email_enabled"}:
            digest_coverage.release_uncovered(now, user=user)
    return changed


def pause(user: User, until: str, *, now: datetime | None = None) -> PreferenceChange:
    """Hold everything except urgent messages for a while; the inbox still fills up.

    Args:
        until: `hour`, `tomorrow` (at 8 in the morning), or a local time as in HTML, `2026-03-12T08:00`; "" resumes.
    Raises:
        Invalid: keyed `paused_until`.
    """
    now = now or utc_now()
    return change(user, {"paused_until": _pause_end(user, until, now) if until else None}, now=now)


def default_preferences() -> UserNotificationPreference:
    """Create the preferences of a new person: the built-in defaults, then those that admins have set."""
    preference = UserNotificationPreference()
    for column in UserNotificationPreference.__table__.columns:
        if column.default is not None:
            value = column.default.arg
            setattr(preference, column.name, value(None) if callable(value) else value)
    stored = db.session.get(PreferenceDefaults, 1, populate_existing=True)
    _apply(preference, fields.validate(stored.values if stored else {}, utc_now()))
    return preference


def defaults() -> dict[str, Any]:
    """Return the defaults for new people, as in JSON."""
    return _as_json(default_preferences())


def change_defaults(given: Mapping[str, Any], *, actor: User) -> PreferenceChange:
    """Change the defaults for new people. Existing people keep their preferences.

    Args:
        given: the fields to change, as in JSON.
    Raises:
        Invalid: keyed by field.
    """
    wanted = fields.validate(given, utc_now())
    if personal := PERSONAL_FIELDS & wanted.keys():
        raise Invalid({name: _("This has no default. People set it themselves.") for name in personal})
    with writing():
        # Read under a lock, so that concurrent changes to different fields are all kept.
        prevent_inserts(PreferenceDefaults)
        before, preference = defaults(), default_preferences()
        _apply(preference, wanted)
        changed = PreferenceChange.between(before, _as_json(preference))
        if changed.after:
            db.session.merge(PreferenceDefaults(id=1, values=_as_json(preference)))
            audit.record(
                "preference_defaults.changed", actor=actor, before=changed.before, after=changed.after
            )
    return changed


def _as_json(preference: UserNotificationPreference) -> dict[str, Any]:
    names = fields.names_with_control("switch", "number", "text")
    return {name: getattr(preference, name) for name in names if name not in PERSONAL_FIELDS} | {
        "reminder_lead_minutes": list(preference.reminder_lead_minutes),
        "matrix": {category: dict(cells) for category, cells in preference.matrix.items()},
        "quiet_hours": {
            "enabled": preference.quiet_enabled,
            "start": f"{preference.quiet_start:%H:%M}",
            "end": f"{preference.quiet_end:%H:%M}",
            "days": list(preference.quiet_days),
        },
    }


def _apply(preference: UserNotificationPreference, wanted: Mapping[str, Any]) -> None:
    for name, value in wanted.items():
        if name == "matrix":
            cells = {
                category: preference.matrix.get(category, {}) | channels
                for category, channels in value.items()
            }
            # A new dict, because SQLAlchemy does not notice a change inside the old one.
            preference.matrix = {**preference.matrix, **cells}
        elif name == "quiet_hours":
            for part, setting in value.items():
                setattr(preference, f"quiet_{part}", setting)
            if preference.quiet_start == preference.quiet_end:
                raise Invalid({"quiet_hours.end": _("Start and end can't be the same.")})
        elif name not in ("time_zone", "time_format"):  # Those of the user.
            setattr(preference, name, value)


def _release_held(user: User, now: datetime) -> None:
    """Make held deliveries due now: the preflight check decides on them again with the new preferences.

    One that a worker has locked is due already. The worker would wait for us if the person's time zone has changed.
    """
    held = select(Delivery.id).where(
        Delivery.recipient_id == user.id,
        Delivery.state.in_(WAITING_STATES),
        Delivery.reason.in_(HELD),
    )
    free = held.with_for_update(skip_locked=True).cte("free")
    released = update(Delivery).where(Delivery.id.in_(select(free.c.id)))
    db.session.execute(released.values(due_at=now, reason="released"), execution_options=BULK)


def _pause_end(user: User, until: str, now: datetime) -> datetime:
    if until == "hour":
        return now + timedelta(hours=1)
    local_now = now.astimezone(zone(user.time_zone))
    try:
        tomorrow = local_now.date() + timedelta(days=1)
        text = f"{datetime.combine(tomorrow, MORNING)}" if until == "tomorrow" else until
        return local_time.parse(text, zone(user.time_zone))
    except (ValueError, OverflowError) as error:  # OverflowError: within a day of year 1 or 9999.
        raise Invalid({"paused_until": _("Choose a date and a time.")}) from error


def _matrix(cells: Cells) -> dict[str, dict[str, bool]]:
    matrix: dict[str, dict[str, bool]] = {}
    for category, channel, is_on in cells:
        matrix.setdefault(category, {})[channel] = is_on
    return matrix
