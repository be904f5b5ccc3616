"""Looks up the addresses of people on each channel, for many people at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute

from app import catalog
from app.channels import slack
from app.database.base import db
from app.models import PhoneCode, PushSubscription, TeamsAddress, User, Webhook
from app.services.base.recipients import Recipient

# By user id and channel. Several where a person has several browsers or webhooks.
Addresses = Mapping[tuple[int, str], tuple[str, ...]]
Pairs = Iterable[tuple[int, str]]
# SQLite limits the number of parameters of a statement.
CHUNK = 500


def find_addresses(users: Sequence[Recipient], channels: Iterable[str]) -> Addresses:
    """Find the addresses of people on these channels; a person without an address on a channel is left out."""
    if not users:
        return {}
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    for channel in channels:
        if channel not in FINDERS:
            continue
        for user_id, address in FINDERS[channel](users):
            found[user_id, channel].append(address)
    return {key: tuple(addresses) for key, addresses in found.items()}


def address_for(user: User, channel: str) -> str:
    """Return a person's first address on a channel; "" if there is none."""
    addresses = find_addresses([Recipient.from_user(user)], [channel]).get((user.id, channel), ())
    return addresses[0] if addresses else ""


def reachable_channels(user: User) -> list[str]:
    """List the channels that can reach a person: the inbox, and those where the person has an address."""
    found = find_addresses([Recipient.from_user(user)], catalog.CHANNELS)
    return [name for name in catalog.CHANNELS if name == "in_app" or (user.id, name) in found]


def _emails(users: Sequence[Recipient]) -> Pairs:
    return ((user.id, user.email) for user in users)


def _phones(users: Sequence[Recipient]) -> Pairs:
    """Return current numbers that their owners have verified."""
    current = {user.id: user.phone for user in users if user.phone}
    codes = select(PhoneCode.user_id, PhoneCode.phone).where(PhoneCode.verified_at.is_not(None))
    verified = {(user_id, phone) for user_id, phone in _select_for(codes, PhoneCode.user_id, list(current))}
    return sorted(verified & current.items())


def _slack_members(users: Sequence[Recipient]) -> Pairs:
    """Slack knows its members by their email addresses, if Bellhop's bot is in the workspace."""
    return _emails(users) if slack.has_bot() else ()


def _browsers(users: Sequence[Recipient]) -> Pairs:
    query = select(PushSubscription.user_id, PushSubscription.id).order_by(PushSubscription.id)
    pairs = _select_for(query, PushSubscription.user_id, [user.id for user in users])
    return ((user_id, f"push:{number}") for user_id, number in pairs)


def _webhooks(users: Sequence[Recipient]) -> Pairs:
    query = select(Webhook.user_id, Webhook.id).where(Webhook.disabled_at.is_(None)).order_by(Webhook.id)
    pairs = _select_for(query, Webhook.user_id, [user.id for user in users])
    return ((user_id, f"webhook:{number}") for user_id, number in pairs)


def _teams(users: Sequence[Recipient]) -> Pairs:
    query = select(TeamsAddress.user_id, TeamsAddress.id).where(TeamsAddress.disabled_at.is_(None))
    pairs = _select_for(query, TeamsAddress.user_id, [user.id for user in users])
    return ((user_id, f"teams:{number}") for user_id, number in pairs)


FINDERS: dict[str, Callable[[Sequence[Recipient]], Pairs]] = {
    "email": _emails,
    "sms": _phones,
    "push": _browsers,
    "slack": _slack_members,
    "teams": _teams,
    "webhook": _webhooks,
}


def _select_for(
    query: Select[int, Any], owner: InstrumentedAttribute[int], user_ids: Sequence[int]
) -> list[tuple[int, Any]]:
    """Run the query for these people, in chunks."""
    found: list[tuple[int, Any]] = []
    for start in range(0, len(user_ids), CHUNK):
        rows = db.session.execute(query.where(owner.in_(user_ids[start : start + CHUNK])))
        found += [(user_id, value) for user_id, value in rows]
    return found
