"""Keyset pages: found by the key of a row instead of an offset, so that a deep page costs what the first does."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from flask_babel import gettext as _
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from app.database.base import db
from app.services.base.errors import Invalid

Row = TypeVar("Row")


class PageRows(NamedTuple, Generic[Row]):
    """The rows of one page in the list's order, and whether there are pages after and before it."""

    rows: Sequence[Row]
    has_next: bool
    has_previous: bool

    @property
    def next_starts_after(self) -> Row | None:
        """The row that the next page starts after; None if there is no next page."""
        return self.rows[-1] if self.rows and self.has_next else None

    @property
    def previous_ends_before(self) -> Row | None:
        """The row that the previous page ends before; None if there is no previous page."""
        return self.rows[0] if self.rows and self.has_previous else None


def cut(found: Sequence[Row], limit: int, *, has_cursor: bool, is_backwards: bool = False) -> PageRows[Row]:
    """Turn the result of a query for one row more than a page holds into a page.

    Args:
        found: the rows, in the order of the query.
        limit: how many rows a page holds.
        has_cursor: the query started from a row of another page.
        is_backwards: it read towards the start of the list; its rows are in reverse.
    """
    has_more, rows = len(found) > limit, found[:limit]
    if is_backwards:
        return PageRows(rows[::-1], has_next=True, has_previous=has_more)
    return PageRows(rows, has_next=has_more, has_previous=has_cursor)


class InvalidCursor(Invalid):
    """The cursor is not one of this list's; keyed `cursor`."""

    def __init__(self) -> None:
        super().__init__({"cursor": _("Use a cursor from the `next` or `previous` of this list.")})


def write_key(key: Sequence[Any]) -> str:
    """Write the key of a row for a URL: JSON in base64url. The page that it leads to needs the row no more."""
    return urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def read_key(text: str) -> list[Any]:
    """Read what `write_key` wrote. Raises InvalidCursor; its parts still have to be checked."""
    try:
        key = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError as error:
        raise InvalidCursor from error
    if not isinstance(key, list):
        raise InvalidCursor
    return key


def newest_first(
    query: Select[Any],
    number: InstrumentedAttribute[int],
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> tuple[list[Any], int | None, int | None]:
    """Load one page of rows by their number, highest first.

    Args:
        query: the list, without an order.
        number: the column to order by.
        before, after: a number of another page, as this function returned it; at most one of them.
        limit: how many rows a page holds.
    Returns:
        The rows, and the numbers that lead to the older and the newer page (None: there is none).
    """
    if before is not None:
        query = query.where(number < before)
    if after is not None:
        query = query.where(number > after)
    order = number.asc() if after is not None else number.desc()
    found = db.session.scalars(query.order_by(order).limit(limit + 1)).all()
    page = cut(found, limit, has_cursor=before is not None, is_backwards=after is not None)
    older, newer = page.next_starts_after, page.previous_ends_before
    return list(page.rows), older.id if older else None, newer.id if newer else None
