"""What a person wants to hear, where and when: read, changed field by field, and given to new people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update

from app.channels import CONNECTORS
from app.clock import to_rfc3339, utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.database.writing import BULK
from app.models import Delivery, PreferenceDefaults, User, UserNotificationPreference
from app.rendering.dates import zone
from app.services.base import audit
from app.services.base.errors import Invalid
from app.services.base.recipients import Recipient
from app.services.preferences import fields
from app.services.preferences.preference_changes import PreferenceChange
from app.services.routing import digest_coverage, policy
from app.services.routing.reasons import HELD

# After one of these changes, what waits for a night or a pause to end is decided on again.
TIMING = frozenset({"quiet_hours", "paused_until", "email_delay_minutes", "time_zone"})
# A person's own, not a way to be notified.
NOT_FOR_EVERYONE = frozenset({"time_zone", "paused_until"})
MORNING = time(8)


def preferences_of(user: User, *, now: datetime | None = None) -> dict[str, Any]:
    """A person's preferences, as JSON has them; a pause that is over is none."""
    until = user.preference.paused_until
    return _own(user.preference) | {
        "time_zone": user.time_zone,
        "paused_until": to_rfc3339(until) if until and until > (now or utc_now()) else None,
    }


def change(user: User, given: Mapping[str, Any], *, now: datetime | None = None) -> PreferenceChange:
    """Change some of a person's preferences; true from the next event on, also for what already waits.

    Args:
        given: the fields to change, as JSON has them. `quiet_hours` and `matrix` may be given in part.
    Raises:
        Invalid: keyed by the field's name, such as `digest_hour` or `quiet_hours.start`; nothing is changed.
    """
    now = now or utc_now()
    wanted = fields.validate(given, now)
    lock_for_writing()
    query = select(UserNotificationPreference).where(UserNotificationPreference.user_id == user.id)
    # As it stands now, and held: two changes at once must both last.
    preference = db.session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()
    before = preferences_of(user, now=now)
    try:
        _apply(preference, wanted)
    except Invalid:
        db.session.rollback()
        raise
    if "time_zone" in wanted:
        user.time_zone = wanted["time_zone"]
    changed = PreferenceChange.between(before, preferences_of(user, now=now))
    if TIMING & changed.after.keys():
        _decide_again(user, now)
    if changed.after.keys() & {"daily_digest", "email_enabled"}:
        digest_coverage.release_uncovered(now, user=user)
    db.session.commit()
    return changed


def pause(user: User, until: str, *, now: datetime | None = None) -> PreferenceChange:
    """Let nothing leave the inbox for a while.

    Args:
        until: `hour`, `tomorrow` (morning), or a local time as a browser writes it, `2026-03-12T08:00`; "" ends it.
    Raises:
        Invalid: keyed `paused_until`.
    """
    now = now or utc_now()
    return change(user, {"paused_until": _pause_end(user, until, now) if until else None}, now=now)


def default_preferences() -> UserNotificationPreference:
    """The preferences of a new person: the built-in ones, then what admins have set."""
    columns = UserNotificationPreference.__table__.columns
    made = UserNotificationPreference()
    for column in columns:
        if column.default is not None:
            value = column.default.arg
            setattr(made, column.name, value(None) if callable(value) else value)
    kept = db.session.get(PreferenceDefaults, 1)
    _apply(made, fields.validate(kept.values if kept else {}, utc_now()))
    return made


def defaults() -> dict[str, Any]:
    """What new people start with, as JSON has it."""
    return _own(default_preferences())


def change_defaults(given: Mapping[str, Any], *, actor: User) -> PreferenceChange:
    """Change what new people start with; nobody who is here already is affected.

    Raises:
        Invalid: keyed by the field's name.
    """
    wanted = fields.validate(given, utc_now())
    if foreign := NOT_FOR_EVERYONE & wanted.keys():
        raise Invalid({name: _("Everybody chooses this alone.") for name in foreign})
    lock_for_writing()
    before, preference = defaults(), default_preferences()
    _apply(preference, wanted)
    changed = PreferenceChange.between(before, _own(preference))
    if changed.after:
        db.session.merge(PreferenceDefaults(id=1, values=_own(preference)))
        audit.record("preference_defaults.changed", actor=actor, before=changed.before, after=changed.after)
    db.session.commit()
    return changed


def reachable_channels(user: User | None = None) -> list[str]:
    """The channels that lead somewhere: for a person with an address there, or for anybody at all."""
    recipient = Recipient.of(user) if user else None
    return [
        "in_app",
        *(name for name in CONNECTORS if recipient is None or policy.address_for(recipient, name)),
    ]


def _own(preference: UserNotificationPreference) -> dict[str, Any]:
    names = (*fields.SWITCHES, "digest_hour", "email_delay_minutes", "theme", "density")
    return {name: getattr(preference, name) for name in names} | {
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
            cells = {category: preference.matrix.get(category, {}) | ways for category, ways in value.items()}
            # A new value, not a change inside the old one, which would go unnoticed.
            preference.matrix = {**preference.matrix, **cells}
        elif name == "quiet_hours":
            for part, setting in value.items():
                setattr(preference, f"quiet_{part}", setting)
            if preference.quiet_start == preference.quiet_end:
                raise Invalid({"quiet_hours.end": _("Until must differ from From.")})
        elif name != "time_zone":
            setattr(preference, name, value)


def _decide_again(user: User, now: datetime) -> None:
    """Wake what was held back for this person: the sender looks at their preferences once more."""
    waiting = update(Delivery).where(
        Delivery.recipient_id == user.id,
        Delivery.state.in_(["pending", "retry_wait"]),
        Delivery.reason.in_(HELD),
    )
    db.session.execute(waiting.values(due_at=now, reason="released"), execution_options=BULK)


def _pause_end(user: User, until: str, now: datetime) -> datetime:
    if until == "hour":
        return now + timedelta(hours=1)
    here = now.astimezone(zone(user.time_zone))
    try:
        day = here.date() + timedelta(days=1)
        end = datetime.combine(day, MORNING) if until == "tomorrow" else datetime.fromisoformat(until)
        end = end.replace(tzinfo=end.tzinfo or here.tzinfo).astimezone(UTC)
    except (ValueError, OverflowError) as error:  # The second: at the edges of the calendar.
        raise Invalid({"paused_until": _("Choose a date and a time.")}) from error
    return end
