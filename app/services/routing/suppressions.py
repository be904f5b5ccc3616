"""Suppressed addresses: a mail server said that they do not exist, so nothing is sent to them any more."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import gettext as _
from sqlalchemy import bindparam, func, select

from app import canonical_addresses
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.writing import insert_ignore, writing
from app.models import Suppression, User
from app.services.base import audit, paging
from app.services.base.errors import NotFound

# Up to FEW addresses are looked up one by one. Above MANY it is cheaper to load the table, which is small, than to send
# a long IN list.
FEW, MANY = 3, 500
_TABLE = Base.metadata.tables["suppressions"]
_REASONS = select(_TABLE.c.channel, _TABLE.c.address, _TABLE.c.reason)
_ONE = CompiledStatement(
    _REASONS.where(_TABLE.c.channel == bindparam("channel"), _TABLE.c.address == bindparam("address"))
)
_ON_CHANNELS = _REASONS.where(_TABLE.c.channel.in_(bindparam("channels", expanding=True)))
_AMONG_ADDRESSES = _ON_CHANNELS.where(_TABLE.c.address.in_(bindparam("addresses", expanding=True)))


def add(channel: str, address: str, reason: str) -> None:
    """Suppress an address, in the caller's transaction. An address that is suppressed already keeps its reason.

    Args:
        reason: the server's response.
    """
    values = {"channel": channel, "address": _canonical(channel, address), "reason": reason[:500]}
    db.session.execute(insert_ignore(Suppression).values(values))


def release(suppression_id: int, actor: User) -> str:
    """Allow sending to a suppressed address again.

    Returns:
        the address.
    Raises:
        NotFound: it is not suppressed.
    """
    with writing(lock=Suppression, row_id=suppression_id) as suppression:
        if suppression is None:
            raise NotFound(_("This address is no longer blocked."))
        db.session.delete(suppression)
        audit.record("address.released", suppression.address, actor=actor, channel=suppression.channel)
    return suppression.address


def reasons(pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the reasons of those pairs of channel and address that are suppressed."""
    canonical = {(channel, address): (channel, _canonical(channel, address)) for channel, address in pairs}
    wanted = set(canonical.values())
    if len(wanted) <= FEW:
        found = [row for channel, address in wanted for row in _ONE.fetch(channel=channel, address=address)]
    else:
        channels = {channel for channel, _address in wanted}
        addresses = {address for _channel, address in wanted}
        query = _AMONG_ADDRESSES if len(addresses) <= MANY else _ON_CHANNELS
        values = {"channels": list(channels), "addresses": list(addresses)}
        found = list(db.session.connection().execute(query, values))
    reason_of = {(row.channel, row.address): row.reason for row in found}
    return {pair: reason_of[key] for pair, key in canonical.items() if key in reason_of}


def suppressed_among(channel: str, candidates: Collection[str]) -> set[str]:
    """Return those of the addresses that are suppressed on a channel."""
    return {address for _channel, address in reasons([(channel, address) for address in candidates])}


def page_for(
    search: str = "", *, before: int | None = None, limit: int = 50
) -> tuple[list[Suppression], int | None]:
    """Return a page of suppressed addresses that contain the search, newest first, and the cursor of the next page."""
    query = select(Suppression)
    if search:
        query = query.where(func.lower(Suppression.address).contains(search.lower(), autoescape=True))
    rows, older, _newer = paging.newest_first(query, Suppression.id, before=before, limit=limit)
    return rows, older


def _canonical(channel: str, address: str) -> str:
    return canonical_addresses.key(address) if channel == "email" else address
