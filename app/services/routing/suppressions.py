"""Addresses that must not be written to: servers said that they do not exist."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, select

from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.writing import insert_ignore
from app.models import Suppression
from app.services.base import paging

# Up to so many are asked for one by one; more than so many addresses are not sent along.
FEW, MANY = 3, 500
_TABLE = Base.metadata.tables["suppressions"]
_REASONS = select(_TABLE.c.channel, _TABLE.c.address, _TABLE.c.reason)
_ONE = CompiledStatement(
    _REASONS.where(_TABLE.c.channel == bindparam("channel"), _TABLE.c.address == bindparam("address"))
)
_OVER = _REASONS.where(_TABLE.c.channel.in_(bindparam("channels", expanding=True)))
_AMONG = _OVER.where(_TABLE.c.address.in_(bindparam("addresses", expanding=True)))


def add(channel: str, address: str, reason: str) -> None:
    """Suppress an address, in the caller's transaction; one that is suppressed already keeps its reason.

    Args:
        reason: the server's own words.
    """
    values = {"channel": channel, "address": address, "reason": reason[:500]}
    db.session.execute(insert_ignore(Suppression).values(values))


def reasons(pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Why the server refused them, for those of these pairs of channel and address that are suppressed."""
    if len(pairs) <= FEW:
        found = [row for channel, address in pairs for row in _ONE.fetch(channel=channel, address=address)]
    else:
        channels, addresses = ({pair[place] for pair in pairs} for place in (0, 1))
        # A long list of addresses is dearer than the whole table of suppressed ones, which stays small.
        query = _AMONG if len(addresses) <= MANY else _OVER
        values = {"channels": list(channels), "addresses": list(addresses)}
        found = list(db.session.connection().execute(query, values))
    return {(row.channel, row.address): row.reason for row in found}


def suppressed_among(channel: str, addresses: Collection[str]) -> set[str]:
    """Those of the addresses that are suppressed."""
    found = select(Suppression.address).where(
        Suppression.channel == channel, Suppression.address.in_(addresses)
    )
    return set(db.session.execute(found).scalars())


def page_for(*, before: int | None = None, limit: int = 50) -> tuple[list[Suppression], int | None]:
    """Suppressed addresses, newest first, and the cursor of the next page."""
    rows, older, _newer = paging.newest_first(select(Suppression), Suppression.id, before=before, limit=limit)
    return rows, older
