"""Places and search queries as SQL conditions. Words are looked up in the full-text index, prefixed by their owner."""

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
from app.services.notifications.search_query import ALTERNATIVES, PLACES, Query, Term

Clauses = list[ColumnElement[bool]]
UserId = int | BindParameter[int]
Now = datetime | BindParameter[datetime]
INDEX = table("notification_search", column("rowid"), column("recipient_id"), column("words"))
# Stands for the owner's id in a full-text query. No word contains it.
OWNER = "@"

# The places of `catalog.PLACES`, but for the time: see `conditions_for_place`.
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


def conditions_for_place(place: str, now: Now) -> Clauses:
    """Translate a place. `surfaced_at <= now` hides what is scheduled, snoozed or not wanted in the app."""
    if place == "later":
        return [Notification.surfaced_at > now, *PLACE_CONDITIONS[place]]
    return [Notification.surfaced_at <= now, *PLACE_CONDITIONS[place]]


def search_conditions(query: Query, user_id: UserId, now: Now) -> Clauses:
    """Translate a search query, except for the places it names; those are `Query.places`."""
    wanted = [term for term in query.terms if not term.is_not and term.value not in PLACES]
    clauses: Clauses = []
    if words := [term for term in wanted if term.words]:
        clauses.append(_indexed(words, user_id))
    for name in ALTERNATIVES:
        if alternatives := [_condition(term, user_id, now) for term in wanted if term.name == name]:
            clauses.append(or_(*alternatives))
    others = [term for term in wanted if not term.words and term.name not in ALTERNATIVES]
    clauses += [_condition(term, user_id, now) for term in others]
    clauses += [not_(_condition(term, user_id, now)) for term in query.terms if term.is_not]
    return clauses


def _condition(term: Term, user_id: UserId, now: Now) -> ColumnElement[bool]:
    if term.words:
        return _indexed([term], user_id)
    if term.name in FIELDS:
        return FIELDS[term.name](term.value)
    state = str(term.value)
    return STATES[state] if state in STATES else and_(*conditions_for_place(state, now))


def _indexed(terms: list[Term], user_id: UserId) -> ColumnElement[bool]:
    """Build the condition that the text contains all of these terms."""
    owner = literal("u").concat(cast(user_id, Text)).concat("x")
    if db.engine.dialect.name == "sqlite":
        match = func.replace(" AND ".join(map(_fts5, terms)), OWNER, owner)
        is_match = INDEX.c.words.op("MATCH", is_comparison=True)(match)
        # The sum keeps SQLite on the list's own index: it walks that, and looks up each row among the matches.
        return (Notification.id + 0).in_(select(INDEX.c.rowid).where(is_match))
    match = func.replace(" & ".join(map(_tsquery, terms)), OWNER, owner)
    is_match = INDEX.c.words.op("@@", is_comparison=True)(cast(match, TSQUERY))
    return Notification.id.in_(select(INDEX.c.rowid).where(INDEX.c.recipient_id == user_id, is_match))


def _fts5(term: Term) -> str:
    words = " ".join(_with_owner(term))
    return f'"{words}"' if term.is_exact else f'"{words}" *'


def _tsquery(term: Term) -> str:
    words = " <-> ".join(f"'{word}'" for word in _with_owner(term))
    return f"({words})" if term.is_exact else f"({words}:*)"


def _with_owner(term: Term) -> list[str]:
    return [OWNER + search_text.encode_token(word) for word in term.words]
