"""The query language of the search box, saved views and the API's `search`: words and filters, all of which hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import gettext as _

from app import catalog, search_text
from app.clock import utc_now
from app.rendering.dates import zone
from app.services.base.errors import Invalid
from app.services.base.local_time import at_hour

# What `is:` may say. The places among them are looked in instead of the place that the page shows.
STATES, PLACES = ("unread", "read", "saved"), ("inbox", "later", "done")
VALUES: dict[str, tuple[str, ...]] = {
    "is": (*STATES, *PLACES),
    "type": (*catalog.CATEGORIES, *catalog.TYPES),
    "priority": catalog.PRIORITIES,
    "status": catalog.STATUSES,
}
# The day on the reader's own clock: from its first instant on, or before it.
DAYS = ("from", "before")
# Of these a notification has one: several that are asked for are alternatives.
ALTERNATIVES = ("type", "priority", "status")
MAX_TERMS, MAX_LENGTH = 20, 200

# A phrase, a filter whose value stands in quotes, or what stands without any.
_TERM = re.compile(r'(-?)(?:"([^"]*)"?|([^\W\d_]+:"[^"]*"?)|([^\s"]+))')
_FILTER = re.compile(r"([^\W\d_]+):(?!//)(.*)", re.DOTALL)
_QUOTES = str.maketrans("“”„«»", '"""""')


@dataclass(frozen=True)
class Term:
    """One condition: a filter by its name and its value, or words.

    The words stand in the text one after the other, the last one, unless it `is_exact`, as the beginning of one.
    """

    name: str = ""
    value: str | datetime = ""
    words: tuple[str, ...] = ()
    is_not: bool = False
    is_exact: bool = False


@dataclass(frozen=True)
class Query:
    """What was asked, understood. It is false where nothing was."""

    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def places(self) -> tuple[str, ...]:
        """The places that are asked for by name."""
        return tuple(
            term.value
            for term in self.terms
            if term.name == "is" and not term.is_not and isinstance(term.value, str) and term.value in PLACES
        )


EVERYTHING = Query()


def parse(text: str, time_zone: str, now: datetime | None = None) -> Query:
    """Understand a query.

    Args:
        time_zone: the reader's: days begin there.
    Raises:
        Invalid: a filter that does not exist, a value that it does not know, or nothing to look for; keyed `search`,
            in a sentence that names it and says what is possible.
    """
    if len(text) > MAX_LENGTH:
        raise _wrong(_("Too long: write at most %(max_length)s characters.", max_length=MAX_LENGTH))
    terms = [
        term
        for minus, phrase, quoted, bare in _TERM.findall(text.translate(_QUOTES))
        if (term := _term(bool(minus), phrase, bare or quoted, time_zone, now or utc_now()))
    ]
    if text.strip() and not terms:
        raise _wrong(_("“%(text)s” has no letter or digit to look for.", text=text.strip()))
    if len(terms) > MAX_TERMS:
        raise _wrong(_("That is too much at once: at most %(n)s words and filters.", n=MAX_TERMS))
    return Query(tuple(terms))


def _term(is_not: bool, phrase: str, bare: str, time_zone: str, now: datetime) -> Term | None:
    named = _FILTER.fullmatch(bare)
    name, value = (named[1].casefold(), named[2].strip('" ').casefold()) if named else ("", "")
    if name in VALUES:
        return Term(name, _known(name, value), is_not=is_not)
    if name in DAYS:
        return Term(name, _day(name, value, time_zone, now), is_not=is_not)
    if value:
        raise _wrong(
            _(
                "There is no filter “%(name)s:”. There are %(possible)s. To find these words, put them in quotes.",
                name=name,
                possible=", ".join(f"{each}:" for each in (*VALUES, *DAYS)),
            )
        )
    # Signs between words separate them and are not looked for: "R&D" finds "R & D".
    words = tuple(search_text.tokenize(phrase or bare)[: search_text.MOST_WORDS])
    if bare == "-" or (is_not and not words):
        raise _wrong(
            _("“-” excludes what follows it without a space, as in %(example)s.", example="-cancelled")
        )
    return Term(words=words, is_not=is_not, is_exact=not bare) if words else None


def _known(name: str, value: str) -> str:
    if value not in VALUES[name]:
        raise _wrong(
            _(
                "“%(term)s” is not known. Possible are %(possible)s.",
                term=f"{name}:{value}",
                possible=", ".join(f"{name}:{each}" for each in VALUES[name]),
            )
        )
    return value


def _day(name: str, value: str, time_zone: str, now: datetime) -> datetime:
    today = now.astimezone(zone(time_zone)).date()
    relative = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        return at_hour(relative.get(value) or date.fromisoformat(value), 0, time_zone)
    except (ValueError, OverflowError) as error:
        raise _wrong(
            _(
                "“%(term)s” is not a day. Write %(example)s, or today or yesterday.",
                term=f"{name}:{value}",
                example=f"{name}:{today}",
            )
        ) from error


def _wrong(sentence: str) -> Invalid:
    return Invalid({"search": sentence})
