"""Reads a person's notifications. Ownership is part of every query: another's row does not exist here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import joinedload, selectinload

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.base import paging
from app.services.base.errors import Invalid, NotFound
from app.services.notifications import stacks
from app.services.notifications.filters import Filters, conditions, for_user, is_ascending

CURSOR = r"[np][0-9]{1,16}-[1-9][0-9]{0,17}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class InboxPage:
    """The rows of one page, newest first, and the opaque cursors of its neighbours (None: there is none).

    `stacks` holds, by their keys, those rows that stand for several.
    """

    rows: list[Notification]
    next: str | None
    previous: str | None
    stacks: dict[str, stacks.Stack] = field(default_factory=dict)


def page_for(
    user: User,
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
    key = tuple_(Notification.surfaced_at, Notification.id)
    clauses = conditions(user, filters, now)
    query = select(Notification)
    is_backwards, ascending = False, is_ascending(filters)
    if cursor:
        is_backwards, surfaced_at, row_id = read_cursor(cursor)
        ascending = is_ascending(filters, is_backwards=is_backwards)
        bound = tuple_(surfaced_at, row_id)
        # Before the other conditions: SQLite uses the first of two bounds, and would start from the newest row.
        query = query.where(key > bound if ascending else key < bound)
    query = query.where(*clauses)
    if is_stacked:
        query = query.where(stacks.only_heads(clauses, is_ascending=is_ascending(filters)))
    if ascending:
        query = query.order_by(Notification.surfaced_at, Notification.id)
    else:
        query = query.order_by(Notification.surfaced_at.desc(), Notification.id.desc())
    found = db.session.scalars(query.limit(limit + 1)).all()
    page = paging.cut(found, limit, has_cursor=cursor is not None, is_backwards=is_backwards)
    keys = {row.stack_key for row in page.rows if row.stack_key}
    return InboxPage(
        list(page.rows),
        write_cursor("n", page.last.surfaced_at, page.last.id) if page.last else None,
        write_cursor("p", page.first.surfaced_at, page.first.id) if page.first else None,
        stacks.load_stacks(clauses, keys) if is_stacked else {},
    )


def write_cursor(direction: str, surfaced_at: datetime | None, row_id: int) -> str:
    """Write an opaque cursor for the page after (`n`) or before (`p`) a row, in the list's order."""
    microseconds = ((surfaced_at or _EPOCH) - _EPOCH) // timedelta(microseconds=1)
    return f"{direction}{microseconds}-{row_id}"


def read_cursor(cursor: str) -> tuple[bool, datetime, int]:
    """Read a cursor: whether it leads backwards, and the row's `surfaced_at` and id. Raises Invalid."""
    if not re.fullmatch(CURSOR, cursor, re.ASCII):
        raise Invalid({"cursor": _("This page link is invalid. Go back to the first page.")})
    microseconds, row_id = cursor[1:].split("-")
    return cursor[0] == "p", _EPOCH + timedelta(microseconds=int(microseconds)), int(row_id)


def get(user: User, notification_id: int) -> Notification:
    """Load one notification of this person.

    Raises:
        NotFound: there is none with this id, or it belongs to another person.
    """
    return _get_one(for_user(user), notification_id)


def detail(user: User, notification_id: int) -> Notification:
    """Load one notification of this person with its event, interview and deliveries. Raises NotFound as `get` does."""
    query = for_user(user).options(
        joinedload(Notification.event),
        joinedload(Notification.interview),
        selectinload(Notification.deliveries),
    )
    return _get_one(query, notification_id)


def _get_one(query: Select[Notification], notification_id: int) -> Notification:
    row = None
    if 0 < notification_id < 2**63:
        row = db.session.scalar(query.where(Notification.id == notification_id))
    if row is None:
        raise NotFound(_("There is no such notification."))
    return row
