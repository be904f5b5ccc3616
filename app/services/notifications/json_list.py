"""The JSON API's notifications: cached statements whose rows become JSON without model objects in between.

It shows the same rows as `inbox`: both take their conditions from `filters`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from flask_babel import gettext as _
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.clock import utc_now
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.models import Notification
from app.services.base import paging
from app.services.base.cache import Memory
from app.services.base.errors import NotFound
from app.services.notifications import actions, counts
from app.services.notifications.conditions import EARLIEST_FIRST, NEWEST_FIRST
from app.services.notifications.filters import (
    NOW,
    USER_ID,
    Filters,
    InboxReader,
    ValueOf,
    changes_after,
    for_pages,
    in_order,
    is_ascending,
    matching,
    stored_value,
    visible_to,
)
from app.services.notifications.inbox import read_cursor, write_cursor

# In the order in which they are sent.
FIELDS: tuple[tuple[str, InstrumentedAttribute[Any]], ...] = (
    ("id", Notification.id),
    ("notification_type", Notification.notification_type),
    ("category", Notification.category),
    ("title", Notification.title),
    ("message", Notification.message),
    ("priority", Notification.priority),
    ("status", Notification.status),
    ("channels", Notification.channels),
    ("metadata", Notification.data),
    ("action_url", Notification.action_url),
    ("candidate_id", Notification.candidate_id),
    ("job_id", Notification.job_id),
    ("is_confidential", Notification.is_confidential),
    ("hiring_team", Notification.hiring_team),
    ("created_at", Notification.created_at),
    ("sent_at", Notification.sent_at),
    ("read_at", Notification.read_at),
    ("archived_at", Notification.archived_at),
    ("saved_at", Notification.saved_at),
    ("snoozed_until", Notification.snoozed_until),
)
NAMES = tuple(name for name, _column in FIELDS)
JSON_NAMES = ("channels", "metadata", "hiring_team")
# Columns that are read after the fields but not sent: the key of the list, and until when the page is valid.
SURFACED_AT, EXPIRES_AT, NEXT_SURFACES_AT = len(FIELDS), len(FIELDS) + 1, len(FIELDS) + 2


_ONE = CompiledStatement(
    lambda: select(*_columns(stored_value)).where(
        Notification.id == bindparam("row_id"), *visible_to(USER_ID, NOW)
    )
)


@dataclass(frozen=True)
class JsonPage:
    """The rows of one page as a JSON array, and the cursors of its neighbours (None: there is none).

    `fingerprint` identifies the rows; to make it for each response would take 14 µs for 25 KB.
    """

    rows: bytes
    fingerprint: bytes
    next: str | None
    previous: str | None


# Perhaps 25 KB each.
_PAGES = Memory[JsonPage](400)


@dataclass(frozen=True)
class _PageRequest:
    user_id: int
    filters: Filters
    cursor: str | None
    limit: int
    only: frozenset[str] | None


def get(user: InboxReader, notification_id: int, *, mark_read: bool = False) -> bytes:
    """Load one notification of this person as JSON.

    Args:
        mark_read: mark it as read first, unless it is.
    Raises:
        NotFound: this person has no such notification.
    """
    row = _load(user, notification_id)
    return mark_as_read(user, notification_id) if mark_read and row.read_at is None else _dump(row)


def mark_as_read(user: InboxReader, notification_id: int) -> bytes:
    """Mark one notification of this person as read, and return it as JSON. Raises NotFound as `get` does."""
    changed = actions.change_one(user, "read", notification_id, columns=_columns)
    return _dump(changed.row or _load(user, notification_id))


def _dump(row: Sequence[Any]) -> bytes:
    return orjson.dumps(_row_as_json(row, None), option=orjson.OPT_UTC_Z)


def _load(user: InboxReader, notification_id: int) -> Any:
    rows = []
    if 0 < notification_id < 2**63:
        rows = _ONE.fetch(row_id=notification_id, user_id=user.id, now=utc_now())
    if not rows:
        raise NotFound(_("Notification not found."))
    return rows[0]


def page_for(
    user_id: int,
    filters: Filters,
    *,
    cursor: str | None = None,
    limit: int = 50,
    only: frozenset[str] | None = None,
    now: datetime | None = None,
    version: int | None = None,
) -> JsonPage:
    """Load one page of a person's notifications, newest first; remembered until the inbox changes.

    Args:
        cursor: `next` or `previous` of another page of the same list.
        only: the names of the fields to send; default all.
        version: see `cache.Memory.get`.
    Raises:
        Invalid: the cursor is malformed.
    """
    now = now or utc_now()
    request = _PageRequest(user_id, filters, cursor, limit, only)
    return _PAGES.get(user_id, request, now, lambda: _page(request, now), version=version)


def _page(request: _PageRequest, now: datetime) -> tuple[JsonPage, datetime | None]:
    limit = request.limit
    values: dict[str, Any] = {"user_id": request.user_id, "now": now, "limit": limit + 1}
    is_backwards = False
    if request.cursor:
        is_backwards, values["surfaced_at"], values["row_id"] = read_cursor(request.cursor)
    filters = for_pages(request.filters, request.user_id, now)
    statement = _statement(db.engine.dialect.name, filters, bool(request.cursor), is_backwards)
    found = db.session.execute(statement, values).all()
    page = paging.cut(found, limit, has_cursor=bool(request.cursor), is_backwards=is_backwards)
    changes_at = min(
        (
            instant
            for row in found
            for instant in (row[EXPIRES_AT], row[NEXT_SURFACES_AT])
            if instant is not None
        ),
        default=None,
    )
    rows = orjson.dumps([_row_as_json(row, request.only) for row in page.rows], option=orjson.OPT_UTC_Z)
    json_page = JsonPage(
        rows,
        hashlib.sha256(rows).digest(),
        _cursor("n", page.next_starts_after) if page.next_starts_after else None,
        _cursor("p", page.previous_ends_before) if page.previous_ends_before else None,
    )
    if not page.rows:  # No row carries the next instant.
        changes_at = counts.next_change(request.user_id, now)
    return json_page, changes_at


@lru_cache(maxsize=256)
def _statement(dialect: str, filters: Filters, has_cursor: bool, is_backwards: bool) -> Select[Any]:
    key = tuple_(Notification.surfaced_at, Notification.id)
    ascending = is_ascending(filters, is_backwards=is_backwards)
    next_surfaces_at, _next_expires_at = changes_after(USER_ID, NOW)
    query = select(
        *_columns(stored_value),
        _plain(dialect, "surfaced_at", Notification.surfaced_at.expression).label("surfaced_at"),
        Notification.expires_at,
        next_surfaces_at.label("next"),
    )
    if has_cursor:
        bound = tuple_(
            bindparam("surfaced_at", type_=Notification.surfaced_at.type),
            bindparam("row_id", type_=Notification.id.type),
        )
        # Before the other conditions; see `inbox.page_for`.
        query = query.where(key > bound if ascending else key < bound)
    query = in_order(query.where(*matching(filters, USER_ID, NOW)), filters)
    order = EARLIEST_FIRST if ascending else NEWEST_FIRST
    return query.order_by(*order).limit(bindparam("limit"))


def _cursor(direction: str, row: Sequence[Any]) -> str:
    surfaced_at = row[SURFACED_AT]
    instant = datetime.fromisoformat(surfaced_at) if isinstance(surfaced_at, str) else surfaced_at
    return write_cursor(direction, instant, row[0])


def _columns(value_of: ValueOf) -> list[ColumnElement[Any]]:
    dialect = db.engine.dialect.name
    return [_plain(dialect, name, value_of(column)).label(name) for name, column in FIELDS]


def _plain(dialect: str, name: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Select a column in the form that JSON needs: JSON, and the times of SQLite, are passed on as text."""
    if name in JSON_NAMES:
        # Not parsed: PostgreSQL writes 1e20 in full, and orjson refuses integers of more than 64 bits.
        return cast(value, Text)
    if dialect != "sqlite" or not name.endswith(("_at", "_until")):
        return value
    # A parameter keeps its own type, by which it is formatted.
    text = cast(value, Text) if isinstance(value, BindParameter) else type_coerce(value, Text)
    as_rfc3339 = func.replace(func.replace(text, _sql(" "), _sql("T")), _sql(".000000"), _sql(""))
    return as_rfc3339.op("||")(_sql("Z"))


def _sql(constant: str) -> ColumnElement[str]:
    # A literal: forty constant parameters would cost more than the rows.
    return literal_column(f"'{constant}'", Text)


def _row_as_json(row: Sequence[Any], only: frozenset[str] | None) -> dict[str, Any]:
    values: dict[str, Any] = dict(zip(NAMES, row, strict=False))
    for name in JSON_NAMES:
        values[name] = orjson.Fragment(values[name])
    values["is_read"] = values["read_at"] is not None
    return values if only is None else {name: value for name, value in values.items() if name in only}
