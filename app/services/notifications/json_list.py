"""The list of notifications as the JSON API sends it: statements built once, plain rows, no objects between.

It shows what `notifications.page_for` shows: both take their conditions from the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.clock import utc_now
from app.database.base import db
from app.models import Notification
from app.services.base import cache, paging
from app.services.notifications.inbox import (
    NOW,
    READER,
    Filters,
    bound_after_undo,
    matching,
    read_cursor,
    write_cursor,
)

N = Notification
# In the order in which they are sent; the row calls its metadata `data`.
FIELDS: tuple[tuple[str, InstrumentedAttribute[Any]], ...] = (
    ("id", N.id),
    ("notification_type", N.notification_type),
    ("category", N.category),
    ("title", N.title),
    ("message", N.message),
    ("priority", N.priority),
    ("status", N.status),
    ("channels", N.channels),
    ("metadata", N.data),
    ("action_url", N.action_url),
    ("created_at", N.created_at),
    ("sent_at", N.sent_at),
    ("read_at", N.read_at),
    ("archived_at", N.archived_at),
    ("saved_at", N.saved_at),
    ("snoozed_until", N.snoozed_until),
)
NAMES = tuple(name for name, _column in FIELDS)
JSON_NAMES = ("channels", "metadata")
# The key of the list, and what says until when a page stays as it is; read beside the fields, not sent.
SURFACED, EXPIRES, NEXT = len(FIELDS), len(FIELDS) + 1, len(FIELDS) + 2


@dataclass(frozen=True)
class JsonPage:
    """A page: its rows as a JSON array, ready to be sent, and the cursors of the pages beside it."""

    rows: bytes
    next: str | None
    previous: str | None


@dataclass(frozen=True)
class _PageRequest:
    reader: int
    filters: Filters
    cursor: str | None
    limit: int
    only: frozenset[str] | None


def page_for(
    user_id: int,
    filters: Filters,
    *,
    cursor: str | None = None,
    limit: int = 50,
    only: frozenset[str] | None = None,
    now: datetime | None = None,
) -> JsonPage:
    """One page of a person's notifications, newest first; remembered while nobody writes to the database.

    Args:
        cursor: `next` or `previous` of another page of the same list.
        only: the names of the fields to send; default all.
    Raises:
        Invalid: the cursor is not one of ours.
    """
    now = now or utc_now()
    asked = _PageRequest(user_id, filters, cursor, limit, only)
    page: JsonPage = cache.cached(asked, now, lambda: _page(asked, now))
    return page


def _page(asked: _PageRequest, now: datetime) -> tuple[JsonPage, datetime | None]:
    limit = asked.limit
    values: dict[str, Any] = {"reader": asked.reader, "now": now, "limit": limit + 1}
    backwards = False
    if asked.cursor:
        backwards, values["surfaced_at"], values["row_id"] = read_cursor(asked.cursor)
    statement = _statement(db.engine.dialect.name, asked.filters, bool(asked.cursor), backwards)
    found = db.session.execute(statement, values).all()
    cut = paging.cut(found, limit, has_cursor=bool(asked.cursor), is_backwards=backwards)
    changes_at = min(
        (instant for row in found for instant in (row[EXPIRES], row[NEXT]) if instant is not None),
        default=None,
    )
    page = JsonPage(
        orjson.dumps([_rows_as_json(row, asked.only) for row in cut.rows], option=orjson.OPT_UTC_Z),
        _cursor("n", cut.last) if cut.last else None,
        _cursor("p", cut.first) if cut.first else None,
    )
    # An empty page says nothing of what is to come: it is asked for each time.
    return page, changes_at if cut.rows else now


@lru_cache(maxsize=256)
def _statement(dialect: str, filters: Filters, has_cursor: bool, backwards: bool) -> Select[Any]:
    key, rising = tuple_(N.surfaced_at, N.id), bound_after_undo(filters, backwards=backwards)
    later = N.surfaced_at.type
    next_in = select(func.min(N.surfaced_at)).where(N.recipient_id == READER, N.surfaced_at > NOW)
    query = select(
        *(_plain(dialect, name, column).label(name) for name, column in FIELDS),
        _plain(dialect, "surfaced_at", N.surfaced_at).label("surfaced_at"),
        N.expires_at,
        next_in.correlate(None).scalar_subquery().label("next"),
    )
    if has_cursor:
        bound = tuple_(bindparam("surfaced_at", type_=later), bindparam("row_id", type_=N.id.type))
        # Before the other conditions; see `notifications.page_for`.
        query = query.where(key > bound if rising else key < bound)
    query = query.where(*matching(filters, READER, NOW))
    order = (N.surfaced_at, N.id) if rising else (N.surfaced_at.desc(), N.id.desc())
    return query.order_by(*order).limit(bindparam("limit"))


def _cursor(direction: str, row: Sequence[Any]) -> str:
    surfaced_at = row[SURFACED]
    instant = datetime.fromisoformat(surfaced_at) if isinstance(surfaced_at, str) else surfaced_at
    return write_cursor(direction, instant, row[0])


def _plain(dialect: str, name: str, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """A column as the JSON writer takes it. SQLite keeps times and JSON as text, so text they stay."""
    if dialect != "sqlite" or not (name.endswith(("_at", "_until")) or name in JSON_NAMES):
        return column.expression
    text = type_coerce(column, Text)
    if name in JSON_NAMES:
        return text
    as_rfc3339 = func.replace(func.replace(text, _sql(" "), _sql("T")), _sql(".000000"), _sql(""))
    return as_rfc3339.op("||")(_sql("Z"))


def _sql(constant: str) -> ColumnElement[str]:
    # Written into the statement: forty parameters of constants cost more than the rows.
    return literal_column(f"'{constant}'", Text)


def _rows_as_json(row: Sequence[Any], only: frozenset[str] | None) -> dict[str, Any]:
    values: dict[str, Any] = dict(zip(NAMES, row, strict=False))
    for name in JSON_NAMES:
        if isinstance(values[name], str):
            values[name] = orjson.Fragment(values[name])
    values["is_read"] = values["read_at"] is not None
    return values if only is None else {name: value for name, value in values.items() if name in only}
