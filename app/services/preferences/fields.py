"""The preferences: name, label, validator and form control of each.

`docs/architecture.md` lists what else a new one needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Literal, get_args

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import catalog
from app.rendering.locales import TIME_FORMATS
from app.services.base import validation
from app.services.base.errors import Invalid
from app.services.base.validation import InvalidValue

Theme = Literal["system", "light", "dark"]
Density = Literal["comfortable", "compact"]
DAYS = range(7)
HOURS = range(24)
MAX_LEADS = 10
DELAY_MINUTES = range(1440 + 1)
LONGEST_PAUSE = timedelta(days=366)


def validate(given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Validate fields and convert them to what is stored.

    Args:
        given: some of the fields, as in JSON.
    Raises:
        Invalid: with a sentence for every field that is invalid or unknown.
    """
    valid, errors = {}, {}
    for name, value in given.items():
        try:
            valid[name] = _pause(value, now) if name == "paused_until" else FIELDS[name].check(value)
        except KeyError:
            errors[name] = _("This field does not exist.")
        except Invalid as error:
            errors |= error.errors
        except InvalidValue as error:
            errors[name] = str(error)
    if errors:
        raise Invalid(errors)
    return valid


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue(_("This must be true or false."))
    return value


def _one_of(names: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in names:
            raise InvalidValue(_("Choose one of: %(names)s.", names=", ".join(names)))
        return str(value)

    return check


def _number_in(numbers: range) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if type(value) is not int or value not in numbers:  # bool is a subclass of int.
            text = _(
                "This must be a whole number from %(first)s to %(last)s.", first=numbers[0], last=numbers[-1]
            )
            raise InvalidValue(text)
        return value

    return check


def _set_of(numbers: range, most: int) -> Callable[[Any], list[int]]:
    def check(value: Any) -> list[int]:
        if not isinstance(value, list) or len(value) > most:
            raise InvalidValue(_("This must be a list of at most %(most)s numbers.", most=most))
        return sorted({_number_in(numbers)(number) for number in value})

    return check


def _lead_minutes(value: Any) -> list[int]:
    return sorted(_set_of(catalog.LEAD_MINUTES, MAX_LEADS)(value), reverse=True)


def _time_zone(value: Any) -> str:
    return validation.time_zone(value if isinstance(value, str) else "")


def _time_of_day(value: Any) -> time:
    try:
        # `19:00`, or `19:00:00` as some browsers write it; fromisoformat alone would accept `19` and `T19`.
        found = time.fromisoformat(value) if isinstance(value, str) and value[2:3] == ":" else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None or found.second or found.microsecond:
        raise InvalidValue(_("Enter a time such as 19:00."))
    return found


QUIET_CHECKS: dict[str, Callable[[Any], Any]] = {
    "enabled": _flag,
    "start": _time_of_day,
    "end": _time_of_day,
    "days": _set_of(DAYS, len(DAYS)),
}


def _quiet_hours(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidValue(_("This must be an object."))
    found, errors = {}, {}
    for name, part in value.items():
        try:
            found[name] = QUIET_CHECKS[name](part)
        except KeyError:
            errors[f"quiet_hours.{name}"] = _("This field does not exist.")
        except InvalidValue as error:
            errors[f"quiet_hours.{name}"] = str(error)
    if errors:
        raise Invalid(errors)
    return found


def _matrix(value: Any) -> dict[str, dict[str, bool]]:
    if not isinstance(value, dict):
        raise InvalidValue(_("This must be an object."))
    errors = {}
    for category, cells in value.items():
        if category not in catalog.CATEGORIES:
            errors[f"matrix.{category}"] = _("This category does not exist.")
            continue
        if not isinstance(cells, dict):
            errors[f"matrix.{category}"] = _("This must be an object.")
            continue
        for channel, is_on in cells.items():
            cell = f"matrix.{category}.{channel}"
            validation.collect(errors, cell, validation.channels, [channel])
            if cell not in errors and not isinstance(is_on, bool):
                errors[cell] = _("This must be true or false.")
    if errors:
        raise Invalid(errors)
    return value


def _pause(value: Any, now: datetime) -> datetime | None:
    if value is None:
        return None
    until = value if isinstance(value, datetime) else validation.instant(value)
    if until > now + LONGEST_PAUSE:
        raise InvalidValue(_("Choose a time within the next 12 months."))
    if until <= now:
        raise InvalidValue(_("Choose a time in the future."))
    return until


@dataclass(frozen=True)
class PreferenceField:
    """A preference.

    Args:
        name: its name in JSON, and of its column.
        label: its name on pages; None for the matrix, whose cells are named by their channel and category.
        check: validates a value as in JSON and converts it to what is stored. Raises `Invalid` or `InvalidValue`.
        control: how the form sends it: a `switch`, a `number`, a `text`, `numbers` (boxes), or `parts`, which have
            names of their own.
    """

    name: str
    label: LazyString | None
    check: Callable[[Any], Any]
    control: Literal["switch", "number", "text", "numbers", "parts"] = "switch"


# All but `paused_until`, whose validity depends on the time.
FIELDS: dict[str, PreferenceField] = {
    field.name: field
    for field in (
        *(
            PreferenceField(f"{name}_enabled", channel.label, _flag)
            for name, channel in catalog.CHANNELS.items()
        ),
        *(
            PreferenceField(f"{name}_notifications", category.plural, _flag)
            for name, category in catalog.CATEGORIES.items()
        ),
        PreferenceField("daily_digest", _l("Daily digest"), _flag),
        PreferenceField("weekly_summary", _l("Weekly summary"), _flag),
        PreferenceField("single_key_shortcuts", _l("Single-key shortcuts"), _flag),
        PreferenceField("stack_notifications", _l("Group similar notifications"), _flag),
        PreferenceField("time_zone", _l("Time zone"), _time_zone, "text"),
        PreferenceField("time_format", _l("Time format"), _one_of(TIME_FORMATS), "text"),
        PreferenceField("digest_hour", _l("Digest time"), _number_in(HOURS), "number"),
        PreferenceField("quiet_hours", _l("Quiet hours"), _quiet_hours, "parts"),
        PreferenceField("reminder_lead_minutes", _l("Reminders"), _lead_minutes, "numbers"),
        PreferenceField("email_delay_minutes", _l("Email delay"), _number_in(DELAY_MINUTES), "number"),
        PreferenceField("matrix", None, _matrix, "parts"),
        PreferenceField("theme", _l("Theme"), _one_of(get_args(Theme)), "text"),
        PreferenceField("density", _l("List density"), _one_of(get_args(Density)), "text"),
    )
}


def names_with_control(*controls: str) -> tuple[str, ...]:
    """List the preferences whose form control is one of these."""
    return tuple(field.name for field in FIELDS.values() if field.control in controls)
