"""Where each channel reaches people, looked up for many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute

from app.database.base import db
from app.models import PhoneCode, PushSubscription, Webhook
from app.services.base.recipients import Recipient

Addresses = Mapping[tuple[int, str], tuple[str, ...]]
Pairs = Iterable[tuple[int, str]]
# Longer lists of ids are asked for in parts: SQLite takes so many parameters and no more.
CHUNK = 500


def find_addresses(users: Sequence[Recipient], channels: Iterable[str]) -> Addresses:
    """The addresses of people, by their id and the channel; who has none over a channel is not in it."""
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    for channel in channels if users else ():
        for user_id, address in FINDERS.get(channel, _nobody)(users):
            found[user_id, channel].append(address)
    return {key: tuple(addresses) for key, addresses in found.items()}


def _nobody(_users: Sequence[Recipient]) -> Pairs:
    return ()


def _mail(users: Sequence[Recipient]) -> Pairs:
    return ((user.id, user.email) for user in users)


def _phones(users: Sequence[Recipient]) -> Pairs:
    """Numbers that their owners have verified as they stand now."""
    current = {user.id: user.phone for user in users if user.phone}
    codes = select(PhoneCode.user_id, PhoneCode.phone).where(PhoneCode.verified_at.is_not(None))
    verified = {(user_id, phone) for user_id, phone in _among(codes, PhoneCode.user_id, list(current))}
    return sorted(verified & current.items())


def _browsers(users: Sequence[Recipient]) -> Pairs:
    query = select(PushSubscription.user_id, PushSubscription.id).order_by(PushSubscription.id)
    pairs = _among(query, PushSubscription.user_id, [user.id for user in users])
    return ((user_id, f"push:{number}") for user_id, number in pairs)


def _webhooks(users: Sequence[Recipient]) -> Pairs:
    query = select(Webhook.user_id, Webhook.id).where(Webhook.disabled_at.is_(None)).order_by(Webhook.id)
    pairs = _among(query, Webhook.user_id, [user.id for user in users])
    return ((user_id, f"webhook:{number}") for user_id, number in pairs)


FINDERS: dict[str, Callable[[Sequence[Recipient]], Pairs]] = {
    "email": _mail,
    "sms": _phones,
    "push": _browsers,
    "webhook": _webhooks,
}


def _among(
    query: Select[int, Any], owner: InstrumentedAttribute[int], ids: Sequence[int]
) -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    for start in range(0, len(ids), CHUNK):
        rows = db.session.execute(query.where(owner.in_(ids[start : start + CHUNK])))
        found += [(user_id, value) for user_id, value in rows]
    return found
