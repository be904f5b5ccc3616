"""The fields of the preferences, with a validator for each.

To add a preference: a column of `models.UserNotificationPreference` and a migration, a row of `CHECKS` below (a name in
`SWITCHES` if it is on or off), its name in `editing._as_json`, a field of `api.schemas.preferences`, and a control in
`templates/preferences/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from flask_babel import gettext as _

from app import catalog
from app.services.base import validation
from app.services.base.errors import Invalid
from app.services.base.validation import InvalidValue

THEMES = ("system", "light", "dark")
DENSITIES = ("comfortable", "compact")
LEAD_MINUTES = range(15, 2880 + 1)
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
            valid[name] = _pause(value, now) if name == "paused_until" else CHECKS[name](value)
        except KeyError:
            errors[name] = _("There is no such field.")
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
            raise InvalidValue(_("Choose one of these: %(names)s.", names=", ".join(names)))
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
    return sorted(_set_of(LEAD_MINUTES, MAX_LEADS)(value), reverse=True)


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
    "days": _set_of(range(7), 7),
}


def _quiet_hours(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidValue(_("This must be an object."))
    found, errors = {}, {}
    for name, part in value.items():
        try:
            found[name] = QUIET_CHECKS[name](part)
        except KeyError:
            errors[f"quiet_hours.{name}"] = _("There is no such field.")
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
            errors[f"matrix.{category}"] = _("There is no such category.")
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


SWITCHES = (
    *(f"{channel}_enabled" for channel in catalog.CHANNELS),
    *(f"{category}_notifications" for category in catalog.CATEGORIES),
    "daily_digest",
    "weekly_summary",
    "single_key_shortcuts",
    "stack_notifications",
)
CHECKS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(SWITCHES, _flag),
    "time_zone": _time_zone,
    "digest_hour": _number_in(range(24)),
    "quiet_hours": _quiet_hours,
    "reminder_lead_minutes": _lead_minutes,
    "email_delay_minutes": _number_in(DELAY_MINUTES),
    "matrix": _matrix,
    "theme": _one_of(THEMES),
    "density": _one_of(DENSITIES),
}
