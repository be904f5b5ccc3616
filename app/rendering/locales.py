"""Locales: a reader's language, with the modifier `@h12` for a 12-hour clock (`en@h12`).

Babel and gettext accept the modifier and use the texts and formats of the language.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, get_args

from babel import Locale
from babel.core import get_locale_identifier

TimeFormat = Literal["24h", "12h"]
TIME_FORMATS = get_args(TimeFormat)
_TWELVE_HOURS = "@h12"
# Babel makes a locale anew for each call, and every email needs one.
parse = cache(Locale.parse)


def time_format(locale: str) -> TimeFormat:
    """Return how a locale writes the time of day: `24h` as 14:30, `12h` as 2:30 PM."""
    return "12h" if locale.endswith(_TWELVE_HOURS) else "24h"


def with_time_format(locale: str, wanted: str) -> str:
    """Return the locale with this time format, one of `TIME_FORMATS`."""
    language = locale.removesuffix(_TWELVE_HOURS)
    return language + _TWELVE_HOURS if wanted == "12h" else language


@cache
def text_direction(locale: str) -> str:
    """Return `ltr` or `rtl`."""
    return Locale.parse(locale).text_direction


@cache
def language_tag(locale: Locale | str) -> str:
    """Return the tag of a locale's language for HTML: `pt-BR`."""
    parsed = Locale.parse(locale)
    return get_locale_identifier((parsed.language, parsed.territory, parsed.script, parsed.variant), sep="-")
