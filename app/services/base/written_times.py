"""Understands days and times as people write them: "fri 9", "in 2h", "3w", "last week", "november".

Each language has a row in `LANGUAGES` with its words. Names of weekdays and months come from the CLDR, for any
language. English is understood beside the reader's language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from babel import Locale
from babel.dates import get_day_names, get_month_names

from app.rendering.dates import zone

MORNING = 9
# In the order of `Language.units`.
MINUTE, HOUR, DAY, WEEK, MONTH, YEAR = range(6)
LONGEST = 10_000


@dataclass(frozen=True)
class Language:
    """The words of a language, without accents and in lower case; alternatives are separated by spaces.

    Attributes:
        units: minutes, hours, days, weeks, months, years.
        ahead, ago, until: "in 2h", "2 days ago", "1h before the interview".
        days: words for a day, by its distance from today.
        hours: words for an hour of the day.
        fillers: words that change nothing, "at" and "on".
    """

    units: tuple[str, str, str, str, str, str]
    ahead: str
    ago: str
    until: str
    last: str
    this: str
    next: str
    event: str
    days: dict[str, int]
    hours: dict[str, int]
    fillers: str
    one: str


LANGUAGES = {
    "en": Language(
        units=(
            "m min mins minute minutes",
            "h hr hrs hour hours",
            "d day days",
            "w wk wks week weeks",
            "mo mos month months",
            "y yr yrs year years",
        ),
        ahead="in",
        ago="ago",
        until="before",
        last="last past previous",
        this="this",
        next="next",
        event="interview meeting",
        days={"today": 0, "tonight": 0, "tomorrow": 1, "tmr": 1, "tom": 1, "yesterday": -1},
        hours={"morning": MORNING, "noon": 12, "midday": 12, "afternoon": 14, "evening": 18, "tonight": 18},
        fillers="at on the of",
        one="a an one",
    ),
}

# Characters; no time takes more to write.
LONGEST = 200
_TOKEN = re.compile(r"\d{4}-\d{2}-\d{2}|\d+(?:[:.]\d{2})?|[^\W\d_]+")
_CLOCK = re.compile(r"(\d{1,2}?)(?:[:.]?(\d{2}))?")


@dataclass(frozen=True)
class _Words:
    """The meaning of each word in a language, names of weekdays and months included."""

    units: dict[str, int]
    days: dict[str, int]
    hours: dict[str, int]
    weekdays: dict[str, int]
    months: dict[str, int]
    ahead: frozenset[str]
    ago: frozenset[str]
    until: frozenset[str]
    last: frozenset[str]
    this: frozenset[str]
    next: frozenset[str]
    event: frozenset[str]
    fillers: frozenset[str]
    one: frozenset[str]


def parse_moment(
    text: str, time_zone: str, locale: str, now: datetime, *, event_starts_at: datetime | None = None
) -> datetime | None:
    """Read a moment to come: "fri 9", "thu 14:20", "in 2h", "tomorrow evening", "3 dec", "1h before the interview".

    A day without a time means its morning, and a time without a day the next time the clock shows it.

    Args:
        time_zone, locale: the reader's.
        event_starts_at: when "the interview" starts, if there is one.
    Returns: the instant, which may have passed if a date with its year says so; None if the text cannot be read.
    """
    words, tokens = _words(locale), _tokens(text)
    tokens = [token for token in tokens if token not in words.fillers]
    if tokens[:1] and tokens[0] in words.this and tokens[-1] in words.hours:  # "this evening"
        tokens = tokens[1:]
    here = now.astimezone(zone(time_zone))
    try:
        if spans := _before_event(tokens, words):
            return event_starts_at - spans if event_starts_at else None
        if span := _span_ahead(tokens, words):
            return _shift(here, *span).astimezone(UTC)
        return _day_and_time(tokens, words, here)
    except (ValueError, OverflowError):
        return None


def parse_period(text: str, time_zone: str, locale: str, now: datetime) -> tuple[date, date] | None:
    """Read a period: its first day, and the day after its last.

    "2026-03-12", "today", "monday" (the last one), "3w" (the day three weeks ago), "last week", "november", "2025".

    Args:
        time_zone, locale: the reader's.
    Returns: None if the text cannot be read.
    """
    words, tokens = _words(locale), _tokens(text)
    tokens = [token for token in tokens if token not in words.fillers and token not in words.ago]
    today = now.astimezone(zone(time_zone)).date()
    try:
        return _period(tokens, words, today)
    except (ValueError, OverflowError):
        return None


def _period(tokens: list[str], words: _Words, today: date) -> tuple[date, date] | None:
    first: date | None = None
    match tokens:
        case [iso] if "-" in iso:
            first = date.fromisoformat(iso)
        case [word] if words.days.get(word, 1) <= 0:
            first = today + timedelta(days=words.days[word])
        case [word] if word in words.weekdays:
            first = today - timedelta(days=(today.weekday() - words.weekdays[word]) % 7)
        case [which, word] if which in words.last and word in words.weekdays:
            first = today - timedelta(days=(today.weekday() - words.weekdays[word] - 1) % 7 + 1)
        case [year] if re.fullmatch(r"(19|20)\d\d", year):
            return _unit_of(date(int(year), 1, 1), YEAR)
        case [number, unit] if number.isdigit() and words.units.get(unit, MINUTE) >= DAY:
            first = _shift_day(today, -int(number), words.units[unit])
        case [which, unit] if words.units.get(unit, MINUTE) >= WEEK and which in words.last | words.this:
            step = -1 if which in words.last else 0
            return _unit_of(_shift_day(today, step, words.units[unit]), words.units[unit])
        case _:
            return _named_period(tokens, words, today)
    return first, first + timedelta(days=1)


def _named_period(tokens: list[str], words: _Words, today: date) -> tuple[date, date] | None:
    """Read a month ("november", "last november", "nov 2025"), or a day of one ("12 nov", "nov 12 2025")."""
    tokens = [token for token in tokens if token not in words.last]
    months = [words.months[token] for token in tokens if token in words.months]
    numbers = [int(token) for token in tokens if token.isdigit()]
    if len(months) != 1 or len(tokens) != 1 + len(numbers) or len(numbers) > 2:
        return None
    years = [number for number in numbers if number > 31]
    days = [number for number in numbers if number <= 31]
    if len(years) > 1 or len(days) > 1:
        return None
    first = date(years[0] if years else today.year, months[0], days[0] if days else 1)
    if not years and first > today:  # The last one.
        first = first.replace(year=first.year - 1)
    return (first, first + timedelta(days=1)) if days else _unit_of(first, MONTH)


def _unit_of(day: date, unit: int) -> tuple[date, date]:
    """Return the first day of the week, month or year of a day, and the first of the next one."""
    first = {
        WEEK: day - timedelta(days=day.weekday()),
        MONTH: day.replace(day=1),
        YEAR: day.replace(month=1, day=1),
    }[unit]
    return first, _shift_day(first, 1, unit)


def _shift_day(day: date, number: int, unit: int) -> date:
    return _shift(datetime.combine(day, time()), number, unit).date()


def _shift(instant: datetime, number: int, unit: int) -> datetime:
    """Move by a number of units: minutes and hours as they pass, days and longer on the clock."""
    if abs(number) > LONGEST:
        raise ValueError(number)
    if unit in (MINUTE, HOUR):
        span = timedelta(minutes=number) if unit == MINUTE else timedelta(hours=number)
        return (instant.astimezone(UTC) + span).astimezone(instant.tzinfo)
    if unit in (DAY, WEEK):
        return instant + timedelta(days=number * (1 if unit == DAY else 7))
    months = instant.year * 12 + instant.month - 1 + number * (1 if unit == MONTH else 12)
    year, month = divmod(months, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return instant.replace(year=year, month=month + 1, day=min(instant.day, last))


def _before_event(tokens: list[str], words: _Words) -> timedelta | None:
    """Read "1h before the interview", and "before interview" as an hour."""
    if len(tokens) < 2 or tokens[-1] not in words.event or tokens[-2] not in words.until:
        return None
    match tokens[:-2]:
        case []:
            return timedelta(hours=1)
        case [number, unit] if words.units.get(unit, YEAR) <= WEEK:
            minutes = {MINUTE: 1, HOUR: 60, DAY: 24 * 60, WEEK: 7 * 24 * 60}[words.units[unit]]
            return timedelta(minutes=minutes * _number(number, words))
    raise ValueError(tokens)


def _span_ahead(tokens: list[str], words: _Words) -> tuple[int, int] | None:
    """Read "in 2h", "2 hours", "in a week"."""
    if tokens and tokens[0] in words.ahead:
        tokens = tokens[1:]
    match tokens:
        case [number, unit] if unit in words.units and (number.isdigit() or number in words.one):
            return _number(number, words), words.units[unit]
    return None


def _number(token: str, words: _Words) -> int:
    return 1 if token in words.one else int(token)


def _day_and_time(tokens: list[str], words: _Words, here: datetime) -> datetime | None:
    today = here.date()
    day, rest = _day_ahead(tokens, words, today)
    clock = _time_of(rest, words)
    if clock is None and (rest or day is None):
        return None
    # "tonight" names an hour along with the day.
    hour = next((words.hours[token] for token in tokens if token in words.hours), MORNING)
    clock = clock or time(hour)
    moment = datetime.combine(day or today, clock, here.tzinfo)
    if day is None and moment <= here:
        moment = datetime.combine(today + timedelta(days=1), clock, here.tzinfo)
    return moment.astimezone(UTC)


def _day_ahead(tokens: list[str], words: _Words, today: date) -> tuple[date | None, list[str]]:
    """Read the day at the beginning of the tokens, or at their end; return it and the other tokens."""
    for at in (slice(0, 3), slice(0, 2), slice(0, 1), slice(-3, None), slice(-2, None), slice(-1, None)):
        part = tokens[at]
        if part and (day := _one_day_ahead(part, words, today)):
            return day, [*tokens[: at.start], *tokens[at.stop :]] if at.start == 0 else tokens[: at.start]
    return None, tokens


def _one_day_ahead(tokens: list[str], words: _Words, today: date) -> date | None:
    match tokens:
        case [iso] if "-" in iso:
            return date.fromisoformat(iso)
        case [word] if word in words.days and words.days[word] >= 0:
            return today + timedelta(days=words.days[word])
        case [word] if word in words.weekdays:
            return today + timedelta(days=(words.weekdays[word] - today.weekday() - 1) % 7 + 1)
        case [which, word] if which in words.next | words.this and word in words.weekdays:
            ahead = (words.weekdays[word] - today.weekday() - 1) % 7 + 1
            is_this_week = today.weekday() + ahead < 7
            return today + timedelta(days=ahead + (7 if which in words.next and is_this_week else 0))
        case [which, unit] if which in words.next and words.units.get(unit, MINUTE) >= WEEK:
            return _unit_of(today, words.units[unit])[1]
    return _date_ahead(tokens, words, today)


def _date_ahead(tokens: list[str], words: _Words, today: date) -> date | None:
    """Read "3 dec", "december 3", "3 december 2027"."""
    months = [words.months[token] for token in tokens if token in words.months]
    numbers = [int(token) for token in tokens if token.isdigit()]
    if len(months) != 1 or not numbers or len(tokens) != 1 + len(numbers):
        return None
    number, *years = numbers
    if number > 31 or any(year < 1900 for year in years):
        return None
    day = date(years[0] if years else today.year, months[0], number)
    return day.replace(year=day.year + 1) if not years and day < today else day


def _time_of(tokens: list[str], words: _Words) -> time | None:
    """Read "14:20", "9", "9am", "9 pm", "evening"."""
    if len(tokens) == 2 and tokens[1] in ("am", "pm", "h", "uhr"):
        clock = _CLOCK.fullmatch(tokens[0])
        hour = int(clock[1]) if clock else 99
        if tokens[1] in ("am", "pm"):
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if tokens[1] == "pm" else 0)
        return time(hour, int(clock[2] or 0)) if clock else None
    if len(tokens) != 1:
        return None
    if tokens[0] in words.hours:
        return time(words.hours[tokens[0]])
    clock = _CLOCK.fullmatch(tokens[0])
    return time(int(clock[1]), int(clock[2] or 0)) if clock else None


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(_fold(text)) if len(text) <= LONGEST else []


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))


@lru_cache(maxsize=50)
def _words(locale: str) -> _Words:
    """Collect the words of a reader's language, and of English."""
    parsed = Locale.parse(locale.replace("-", "_"))
    languages = [LANGUAGES[name] for name in ("en", parsed.language) if name in LANGUAGES]

    def one_of(field: str) -> frozenset[str]:
        return frozenset(" ".join(getattr(language, field) for language in languages).split())

    return _Words(
        units={
            word: unit
            for language in languages
            for unit, alternatives in enumerate(language.units)
            for word in alternatives.split()
        },
        days={word: day for language in languages for word, day in language.days.items()},
        hours={word: hour for language in languages for word, hour in language.hours.items()},
        weekdays=_names(get_day_names, parsed),
        months=_names(get_month_names, parsed),
        **{
            field: one_of(field)
            for field in ("ahead", "ago", "until", "last", "this", "next", "event", "fillers", "one")
        },
    )


def _names(names_of: Callable[..., Mapping[int, str]], locale: Locale) -> dict[str, int]:
    """Collect the names of weekdays or months in a language and in English, in full and shortened."""
    return {
        _fold(name).rstrip("."): number
        for each in (Locale("en"), locale)
        for width in ("wide", "abbreviated", *(["short"] if names_of is get_day_names else []))
        for context in ("format", "stand-alone")
        for number, name in names_of(width, context, each).items()
    }
