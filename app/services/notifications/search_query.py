"""Parses the query language of the search box, saved views and the API: words and filters, all of which must hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from flask_babel import get_locale
from flask_babel import gettext as _

from app import catalog, search_text
from app.clock import utc_now
from app.services.base import written_times
from app.services.base.errors import Invalid
from app.services.base.local_time import at_hour

# The values of `is:`. Some narrow the list; places are searched instead of the place that the page shows.
STATES = ("unread", "read", "saved")
PLACES = tuple(place for place in catalog.PLACES if place not in (*STATES, "all"))
VALUES: dict[str, tuple[str, ...]] = {
    "is": (*STATES, *PLACES),
    "type": (*catalog.CATEGORIES, *catalog.TYPES),
    "priority": catalog.PRIORITIES,
    "status": catalog.STATUSES,
}
# The values of `in:`, with other words for two of them. "anywhere" is all places at once.
PLACE_NAMES = {
    **dict.fromkeys(catalog.PLACES),
    "snoozed": "later",
    "all": "anywhere",
    "everything": "anywhere",
}
# A day on the reader's own clock: from its first instant on, or before it.
DAYS = ("from", "before")
# A name or an id; a company has no id.
NAMES = ("candidate", "job", "company")
# A notification has one value of each of these, so several values are alternatives.
ALTERNATIVES = ("type", "priority", "status", *NAMES)
MAX_TERMS, MAX_LENGTH = 20, 200

# A phrase, a filter with a quoted value, or text without quotes.
_TERM = re.compile(r'(-?)(?:"([^"]*)"?|([^\W\d_]+:"[^"]*"?)|([^\s"]+))')
_FILTER = re.compile(r"([^\W\d_]+):(?!//)(.*)", re.DOTALL)
_QUOTES = str.maketrans("“”„«»", '"""""')


@dataclass(frozen=True)
class Term:
    """One condition: a filter with its name and value, or words.

    The words follow each other in the text. The last may be the beginning of a word, unless it `is_exact`.
    """

    name: str = ""
    value: str | datetime = ""
    words: tuple[str, ...] = ()
    is_not: bool = False
    is_exact: bool = False


@dataclass(frozen=True)
class Query:
    """A parsed query; false if it is empty."""

    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def places(self) -> tuple[str, ...]:
        """The places that the query names."""
        return tuple(
            term.value
            for term in self.terms
            if not term.is_not
            and isinstance(term.value, str)
            and (term.name == "in" or (term.name == "is" and term.value in PLACES))
        )

    @property
    def is_unread(self) -> bool:
        """Whether it finds unread notifications only."""
        return any(term.name == "is" and term.value == "unread" and not term.is_not for term in self.terms)


EVERYTHING = Query()


def parse(text: str, time_zone: str, now: datetime | None = None) -> Query:
    """Parse a query.

    Args:
        time_zone: the reader's, for the filters by day.
    Raises:
        Invalid: an unknown filter or value, or nothing to search for; keyed `search`, in a sentence that lists what is
            possible.
    """
    if len(text) > MAX_LENGTH:
        raise _invalid(_("Too long: write at most %(max_length)s characters.", max_length=MAX_LENGTH))
    terms = [
        term
        for minus, phrase, quoted, bare in _TERM.findall(text.translate(_QUOTES))
        if (term := _term(bool(minus), phrase, bare or quoted, time_zone, now or utc_now()))
    ]
    if text.strip() and not terms:
        raise _invalid(_("“%(text)s” has no letters or digits to search for.", text=text.strip()))
    if len(terms) > MAX_TERMS:
        raise _invalid(_("Use at most %(n)s words and filters.", n=MAX_TERMS))
    return Query(tuple(terms))


def _term(is_not: bool, phrase: str, bare: str, time_zone: str, now: datetime) -> Term | None:
    named = _FILTER.fullmatch(bare)
    name, given = (named[1].casefold(), named[2].strip('" ')) if named else ("", "")
    value = given.casefold()
    if name in VALUES:
        return Term(name, _check_value(name, value), is_not=is_not)
    if name == "in":
        return Term(name, _check_place(value), is_not=is_not)
    if name in NAMES and given:
        return Term(name, given, is_not=is_not)
    if name in DAYS:
        return Term(name, _parse_day(name, value, time_zone, now), is_not=is_not)
    if value:
        raise _invalid(
            _(
                "Unknown filter “%(name)s:”. Use one of %(possible)s. To find these words, put them in quotes.",
                name=name,
                possible=", ".join(f"{each}:" for each in (*VALUES, "in", *NAMES, *DAYS)),
            )
        )
    # Punctuation separates words and is not searched for: "R&D" finds "R & D".
    words = tuple(search_text.tokenize_query(phrase or bare)[: search_text.MAX_WORDS])
    if bare == "-" or (is_not and not words):
        raise _invalid(
            _("“-” excludes what follows it without a space, as in %(example)s.", example="-cancelled")
        )
    if not words:
        return None
    return Term(words=words, is_not=is_not, is_exact=not bare and not search_text.is_part(words[-1]))


def _check_value(name: str, value: str) -> str:
    if value not in VALUES[name]:
        raise _unknown_value(name, value, VALUES[name])
    return value


def _check_place(value: str) -> str:
    if value not in PLACE_NAMES:
        raise _unknown_value("in", value, tuple(PLACE_NAMES))
    return PLACE_NAMES[value] or value


def _unknown_value(name: str, value: str, possible: tuple[str, ...]) -> Invalid:
    return _invalid(
        _(
            "“%(term)s” is not valid. Use one of %(possible)s.",
            term=f"{name}:{value}",
            possible=", ".join(f"{name}:{each}" for each in possible),
        )
    )


def _parse_day(name: str, value: str, time_zone: str, now: datetime) -> datetime:
    period = written_times.parse_period(value, time_zone, str(get_locale() or "en"), now)
    try:
        return at_hour(period[0], 0, time_zone) if period else _not_a_day(name, value)
    except OverflowError:
        return _not_a_day(name, value)


def _not_a_day(name: str, value: str) -> NoReturn:
    raise _invalid(
        _(
            "“%(term)s” is not a date. Use one such as %(examples)s.",
            term=f"{name}:{value}",
            examples=", ".join(f"{name}:{each}" for each in ("yesterday", "3w", '"last week"', "november")),
        )
    )


def _invalid(sentence: str) -> Invalid:
    return Invalid({"search": sentence})
