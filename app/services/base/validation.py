"""Checks for single values from outside: each returns the value in the form in which it is kept, or raises."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Collection
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import available_timezones

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _

from app import canonical_addresses, catalog, safe_urls
from app.rendering.invisible_characters import clean
from app.rendering.texts import one_line
from app.services.base.errors import Invalid

MAX_COUNT = 2**31 - 1
# 64 bits: most JSON parsers return a different number beyond that.
WHOLE_NUMBERS = range(-(2**63), 2**63)
MAX_JSON_BYTES = 16 * 1024
MAX_JSON_DEPTH = 8
MAX_URL = 2000
MAX_ID = 200
YEARS = range(1970, 2200)

# RFC 3339, 5.6. The offset is required: a naive time means something else to every reader.
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([+-]\d\d:\d\d))", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_OR_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
# Including separators. Normalizing two megabytes would take seconds.
LONGEST_PHONE = 100
LONGEST_CODE = 100
_PHONE_SEPARATORS = re.compile(r"[\s().\-/\u00a0\u2010-\u2013]")


T = TypeVar("T")


class InvalidValue(Exception):
    """A value cannot be used; `str(error)` is the sentence to show."""


def collect(errors: dict[str, str], field: str, check: Callable[[Any], T], value: Any) -> T | None:
    """Run one of the checks below; if it fails, file its sentence under the field and return None."""
    try:
        return check(value)
    except InvalidValue as error:
        errors[field] = str(error)
        return None


def text(value: object, *, most: int = 255, many_lines: bool = False) -> str:
    """Trim a text, strip invisible characters and compose its letters (NFC).

    Args:
        value: what was given.
        most: the maximum length in characters.
        many_lines: allow line breaks and tabs.
    Raises:
        InvalidValue: not a string, too long, or contains control characters.
    """
    if not isinstance(value, str):
        raise InvalidValue(_("This must be text."))
    value = clean(value).strip()
    if (_CONTROL if many_lines else _CONTROL_OR_BREAK).search(value):
        raise InvalidValue(_("This text contains control characters."))
    return _at_most(most, value)


def external_id(value: object) -> str:
    """Check the platform's id of a candidate or a job.

    Raises:
        InvalidValue: not a string, too long, or contains control characters.
    """
    return text(value, most=MAX_ID)


def code(value: str) -> str:
    """Return the letters and digits of a code that a person typed or pasted, its digits in ASCII."""
    typed = unicodedata.normalize("NFKC", canonical_addresses.trim(value)[:LONGEST_CODE])
    return "".join(str(unicodedata.decimal(each, each)) for each in typed if each.isalnum())


def flag(value: object) -> bool:
    """Check a boolean.

    Raises:
        InvalidValue: anything else.
    """
    if not isinstance(value, bool):
        raise InvalidValue(_("This must be true or false."))
    return value


def count(value: object) -> int:
    """Check a number of things: a whole number, neither negative nor a boolean.

    Raises:
        InvalidValue: anything else.
    """
    if type(value) is not int or not 0 <= value <= MAX_COUNT:  # True is an int, too.
        raise InvalidValue(_("This must be a whole number from 0 to %(most)s.", most=MAX_COUNT))
    return value


def instant(value: object) -> datetime:
    """Parse a point in time in RFC 3339 with an offset.

    Returns:
        An aware datetime in UTC; anything finer than a microsecond is cut off.
    Raises:
        InvalidValue: not such a time, or in a year that is not supported.
    """
    match = _INSTANT.fullmatch(canonical_addresses.trim(value)) if isinstance(value, str) else None
    if match is None:
        raise InvalidValue(
            _("Enter a time with its UTC offset, such as 2026-03-12T14:00:00+01:00 (RFC 3339).")
        )
    day, clock, fraction, offset = match.groups()
    is_leap_second = clock.endswith(":60")
    if is_leap_second:
        clock, fraction = clock.replace(":60", ":59"), None
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{offset or '+00:00'}")
    except ValueError as error:
        raise InvalidValue(_("This time does not exist.")) from error
    moment = in_a_usable_year(moment).astimezone(UTC)
    if not is_leap_second:
        return moment
    # RFC 3339, 5.7. Python has no leap seconds, so it becomes the second after it.
    moment += timedelta(seconds=1)
    if moment.time() != time.min:
        raise InvalidValue(_("This time does not exist."))
    return moment


def in_a_usable_year(moment: datetime) -> datetime:
    """Return the moment unchanged. At the edges of the calendar a time zone or a delay would lead out of it.

    Raises:
        InvalidValue: the year is not in `YEARS`.
    """
    if moment.year not in YEARS:
        raise InvalidValue(
            _("The year must be between %(first)s and %(last)s.", first=YEARS[0], last=YEARS[-1])
        )
    return moment


def url(value: object) -> str:
    """Check a complete http or https URL.

    Raises:
        InvalidValue: anything else, or too long.
    """
    if isinstance(value, str):
        value = canonical_addresses.trim(value)
        if safe_urls.is_web_address(value):
            return _at_most(MAX_URL, _with_canonical_host(value))
    raise InvalidValue(_("Enter a URL that starts with https:// or http://."))


def link(value: object) -> str:
    """Check a URL to send people to: http, https, or an absolute path within Bellhop.

    Raises:
        InvalidValue: anything else, or too long.
    """
    path = canonical_addresses.trim(value) if isinstance(value, str) else ""
    return _at_most(MAX_URL, path) if safe_urls.is_path(path) else url(value)


def email_shaped(value: object) -> str:
    """Check that a value looks like an email address, and lower its case.

    For addresses that are then looked up among the accounts. See `email_for_account` for those of new accounts.

    Raises:
        InvalidValue: anything else.
    """
    try:
        return canonical_addresses.email(value) if isinstance(value, str) else canonical_addresses.email("")
    except ValueError as error:
        raise InvalidValue(_("This must be an email address.")) from error


def priority(value: object) -> str:
    """Check a priority.

    Raises:
        InvalidValue: not in `catalog.PRIORITIES`.
    """
    if not isinstance(value, str) or value not in catalog.PRIORITIES:
        raise InvalidValue(_("Choose one of: %(names)s.", names=", ".join(catalog.PRIORITIES)))
    return value


def channels(values: Collection[str]) -> list[str]:
    """Check names of channels.

    Raises:
        InvalidValue: some are not in `catalog.CHANNELS`.
    """
    if unknown := sorted(set(values) - set(catalog.CHANNELS)):
        raise InvalidValue(
            _(
                "Unknown channel “%(unknown)s”. Choose from: %(names)s.",
                unknown=", ".join(unknown)[:100],
                names=", ".join(catalog.CHANNELS),
            )
        )
    return list(values)


def structure(value: object) -> Any:
    """Check a JSON value of modest size and clean its texts, as `text` does.

    Raises:
        InvalidValue: too large, nested too deeply, or contains what one of the databases cannot store.
    """
    if depth(value) > MAX_JSON_DEPTH:
        raise InvalidValue(_("This is nested more than %(depth)s levels deep.", depth=MAX_JSON_DEPTH))
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(encoded.encode())
    except (TypeError, ValueError) as error:
        raise InvalidValue(_("This is not a JSON value.")) from error
    if _NUL.search(encoded):
        raise InvalidValue(_("This text contains control characters."))
    if size > MAX_JSON_BYTES:
        raise InvalidValue(_("This is larger than %(size)s bytes.", size=MAX_JSON_BYTES))
    return json.loads(clean(encoded), parse_int=_whole_number)


def depth(value: object) -> int:
    """Measure how deeply lists and objects are nested, without recursion: they may exceed Python's stack."""
    levels, level = 0, [value]
    while containers := [each for each in level if isinstance(each, dict | list)]:
        levels += 1
        level = [
            inner for outer in containers for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return levels


# Fields of an account. These raise Invalid, keyed by the field.


def email_for_account(value: str) -> str:
    """Normalise the address of an account: lower case, an international domain in its ASCII form.

    Stricter than `email_shaped`: mail must be deliverable to it. Whether the domain exists is not checked.

    Raises:
        Invalid: keyed `email`.
    """
    try:
        # No SMTPUTF8 in the part before the @: many mail servers refuse it.
        address = canonical_addresses.email(value)
        validate_email(address, check_deliverability=False, test_environment=True, allow_smtputf8=False)
    except (ValueError, EmailNotValidError) as error:
        raise Invalid({"email": _("Enter an email address such as name@example.com.")}) from error
    return address


def name(value: str) -> str:
    """Check a person's name, on one line. Raises Invalid, keyed `name`."""
    try:
        person_name = text(one_line(value), most=200)
    except InvalidValue as error:
        raise Invalid({"name": str(error)}) from error
    if not person_name:
        raise Invalid({"name": _("Enter a name of 1 to 200 characters.")})
    return person_name


def role(value: str) -> str:
    """Check a role. Raises Invalid, keyed `role`."""
    if value not in catalog.ROLES:
        raise Invalid({"role": _("Choose a role: recruiter or admin.")})
    return value


def time_zone(value: str) -> str:
    """Check an IANA time zone such as `Europe/Paris`. Raises Invalid, keyed `time_zone`."""
    if value not in time_zones():
        raise Invalid({"time_zone": _("Choose a time zone from the list, such as Europe/Paris.")})
    return value


@cache
def time_zones() -> tuple[str, ...]:
    """List every IANA time zone, sorted, without the names that stand for the machine's own clock."""
    return tuple(sorted(available_timezones() - {"localtime", "Factory", "posixrules"}))


def phone(value: str, *, is_required: bool = False) -> str:
    """Normalise a phone number to E.164, `+442079460958`. Raises Invalid, keyed `phone`.

    Args:
        is_required: refuse an empty text; otherwise it means no number.
    """
    typed = canonical_addresses.trim(value)[: LONGEST_PHONE + 1]
    digits = _PHONE_SEPARATORS.sub("", unicodedata.normalize("NFKC", typed))
    if not digits and not is_required:
        return ""
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    number = _parse_phone(digits) if len(typed) <= LONGEST_PHONE else None
    if number is None:
        raise Invalid({"phone": _("Enter the number with its country code, such as +44 20 7946 0958.")})
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parse_phone(digits: str) -> phonenumbers.PhoneNumber | None:
    # The library also reads letters and extensions, which no text message can be sent to.
    if not re.fullmatch(r"\+\d+", digits):
        return None
    try:
        number = phonenumbers.parse(digits)
    except phonenumbers.NumberParseException:
        return None
    # Only the length is checked: the numbers that are in use change faster than releases of the library.
    length = phonenumbers.is_possible_number_with_reason(number)
    return number if length == phonenumbers.ValidationResult.IS_POSSIBLE else None


def _with_canonical_host(address: str) -> str:
    try:
        return urlunsplit(canonical_addresses.with_canonical_host(urlsplit(address)))
    except ValueError as error:
        raise InvalidValue(_("Enter a URL that starts with https:// or http://.")) from error


def _whole_number(digits: str) -> int:
    number = int(digits)
    if number not in WHOLE_NUMBERS:
        raise InvalidValue(_("This contains a whole number of more than 64 bits."))
    return number


def _at_most(most: int, value: str) -> str:
    if len(value) > most:
        raise InvalidValue(_("This is longer than %(most)s characters.", most=most))
    return value
