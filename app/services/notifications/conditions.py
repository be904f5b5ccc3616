"""A query as SQL conditions. Words are looked up in the full-text index, each behind its owner's number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Text,
    and_,
    cast,
    column,
    func,
    literal,
    not_,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from app import search_text
from app.database.base import db
from app.models import Notification
from app.services.notifications.places import Clauses, conditions_for_place
from app.services.notifications.search_query import ALTERNATIVES, PLACES, Query, Term

N = Notification
Reader = int | BindParameter[int]
Now = datetime | BindParameter[datetime]
INDEX = table("notification_search", column("rowid"), column("recipient_id"), column("words"))
# Where the owner's number comes in; no word is written with it.
OWNER = "@"

STATES: dict[str, ColumnElement[bool]] = {
    "unread": N.read_at.is_(None),
    "read": N.read_at.is_not(None),
    "saved": N.saved_at.is_not(None),
}
FIELDS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "type": lambda value: or_(N.category == value, N.notification_type == value),
    "priority": lambda value: N.priority == value,
    "status": lambda value: N.status == value,
    "from": lambda value: N.created_at >= value,
    "before": lambda value: N.created_at < value,
}


def search_conditions(query: Query, reader: Reader, now: Now) -> Clauses:
    """What is true of the rows that a query finds; the places it names are the caller's to look in."""
    wanted = [term for term in query.terms if not term.is_not and term.value not in PLACES]
    words = [term for term in wanted if term.words]
    alternatives = [[term for term in wanted if term.name == name] for name in ALTERNATIVES]
    others = [term for term in wanted if not term.words and term.name not in ALTERNATIVES]
    return [
        *([_indexed(words, reader)] if words else []),
        *(or_(*(_condition(term, reader, now) for term in some)) for some in alternatives if some),
        *(_condition(term, reader, now) for term in others),
        *(not_(_condition(term, reader, now)) for term in query.terms if term.is_not),
    ]


def _condition(term: Term, reader: Reader, now: Now) -> ColumnElement[bool]:
    if term.words:
        return _indexed([term], reader)
    if term.name in FIELDS:
        return FIELDS[term.name](term.value)
    state = str(term.value)
    return STATES[state] if state in STATES else and_(*conditions_for_place(state, now))


def _indexed(terms: list[Term], reader: Reader) -> ColumnElement[bool]:
    """Whether all of these stand in the text."""
    owner = literal("u").concat(cast(reader, Text)).concat("x")
    if db.engine.dialect.name == "sqlite":
        asked = func.replace(" AND ".join(map(_fts5, terms)), OWNER, owner)
        matches = INDEX.c.words.op("MATCH", is_comparison=True)(asked)
        # The sum keeps the list's own order: its index is walked, and each row looked up among those found.
        return (N.id + 0).in_(select(INDEX.c.rowid).where(matches))
    asked = func.replace(" & ".join(map(_tsquery, terms)), OWNER, owner)
    matches = INDEX.c.words.op("@@", is_comparison=True)(cast(asked, TSQUERY))
    return N.id.in_(select(INDEX.c.rowid).where(INDEX.c.recipient_id == reader, matches))


def _fts5(term: Term) -> str:
    words = " ".join(_owned(term))
    return f'"{words}"' if term.is_exact else f'"{words}" *'


def _tsquery(term: Term) -> str:
    words = " <-> ".join(f"'{word}'" for word in _owned(term))
    return f"({words})" if term.is_exact else f"({words}:*)"


def _owned(term: Term) -> list[str]:
    return [OWNER + search_text.encode_token(word) for word in term.words]
