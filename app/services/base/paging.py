"""Keyset pages: found by the key of a row instead of an offset, so that a deep page costs what the first does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from app.database.base import db

Row = TypeVar("Row")


class PageRows(NamedTuple, Generic[Row]):
    """The rows of one page in the list's order, and whether there are pages after and before it."""

    rows: Sequence[Row]
    has_next: bool
    has_previous: bool

    @property
    def last(self) -> Row | None:
        """The row that the next page starts after; None if there is no next page."""
        return self.rows[-1] if self.rows and self.has_next else None

    @property
    def first(self) -> Row | None:
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
    older, newer = page.last, page.first
    return list(page.rows), older.id if older else None, newer.id if newer else None
