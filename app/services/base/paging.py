"""Pages of rows by their number, newest first, found by key: a deep page costs what the first does."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from app.database.base import db


def newest_first(
    query: Select[Any],
    number: InstrumentedAttribute[int],
    *,
    before: int | None,
    after: int | None,
    limit: int,
) -> tuple[list[Any], int | None, int | None]:
    """One page, and the numbers that lead to the older and the newer one (None: there is none).

    Args:
        query: what to list, without an order.
        number: the column that numbers the rows.
        before, after: such a number of another page; at most one of them.
        limit: how many rows.
    """
    if before is not None:
        query = query.where(number < before)
    if after is not None:
        query = query.where(number > after)
    order = number.asc() if after is not None else number.desc()
    rows = list(db.session.scalars(query.order_by(order).limit(limit + 1)))
    has_more, rows = len(rows) > limit, rows[:limit]
    if after is not None:
        rows.reverse()
    has_older, has_newer = (True, has_more) if after is not None else (has_more, before is not None)
    return rows, rows[-1].id if rows and has_older else None, rows[0].id if rows and has_newer else None
