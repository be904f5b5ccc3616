"""The filter of a list as SQL conditions: the same for lists, counts and changes, in pages and API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, ScalarSelect, Select, bindparam, func, literal, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from app.clock import utc_now
from app.models import Notification
from app.services.notifications.conditions import (
    Clauses,
    Now,
    UserId,
    conditions_for_place,
    has_common_words,
    metadata_is,
    search_conditions,
)
from app.services.notifications.search_query import EVERYTHING, Query

# Placeholders for statements that are built once.
USER_ID = bindparam("user_id", type_=Notification.id.type)
NOW = bindparam("now", type_=Notification.created_at.type)

AnySelect = TypeVar("AnySelect", bound=Select[Any])
INDEXES = {
    "inbox": "ix_notifications_inbox",
    "unread": "ix_notifications_unread",
    "later": "ix_notifications_inbox",
    "done": "ix_notifications_done",
    "saved": "ix_notifications_saved",
    "all": "ix_notifications_all",
    "anywhere": "ix_notifications_all",
}


@dataclass(frozen=True)
class Filters:
    """The filters of a list. Values of one field are alternatives; all fields must match.

    Attributes:
        stack: show only this stack.
        during: show only what surfaced from the first instant until before the second.
        metadata: show only rows whose metadata have these names and values.
        upto: show only this key of the list (`surfaced_at`, id) and what follows it.
        is_common: see `conditions.has_common_words`; it changes how the rows are found, not which.
    """

    place: str = "inbox"
    categories: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    is_read: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    candidate_id: str | None = None
    job_id: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    search: Query = EVERYTHING
    stack: str = ""
    during: tuple[datetime, datetime] | None = None
    upto: tuple[datetime, int] | None = None
    is_common: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """The places to look in: those of the search, else the list's own. A search of "all" finds snoozed rows."""
        own = "anywhere" if self.place == "all" and self.search else self.place
        return self.search.places or (own,)

    @property
    def is_unread_only(self) -> bool:
        """Whether all that it shows is unread."""
        return "unread" in self.places or self.is_read is False or self.search.is_unread


# Gives a column its value in a statement: the one that is stored, or the one that a change writes.
ValueOf = Callable[[InstrumentedAttribute[Any]], ColumnElement[Any]]


def stored_value(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return a column as it is."""
    return column.expression


class InboxReader(Protocol):
    """The facts about a person that reading their inbox needs."""

    @property
    def id(self) -> int: ...
    @property
    def time_zone(self) -> str: ...


def changes_after(user_id: UserId, now: Now) -> tuple[ScalarSelect[Any], ScalarSelect[Any]]:
    """Select the next instants at which a person's lists change although nothing is written.

    These are when something surfaces, and when something expires.
    """
    mine = Notification.recipient_id == user_id
    surfaces, expires = (
        select(func.min(column)).where(mine, column > now).correlate(None).scalar_subquery()
        for column in (Notification.surfaced_at, Notification.expires_at)
    )
    return surfaces, expires


def visible_to(user_id: UserId, now: Now) -> Clauses:
    """Conditions for all rows of a person; a scheduled notification does not exist before its `deliver_at`."""
    return [
        Notification.recipient_id == user_id,
        or_(Notification.deliver_at.is_(None), Notification.deliver_at <= now),
    ]


def for_user(user: InboxReader, now: datetime | None = None) -> Select[Notification]:
    """Select all rows that are visible to a person."""
    return select(Notification).where(*visible_to(user.id, now or utc_now()))


def matching(filters: Filters, user_id: UserId, now: Now) -> Clauses:
    """Translate a filter; placeholders may stand in for the person and the instant."""
    alternatives = (
        (Notification.category, filters.categories),
        (Notification.notification_type, filters.types),
        (Notification.priority, filters.priorities),
        (Notification.status, filters.statuses),
    )
    clauses: Clauses = [
        Notification.recipient_id == user_id,
        or_(Notification.expires_at.is_(None), Notification.expires_at > now),
        *(clause for place in filters.places for clause in conditions_for_place(place, now)),
        # Literals, because a compiled statement takes no list of unknown length.
        *(column.in_([literal(value) for value in values]) for column, values in alternatives if values),
    ]
    if filters.is_read is not None:
        read_at = Notification.read_at
        clauses.append(read_at.is_not(None) if filters.is_read else read_at.is_(None))
    if filters.created_after:
        clauses.append(Notification.created_at > filters.created_after)
    if filters.created_before:
        clauses.append(Notification.created_at < filters.created_before)
    if filters.candidate_id:
        clauses.append(Notification.candidate_id == filters.candidate_id)
    if filters.job_id:
        clauses.append(Notification.job_id == filters.job_id)
    clauses += [metadata_is(name, value) for name, value in filters.metadata]
    if filters.stack:
        clauses.append(Notification.stack_key == filters.stack)
    if filters.during:
        start, end = filters.during
        clauses += [Notification.surfaced_at >= start, Notification.surfaced_at < end]
    if filters.upto:
        clauses.append(tuple_(Notification.surfaced_at, Notification.id) <= tuple_(*filters.upto))
    return clauses + search_conditions(filters.search, user_id, now, is_common=filters.is_common)


def for_pages(filters: Filters, user_id: int, now: datetime) -> Filters:
    """Return the filter as it is quickest for a page of its rows."""
    return replace(filters, is_common=True) if has_common_words(filters.search, user_id, now) else filters


def in_order(query: AnySelect, filters: Filters) -> AnySelect:
    """Tell SQLite which index holds a list in its order: the statistics of other people's inboxes mislead it."""
    if filters.stack:
        return query
    place = "unread" if _only_unread(filters) else filters.places[0]
    index = INDEXES[place]
    if filters.candidate_id:
        index = "ix_notifications_candidate"
    elif filters.job_id:
        index = "ix_notifications_job"
    return query.with_hint(Notification, f"INDEXED BY {index}", "sqlite")


def _only_unread(filters: Filters) -> bool:
    return (filters.is_read is False or filters.search.is_unread) and filters.places == ("inbox",)


def is_ascending(filters: Filters, *, is_backwards: bool = False) -> bool:
    """Whether rows are read from the earliest on: a list is newest first, but snoozed rows are soonest first.

    Args:
        is_backwards: the list is read towards its start.
    """
    return is_backwards != ("later" in filters.places)
