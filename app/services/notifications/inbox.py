"""Reads a person's notifications. Ownership is part of every query: another's row does not exist here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, bindparam, select, tuple_

from app.clock import EPOCH, from_microseconds, to_microseconds, utc_now
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.database.objects import ModelColumns
from app.models import Delivery, Event, Interview, Notification
from app.row_ids import MAX_ID
from app.services.base import paging
from app.services.base.errors import Invalid, NotFound
from app.services.notifications import stacks
from app.services.notifications.conditions import EARLIEST_FIRST, NEWEST_FIRST
from app.services.notifications.filters import (
    NOW,
    USER_ID,
    Filters,
    InboxReader,
    ValueOf,
    for_pages,
    for_user,
    in_order,
    is_ascending,
    matching,
    stored_value,
    visible_to,
)

CURSOR = r"[np][0-9]{1,16}-[1-9][0-9]{0,17}"


class InboxRow(NamedTuple):
    """A notification as a list shows it. Building a model object for each would take a quarter of a page's time."""

    id: int
    notification_type: str
    category: str
    priority: str
    title: str
    message: str
    facts: dict[str, Any]
    stack_key: str
    surfaced_at: datetime
    read_at: datetime | None
    archived_at: datetime | None
    saved_at: datetime | None
    snoozed_until: datetime | None

    @property
    def is_read(self) -> bool:
        return self.read_at is not None

    @property
    def is_done(self) -> bool:
        return self.archived_at is not None


@dataclass(frozen=True)
class InboxPage:
    """The rows of one page, newest first, and the opaque cursors of its neighbours (None: there is none).

    `stacks` holds, by their keys, those rows that represent several.
    """

    rows: list[InboxRow]
    next: str | None
    previous: str | None
    stacks: dict[str, stacks.Stack] = field(default_factory=dict)


def page_for(
    user: InboxReader,
    filters: Filters,
    *,
    cursor: str | None = None,
    limit: int = 50,
    is_stacked: bool = False,
    now: datetime | None = None,
) -> InboxPage:
    """Load one page of a person's notifications by key. Newest first, but snoozed ones in the order they return.

    Args:
        cursor: `next` or `previous` of another page of the same list.
        limit: rows per page, 1 to 200.
        is_stacked: show only the newest row of each stack; see `stacks`.
    Raises:
        Invalid: the cursor is malformed.
    """
    now = now or utc_now()
    filters = for_pages(filters, user.id, now)
    values: dict[str, Any] = {"user_id": user.id, "now": now, "limit": limit + 1}
    is_backwards = False
    if cursor:
        is_backwards, values["surfaced_at"], values["row_id"] = read_cursor(cursor)
    dialect = db.engine.dialect.name
    statement = _page_statement(dialect, filters, bool(cursor), is_backwards, is_stacked)
    found = [InboxRow._make(row) for row in db.session.execute(statement, values)]
    page = paging.cut(found, limit, has_cursor=bool(cursor), is_backwards=is_backwards)
    keys = sorted({row.stack_key for row in page.rows if row.stack_key}) if is_stacked else []
    after, before = page.next_starts_after, page.previous_ends_before
    return InboxPage(
        list(page.rows),
        write_cursor("n", after.surfaced_at, after.id) if after else None,
        write_cursor("p", before.surfaced_at, before.id) if before else None,
        stacks.load_stacks(_stacks_statement(dialect, filters), {**values, "keys": keys}) if keys else {},
    )


# Building a statement takes longer than running it.
@lru_cache(maxsize=256)
def _page_statement(
    _dialect: str, filters: Filters, has_cursor: bool, is_backwards: bool, is_stacked: bool
) -> Select[Any]:
    key = tuple_(Notification.surfaced_at, Notification.id)
    clauses = matching(filters, USER_ID, NOW)
    ascending = is_ascending(filters, is_backwards=is_backwards)
    query = select(*(getattr(Notification, name) for name in InboxRow._fields))
    if has_cursor:
        bound = tuple_(
            bindparam("surfaced_at", type_=Notification.surfaced_at.type),
            bindparam("row_id", type_=Notification.id.type),
        )
        # Before the other conditions: SQLite uses the first of two bounds, and would start from the newest row.
        query = query.where(key > bound if ascending else key < bound)
    query = in_order(query.where(*clauses), filters)
    if is_stacked:
        query = query.where(stacks.only_heads(clauses, is_ascending=is_ascending(filters)))
    order = EARLIEST_FIRST if ascending else NEWEST_FIRST
    return query.order_by(*order).limit(bindparam("limit"))


@lru_cache(maxsize=256)
def _stacks_statement(_dialect: str, filters: Filters) -> Select[Any]:
    return stacks.select_stacks(matching(filters, USER_ID, NOW))


def write_cursor(direction: str, surfaced_at: datetime | None, row_id: int) -> str:
    """Write an opaque cursor for the page after (`n`) or before (`p`) a row, in the list's order."""
    return f"{direction}{to_microseconds(surfaced_at or EPOCH)}-{row_id}"


def read_cursor(cursor: str) -> tuple[bool, datetime, int]:
    """Read a cursor: whether it leads backwards, and the row's `surfaced_at` and id. Raises Invalid."""
    if not re.fullmatch(CURSOR, cursor, re.ASCII):
        raise Invalid({"cursor": _("This page link is invalid. Go back to the first page.")})
    microseconds, row_id = cursor[1:].split("-")
    return cursor[0] == "p", from_microseconds(int(microseconds)), int(row_id)


def row_columns(value_of: ValueOf) -> list[ColumnElement[Any]]:
    """Build the columns of an `InboxRow`, of these values."""
    return [value_of(getattr(Notification, name)).label(name) for name in InboxRow._fields]


_ROW = CompiledStatement(
    select(*row_columns(stored_value)).where(
        Notification.id == bindparam("row_id"), *visible_to(USER_ID, NOW)
    )
)


def get_row(user: InboxReader, notification_id: int) -> InboxRow:
    """Load one notification of this person as a list shows it. Raises NotFound as `get` does."""
    found = []
    if 0 < notification_id <= MAX_ID:
        found = _ROW.fetch(row_id=notification_id, user_id=user.id, now=utc_now())
    if not found:
        raise NotFound(_("Notification not found."))
    return InboxRow._make(found[0])


def get(user: InboxReader, notification_id: int) -> Notification:
    """Load one notification of this person.

    Raises:
        NotFound: there is none with this id, or it belongs to another person.
    """
    return get_one(for_user(user), notification_id)


_OWN, _EVENT, _INTERVIEW, _DELIVERY = map(ModelColumns[Any], (Notification, Event, Interview, Delivery))
_DETAIL = CompiledStatement(
    # A notification has few deliveries: a second statement would cost more than its columns beside each of them.
    select(*_OWN.columns, *_EVENT.columns, *_INTERVIEW.columns, *_DELIVERY.columns)
    .outerjoin(Event, Event.id == Notification.event_id)
    .outerjoin(Interview, Interview.id == Notification.interview_id)
    .outerjoin(Delivery, Delivery.notification_id == Notification.id)
    .where(Notification.id == bindparam("row_id"), *visible_to(USER_ID, NOW))
    .order_by(Delivery.id)
)
# Where the columns of each begin.
_EVENT_AT = len(_OWN.columns)
_INTERVIEW_AT = _EVENT_AT + len(_EVENT.columns)
_DELIVERY_AT = _INTERVIEW_AT + len(_INTERVIEW.columns)


def detail(user: InboxReader, notification_id: int) -> Notification:
    """Load one notification of this person with its event, interview and deliveries, for reading only.

    Raises NotFound as `get` does.
    """
    found = []
    if 0 < notification_id <= MAX_ID:
        found = _DETAIL.fetch(row_id=notification_id, user_id=user.id, now=utc_now())
    if not found:
        raise NotFound(_("Notification not found."))
    values = found[0]
    row = cast(Notification, _OWN.make(values[:_EVENT_AT]))
    vars(row).update(
        event=_EVENT.make(values[_EVENT_AT:_INTERVIEW_AT]),
        interview=_INTERVIEW.make(values[_INTERVIEW_AT:_DELIVERY_AT]),
        deliveries=[made for each in found if (made := _DELIVERY.make(each[_DELIVERY_AT:]))],
    )
    return row


def get_one(query: Select[Notification], notification_id: int) -> Notification:
    """Load one notification of a query. Raises NotFound as `get` does."""
    row = None
    if 0 < notification_id <= MAX_ID:
        row = db.session.scalar(query.where(Notification.id == notification_id))
    if row is None:
        raise NotFound(_("Notification not found."))
    return row
