"""The filter of a list as SQL conditions: the same for lists, counts and changes, in pages and API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BindParameter, Select, bindparam, or_, select, tuple_

from app.clock import utc_now
from app.models import Notification, User
from app.services.notifications.conditions import Clauses, conditions_for_place, search_conditions
from app.services.notifications.search_query import EVERYTHING, Query

# Placeholders for statements that are built once.
USER_ID = bindparam("user_id", type_=Notification.id.type)
NOW = bindparam("now", type_=Notification.created_at.type)


@dataclass(frozen=True)
class Filters:
    """The filters of a list. Values of one field are alternatives; all fields must match.

    Attributes:
        stack: show only this stack.
        during: show only what surfaced from the first instant until before the second.
        upto: show only this key of the list (`surfaced_at`, id) and what follows it.
    """

    place: str = "inbox"
    categories: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    is_read: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    search: Query = EVERYTHING
    stack: str = ""
    during: tuple[datetime, datetime] | None = None
    upto: tuple[datetime, int] | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """The places to look in: those that the search names, else the list's own."""
        return self.search.places or (self.place,)


def visible_to(user: User, now: datetime) -> Clauses:
    """Conditions for all rows of a person; a scheduled notification does not exist before its `deliver_at`."""
    return [
        Notification.recipient_id == user.id,
        or_(Notification.deliver_at.is_(None), Notification.deliver_at <= now),
    ]


def for_user(user: User, now: datetime | None = None) -> Select[Notification]:
    """Select all rows that are visible to a person."""
    return select(Notification).where(*visible_to(user, now or utc_now()))


def conditions(user: User, filters: Filters, now: datetime) -> Clauses:
    """Translate a filter for one person and instant."""
    return matching(filters, user.id, now)


def matching(
    filters: Filters, user_id: int | BindParameter[int], now: datetime | BindParameter[datetime]
) -> Clauses:
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
        *(column.in_(values) for column, values in alternatives if values),
    ]
    if filters.is_read is not None:
        read_at = Notification.read_at
        clauses.append(read_at.is_not(None) if filters.is_read else read_at.is_(None))
    if filters.created_after:
        clauses.append(Notification.created_at > filters.created_after)
    if filters.created_before:
        clauses.append(Notification.created_at < filters.created_before)
    if filters.stack:
        clauses.append(Notification.stack_key == filters.stack)
    if filters.during:
        start, end = filters.during
        clauses += [Notification.surfaced_at >= start, Notification.surfaced_at < end]
    if filters.upto:
        clauses.append(tuple_(Notification.surfaced_at, Notification.id) <= tuple_(*filters.upto))
    return clauses + search_conditions(filters.search, user_id, now)


def is_ascending(filters: Filters, *, is_backwards: bool = False) -> bool:
    """Whether rows are read from the earliest on: a list is newest first, but snoozed rows are soonest first.

    Args:
        is_backwards: the list is read towards its start.
    """
    return is_backwards != ("later" in filters.places)
