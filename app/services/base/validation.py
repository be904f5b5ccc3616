"""Single values that come from outside: each function takes anything and returns what can be used, or says why not."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from flask_babel import gettext as _

from app.rendering.invisible_characters import strip_invisible

MAX_COUNT = 2**31 - 1
# Of 64 bits: beyond them most of those who read the JSON again get another number, or none.
WHOLE_NUMBERS = range(-(2**63), 2**63)
MAX_JSON_BYTES = 16 * 1024
MAX_JSON_DEPTH = 8
MAX_URL = 2000
YEARS = range(1970, 2200)

# RFC 3339, 5.6; the offset is required, for a naive time means something else to every reader.
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([+-]\d\d:\d\d))", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_OR_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff\\<>\"]")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class InvalidValue(Exception):
    """One value cannot be used; `str(error)` is the sentence that says why."""


def text(value: object, *, most: int = 255, many_lines: bool = False) -> str:
    """A text, trimmed, and without what nobody sees.

    Args:
        value: what was given.
        most: how many characters it may have.
        many_lines: whether line breaks and tabs may be in it.
    Raises:
        Unusable: it is no text, too long, or has control characters in it.
    """
    if not isinstance(value, str):
        raise InvalidValue(_("This must be a text."))
    value = strip_invisible(value).strip()
    if (_CONTROL if many_lines else _CONTROL_OR_BREAK).search(value):
        raise InvalidValue(_("This text has control characters in it."))
    return _no_longer_than(most, value)


def count(value: object) -> int:
    """A number of things; neither a fraction nor true or false.

    Raises:
        Unusable: it is something else.
    """
    if type(value) is not int or not 0 <= value <= MAX_COUNT:  # True is an int, too.
        raise InvalidValue(_("This must be a whole number from 0 to %(most)s.", most=MAX_COUNT))
    return value


def instant(value: object) -> datetime:
    """A point in time, written as in RFC 3339 with an offset.

    Returns:
        An aware datetime in UTC; what is finer than a microsecond is cut off.
    Raises:
        Unusable: it is something else, or in no sensible year.
    """
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidValue(_("Write a time with its offset, such as 2026-03-12T14:00:00+01:00 (RFC 3339)."))
    day, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{offset or '+00:00'}")
    except ValueError as error:
        raise InvalidValue(_("There is no such time.")) from error
    return in_a_usable_year(moment).astimezone(UTC)


def in_a_usable_year(moment: datetime) -> datetime:
    """The same point in time: at the calendar's edges a time zone or a delay would lead out of it.

    Raises:
        Unusable: it is in another year.
    """
    if moment.year not in YEARS:
        raise InvalidValue(
            _("The year must be between %(first)s and %(last)s.", first=YEARS[0], last=YEARS[-1])
        )
    return moment


def url(value: object) -> str:
    """A complete http or https address.

    Raises:
        Unusable: it is something else.
    """
    if isinstance(value, str) and _may_be_address(value.strip()):
        try:
            parts = urlsplit(value.strip())
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:  # A bracket or a port that is none.
            usable = False
        if usable:
            return _no_longer_than(MAX_URL, value.strip())
    raise InvalidValue(_("Write an address that begins with https:// or http://."))


def link(value: object) -> str:
    """An address to send a person to: http, https, or an absolute path within Bellhop.

    Raises:
        Unusable: it is something else.
    """
    if isinstance(value, str) and re.match(r"/(?!/)", value) and _may_be_address(value):
        return _no_longer_than(MAX_URL, value)
    return url(value)


def email(value: object) -> str:
    """Something shaped like an email address, in lower case. Whether it is anybody's is asked elsewhere.

    Raises:
        Unusable: it is something else.
    """
    value = value.strip() if isinstance(value, str) else ""
    if len(value) <= 254 and re.fullmatch(r"[^@]+@[^@]+", value) and _may_be_address(value):
        return value.lower()
    raise InvalidValue(_("This must be an email address."))


def structure(value: object) -> Any:
    """Any JSON value of modest size, its texts without what nobody sees.

    Raises:
        Unusable: too large, too deep, or nothing that both databases can keep.
    """
    if depth(value) > MAX_JSON_DEPTH:
        raise InvalidValue(_("This is nested more than %(depth)s levels deep.", depth=MAX_JSON_DEPTH))
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(written.encode())
    except (TypeError, ValueError) as error:
        raise InvalidValue(_("This is not a JSON value.")) from error
    if _NUL.search(written):
        raise InvalidValue(_("This text has control characters in it."))
    if size > MAX_JSON_BYTES:
        raise InvalidValue(_("This is larger than %(size)s bytes.", size=MAX_JSON_BYTES))
    return json.loads(strip_invisible(written), parse_int=_whole_number)


def depth(value: object) -> int:
    """How deep lists and objects are nested, found without recursion: they may be deeper than Python's stack."""
    levels, inside = 0, [value]
    while containers := [each for each in inside if isinstance(each, dict | list)]:
        levels += 1
        inside = [
            inner for outer in containers for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return levels


def _whole_number(written: str) -> int:
    number = int(written)
    if number not in WHOLE_NUMBERS:
        raise InvalidValue(_("A whole number in this has more than 64 bits."))
    return number


def _may_be_address(value: str) -> bool:
    return not _NOT_IN_URL.search(value) and strip_invisible(value) == value


def _no_longer_than(most: int, value: str) -> str:
    if len(value) > most:
        raise InvalidValue(_("This is longer than %(most)s characters.", most=most))
    return value
