"""Places and search queries as SQL conditions. Words are looked up in the full-text index, prefixed by their owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    table,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB, TSQUERY
from sqlalchemy.orm import InstrumentedAttribute

from app import search_text
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.models import Notification
from app.services.base.cache import Memory
from app.services.notifications.search_query import ALTERNATIVES, PLACES, Query, Term

Clauses = list[ColumnElement[bool]]
UserId = int | BindParameter[int]
Now = datetime | BindParameter[datetime]
# The orders of lists.
EARLIEST_FIRST = (Notification.surfaced_at, Notification.id)
NEWEST_FIRST = (Notification.surfaced_at.desc(), Notification.id.desc())
INDEX = table("notification_search", column("rowid"), column("words"))
# Stands for the owner's id in a full-text query. No word contains it.
OWNER = "@"
# A word is common if this many of the sampled newest notifications of a person contain it. SQLite collects a few
# hundred matches sooner than it checks as many rows; PostgreSQL sorts them.
COMMON, SAMPLE, SAMPLED_FOR = {"sqlite": 25, "postgresql": 5}, 100, timedelta(minutes=10)
_IS_COMMON = Memory[bool](5_000)

# The places of `catalog.PLACES`, and all of them at once, but for the time: see `conditions_for_place`.
PLACE_CONDITIONS: dict[str, Clauses] = {
    "inbox": [Notification.archived_at.is_(None)],
    "unread": [Notification.archived_at.is_(None), Notification.read_at.is_(None)],
    # Snoozed: it surfaces when the snooze ends, which the inbox's own index knows.
    "later": [
        Notification.archived_at.is_(None),
        and_(Notification.snoozed_until.is_not(None), Notification.snoozed_until == Notification.surfaced_at),
    ],
    "done": [Notification.archived_at.is_not(None)],
    "saved": [Notification.saved_at.is_not(None)],
    "all": [],
    "anywhere": [],
}
STATES: dict[str, ColumnElement[bool]] = {
    "unread": Notification.read_at.is_(None),
    "read": Notification.read_at.is_not(None),
    "saved": Notification.saved_at.is_not(None),
}
FIELDS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "type": lambda value: or_(Notification.category == value, Notification.notification_type == value),
    "priority": lambda value: Notification.priority == value,
    "status": lambda value: Notification.status == value,
    "from": lambda value: Notification.created_at >= value,
    "before": lambda value: Notification.created_at < value,
}
# The ids of `search_query.NAMES`, as far as they have one, and the marks of their words in the index.
IDS: dict[str, InstrumentedAttribute[str | None]] = {
    "candidate": Notification.candidate_id,
    "job": Notification.job_id,
}
MARKS = {"candidate": search_text.CANDIDATE, "job": search_text.JOB, "company": search_text.COMPANY}


def conditions_for_place(place: str, now: Now) -> Clauses:
    """Translate a place. `surfaced_at <= now` hides what is scheduled, snoozed or not wanted in the app."""
    if place == "anywhere":
        is_snoozed = Notification.snoozed_until == Notification.surfaced_at
        return [or_(Notification.surfaced_at <= now, is_snoozed)]
    if place == "later":
        return [Notification.surfaced_at > now, *PLACE_CONDITIONS[place]]
    return [Notification.surfaced_at <= now, *PLACE_CONDITIONS[place]]


def search_conditions(query: Query, user_id: UserId, now: Now, *, is_common: bool = False) -> Clauses:
    """Translate a search query, except for the places it names; those are `Query.places`.

    Args:
        is_common: see `has_common_words`.
    """
    wanted = [term for term in query.terms if not term.is_not and not _is_place(term)]
    clauses: Clauses = []
    if words := [term for term in wanted if term.words]:
        clauses.append(_checked(words) if is_common else _indexed(words, user_id))
    for name in ALTERNATIVES:
        if alternatives := [_condition(term, user_id, now) for term in wanted if term.name == name]:
            clauses.append(or_(*alternatives))
    others = [term for term in wanted if not term.words and term.name not in ALTERNATIVES]
    clauses += [_condition(term, user_id, now) for term in others]
    clauses += [not_(_condition(term, user_id, now)) for term in query.terms if term.is_not]
    return clauses


def has_common_words(query: Query, user_id: int, now: datetime) -> bool:
    """Whether a page of a list fills sooner by checking its rows in their order than from the full-text index.

    For a page of fifty, PostgreSQL would fetch and sort every match of a common word, and SQLite would collect them.
    """
    terms = [term for term in query.terms if term.words and not term.is_not]
    if not terms:
        return False
    needles, dialect = tuple(map(_needle, terms)), db.engine.dialect.name

    def sample() -> tuple[bool, datetime]:
        values = {f"needle_{number}": needle for number, needle in enumerate(needles)}
        ((count,),) = _sample_statement(dialect, len(needles)).fetch(user_id=user_id, now=now, **values)
        return int(count) >= COMMON[dialect], now + SAMPLED_FOR

    # Whatever the inbox's version: it is a guess about speed, and an old one is as good.
    return _IS_COMMON.get(user_id, needles, now, sample, version=0)


def _is_place(term: Term) -> bool:
    return term.name == "in" or (term.name == "is" and term.value in PLACES)


def _condition(term: Term, user_id: UserId, now: Now) -> ColumnElement[bool]:
    if term.words:
        return _has_words(term, user_id)
    if term.name in MARKS:
        return _named(term, user_id)
    if term.name in FIELDS:
        return FIELDS[term.name](term.value)
    state = str(term.value)
    return STATES[state] if state in STATES else and_(*conditions_for_place(state, now))


def metadata_is(name: str, value: str) -> ColumnElement[bool]:
    """Build the condition that a notification's metadata have this value under this name, a text, number or boolean."""
    column = type_coerce(Notification.data, Text)
    if db.engine.dialect.name != "sqlite":
        as_text: ColumnElement[str] = cast(Notification.data, JSONB)[name].astext
        return as_text == value
    path = f'$."{name}"'
    # SQLite returns booleans as numbers.
    as_text = case(
        (func.json_type(column, path).in_(("true", "false")), func.json_type(column, path)),
        else_=cast(func.json_extract(column, path), Text),
    )
    return as_text == value


def has_name_like(words: Iterable[str], user_id: UserId) -> ColumnElement[bool]:
    """Build the condition that a candidate's, job's or company's name has these words, the last perhaps unfinished."""
    return _matches_any([Term(name, words=tuple(words)) for name in MARKS], user_id)


def has_any_word(words: Iterable[str], user_id: UserId) -> ColumnElement[bool]:
    """Build the condition that the text contains one of these words."""
    return _matches_any([Term(words=(word,), is_exact=True) for word in words], user_id)


def _matches_any(terms: list[Term], user_id: UserId) -> ColumnElement[bool]:
    if db.engine.dialect.name == "sqlite":
        match = _of_owner(" OR ".join(map(_fts5_term, terms)), user_id)
        is_match: ColumnElement[bool] = INDEX.c.words.op("MATCH", is_comparison=True)(match)
        return Notification.id.in_(select(INDEX.c.rowid).where(is_match))
    return _is_found(_of_owner(" | ".join(map(_tsquery_term, terms)), user_id))


def _named(term: Term, user_id: UserId) -> ColumnElement[bool]:
    """Build the condition that what the filter names has a name with these words, or this id."""
    words = tuple(search_text.tokenize_query(str(term.value)))
    ways = [_has_words(replace(term, words=words), user_id)] if words else []
    if term.name in IDS:
        column, value = IDS[term.name], str(term.value)
        # PostgreSQL uses an index only for `=`. Negated, `=` would drop rows without an id.
        ways.append(column.is_not_distinct_from(value) if term.is_not else column == value)
    return or_(*ways) if ways else false()


def _has_words(term: Term, user_id: UserId) -> ColumnElement[bool]:
    """Build the condition that the text contains a term. What it must not contain is checked row by row."""
    return _checked([term]) if term.is_not else _indexed([term], user_id)


def _indexed(terms: list[Term], user_id: UserId) -> ColumnElement[bool]:
    """Build the condition that the text contains all of these terms, found in the full-text index."""
    if db.engine.dialect.name == "sqlite":
        match = _of_owner(" AND ".join(map(_fts5_term, terms)), user_id)
        is_match = INDEX.c.words.op("MATCH", is_comparison=True)(match)
        # The sum keeps SQLite on the list's own index: it walks that, and looks up each row among the matches.
        return (Notification.id + 0).in_(select(INDEX.c.rowid).where(is_match))
    return _is_found(_of_owner(_tsquery(terms), user_id))


def _checked(terms: list[Term]) -> ColumnElement[bool]:
    """Build the same condition as `_indexed`, checked in the words of each row."""
    return and_(*(_contains(literal(_needle(term))) for term in terms))


def _contains(needle: ColumnElement[str]) -> ColumnElement[bool]:
    find = func.instr if db.engine.dialect.name == "sqlite" else func.strpos
    found: ColumnElement[bool] = find(literal(" ").concat(Notification.words).concat(" "), needle) > 0
    return found


def _needle(term: Term) -> str:
    """Write a term as it is among a row's words, with the space that begins it and, unless it is a prefix, ends it."""
    return f" {' '.join(_encoded(term))}{' ' if term.is_exact else ''}"


def _is_found(match: ColumnElement[str]) -> ColumnElement[bool]:
    """Build the condition that PostgreSQL's full-text index finds the row.

    The words name their owner, so it returns that person's rows only. But the planner would expect those of everyone
    with such a word, and read all of the person's rows instead, or the whole index for many words. It knows neither
    the result of a subquery nor the length of an array, and goes through the indexes.
    """
    query = select(cast(match, TSQUERY)).scalar_subquery()
    is_match = INDEX.c.words.op("@@", is_comparison=True)(query)
    found = func.array(select(INDEX.c.rowid).where(is_match).scalar_subquery())
    return Notification.id == func.any(found)


@lru_cache(maxsize=32)
def _sample_statement(_dialect: str, number: int) -> CompiledStatement:
    are_found = and_(*(_contains(bindparam(f"needle_{index}", type_=Text)) for index in range(number)))
    newest = (
        select(are_found.label("is_match"))
        .where(
            Notification.recipient_id == bindparam("user_id", type_=Notification.id.type),
            Notification.surfaced_at <= bindparam("now", type_=Notification.surfaced_at.type),
        )
        .order_by(*NEWEST_FIRST)
        .limit(literal_column(str(SAMPLE)))
        .with_hint(Notification, "INDEXED BY ix_notifications_all", "sqlite")
    )
    return CompiledStatement(select(func.count().label("number")).where(newest.subquery().c.is_match))


def _of_owner(match: str, user_id: UserId) -> ColumnElement[str]:
    owner = literal("u").concat(cast(user_id, Text)).concat("x")
    return func.replace(match, OWNER, owner)


def _fts5_term(term: Term) -> str:
    words = " ".join(_with_owner(term))
    return f'"{words}"' if term.is_exact else f'"{words}" *'


def _tsquery(terms: Iterable[Term]) -> str:
    return " & ".join(map(_tsquery_term, terms))


def _tsquery_term(term: Term) -> str:
    words = " <-> ".join(f"'{word}'" for word in _with_owner(term))
    return f"({words})" if term.is_exact else f"({words}:*)"


def _with_owner(term: Term) -> list[str]:
    return [OWNER + word for word in _encoded(term)]


def _encoded(term: Term) -> list[str]:
    """Return the words of a term as the index has them."""
    mark = MARKS.get(term.name, "")
    return [mark + search_text.encode_token(word) for word in term.words]
