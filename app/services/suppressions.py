"""Addresses that must not be written to: servers said that they do not exist."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.extensions import db
from app.models import Suppression


def add(channel: str, address: str, reason: str) -> None:
    """Suppress an address, in the caller's transaction; one that is suppressed already keeps its reason.

    Args:
        reason: the server's own words.
    """
    insert = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"channel": channel, "address": address, "reason": reason[:500]}
    db.session.execute(insert(Suppression).values(values).on_conflict_do_nothing())


def among(channel: str, addresses: Collection[str]) -> set[str]:
    """Those of the addresses that are suppressed."""
    found = select(Suppression.address).where(
        Suppression.channel == channel, Suppression.address.in_(addresses)
    )
    return set(db.session.execute(found).scalars())


def page_for(*, before: int | None = None, limit: int = 50) -> tuple[list[Suppression], int | None]:
    """Suppressed addresses, newest first, and the cursor of the next page."""
    query = select(Suppression).order_by(Suppression.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(Suppression.id < before)
    rows = list(db.session.scalars(query))
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None
