"""One message for many people: planned in memory, written in a handful of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from app import catalog, search_text
from app.catalog import DAILY_DIGEST
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.rendering.texts import Texts
from app.services.base.recipients import Recipient
from app.services.notifications import actions as notification_actions
from app.services.notifications import stacks
from app.services.routing import addresses, digest_coverage, policy, required_channels, suppressions
from app.services.routing.reasons import Verdict

# A message that could not be delivered for four days is no news any more.
GIVE_UP_AFTER = timedelta(hours=96)
# Rows an INSERT: large enough to be quick, small enough that other writers are not kept waiting.
CHUNK = 500
# The tables themselves: the mapped classes would send rows with different NULLs one by one.
NOTIFICATIONS, DELIVERIES = Base.metadata.tables["notifications"], Base.metadata.tables["deliveries"]
_INSERT_NOTIFICATIONS = insert(NOTIFICATIONS).returning(NOTIFICATIONS.c.recipient_id, NOTIFICATIONS.c.id)
_INSERT_NOTIFICATION = CompiledStatement(
    _INSERT_NOTIFICATIONS,
    # What a person does with it comes later.
    set(NOTIFICATIONS.c.keys()) - {"id", "read_at", "archived_at", "saved_at", "snoozed_until"},
)
_INSERT_DELIVERIES = CompiledStatement(
    insert(DELIVERIES), set(DELIVERIES.c.keys()) - {"id", "token", "lease_until", "claimed_by"}
)


@dataclass(frozen=True)
class NotificationRequest:
    """What is to be said, to whom it concerns; the same for all its recipients but for their own clock.

    `is_exact`: whoever asked for it named the channels, so that nobody's own are added. `useful_until`: when being
    told is of no more use, where that is before it expires.
    """

    notification_type: str
    priority: str
    channels: tuple[str, ...]
    texts_for: Callable[[Recipient], Texts]
    is_exact: bool = False
    is_template_active: bool = True
    event_id: int | None = None
    interview_id: int | None = None
    interview_sequence: int | None = None
    # What it is about, where that is no interview: see `stacks.subject`.
    subject: str = ""
    action_url: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    deliver_at: datetime | None = None
    expires_at: datetime | None = None
    useful_until: datetime | None = None


@dataclass(frozen=True)
class Plan:
    """The verdicts for one person, channel by channel."""

    user: Recipient
    verdicts: dict[str, Verdict]


def plan(message: NotificationRequest, recipients: Sequence[Recipient], now: datetime) -> list[Plan]:
    """Decide for every recipient and channel; a handful of queries, nothing is written.

    The channels are the message's own and, unless it `is_exact`, those of SMS, push and webhooks that a person has
    switched on, also without an address, so that the log can say why nothing came; or that an admin locked on and
    the person has an address for.
    """
    due_at = max(message.deliver_at or now, now)
    locks = required_channels.current_requirements()
    known = {
        **addresses.find_addresses(recipients, message.channels),
        **_own_ways(message, recipients, locks),
    }
    suppressed = suppressions.reasons(
        {(channel, address) for (_id, channel), some in known.items() for address in some}
    )
    has_digests = any(user.preference.daily_digest for user in recipients)
    is_digest_live = not has_digests or DAILY_DIGEST in digest_coverage.active_digests()

    def verdict(user: Recipient, channel: str) -> Verdict:
        question = policy.decision_input(
            user,
            channel,
            message.notification_type,
            message.priority,
            due_at,
            address=known.get((user.id, channel), ("",))[0],
            is_template_active=message.is_template_active,
            suppressed=suppressed,
            locks=locks,
            useful_until=message.useful_until or message.expires_at,
            is_digest_live=is_digest_live,
        )
        return policy.decide(question, now)

    def ways(user: Recipient) -> list[str]:
        added = () if message.is_exact else catalog.PERSONAL_CHANNELS
        return list(message.channels) + [
            name
            for name in added
            if name not in message.channels
            and ((user.id, name) in known or getattr(user.preference, f"{name}_enabled"))
        ]

    return [Plan(user, {channel: verdict(user, channel) for channel in ways(user)}) for user in recipients]


def write(message: NotificationRequest, plans: Sequence[Plan], now: datetime) -> list[int]:
    """Write notifications and deliveries in the caller's transaction; answers the notifications' ids, in order."""
    # Worded once for all who share a clock and a language, whichever of them is asked.
    readers = {_clock(plan.user): plan.user for plan in plans}
    words = {clock: message.texts_for(reader) for clock, reader in readers.items()}
    known = _addresses(plans)
    ids: list[int] = []
    for start in range(0, len(plans), CHUNK):
        some = plans[start : start + CHUNK]
        rows = [_notification(message, plan, words[_clock(plan.user)], now) for plan in some]
        new_ids = {row.recipient_id: row.id for row in _written(rows)}
        deliveries = [
            _delivery(plan.user, channel, verdict, words[_clock(plan.user)], message)
            | {"notification_id": new_ids[plan.user.id], "created_at": now, "due_at": verdict.due_at or now}
            | {"address": address}
            for plan in some
            for channel, verdict in plan.verdicts.items()
            # One delivery for each of somebody's browsers: one that is gone says nothing about the others.
            for address in known.get((plan.user.id, channel), ("",))[: None if verdict.due_at else 1]
        ]
        if deliveries:
            _INSERT_DELIVERIES.execute_many(deliveries)
        ids += [new_ids[plan.user.id] for plan in some]
    notification_actions.bump_inbox_versions([plan.user.id for plan in plans])
    return ids


def _written(rows: list[dict[str, Any]]) -> Iterable[Any]:
    if len(rows) == 1:
        return _INSERT_NOTIFICATION.fetch(**rows[0])
    # So many rows a statement, however SQLAlchemy does that on each database.
    return db.session.connection().execute(_INSERT_NOTIFICATIONS, rows)


def _clock(user: Recipient) -> tuple[str, str]:
    """People who share this read the same words."""
    return user.time_zone, user.locale


def _own_ways(
    message: NotificationRequest, recipients: Sequence[Recipient], locks: required_channels.RequiredChannels
) -> addresses.Addresses:
    """The addresses that people get this at beside the message's own channels."""
    category = catalog.category_of(message.notification_type)
    found: dict[tuple[int, str], tuple[str, ...]] = {}
    for channel in () if message.is_exact else catalog.PERSONAL_CHANNELS:
        if channel not in message.channels:
            is_locked = (category, channel) in locks
            wanting = [
                user for user in recipients if is_locked or getattr(user.preference, f"{channel}_enabled")
            ]
            found.update(addresses.find_addresses(wanting, [channel]))
    return found


def _addresses(plans: Sequence[Plan]) -> addresses.Addresses:
    users: dict[str, list[Recipient]] = defaultdict(list)
    for plan in plans:
        for channel in plan.verdicts:
            users[channel].append(plan.user)
    return {
        key: value
        for channel in users
        for key, value in addresses.find_addresses(users[channel], [channel]).items()
    }


def _notification(message: NotificationRequest, plan: Plan, words: Texts, now: datetime) -> dict[str, Any]:
    in_app = plan.verdicts.get("in_app")
    is_shown = in_app is not None and in_app.state in {"sent", "pending"}
    is_wanted = any(verdict.state in {"sent", "pending"} for verdict in plan.verdicts.values())
    is_sent = in_app is not None and in_app.state == "sent"
    surfaced_at = max(message.deliver_at or now, now)
    about = f"interview {message.interview_id}" if message.interview_id else message.subject
    return {
        "event_id": message.event_id,
        "interview_id": message.interview_id,
        "interview_sequence": message.interview_sequence,
        "recipient_id": plan.user.id,
        "notification_type": message.notification_type,
        "category": catalog.category_of(message.notification_type),
        "title": words.title,
        "message": words.message,
        "priority": message.priority,
        "status": "sent" if is_sent else "pending" if is_wanted else "cancelled",
        "channels": list(plan.verdicts),
        "metadata": dict(message.metadata),
        "action_url": message.action_url,
        "created_at": now,
        "deliver_at": message.deliver_at,
        "surfaced_at": surfaced_at if is_shown else None,
        "stack_key": stacks.stack_key(message.notification_type, about, surfaced_at, plan.user.time_zone),
        "sent_at": now if is_sent else None,
        "expires_at": message.expires_at,
        "words": search_text.index_text(words.title, words.message),
    }


def _delivery(
    user: Recipient, channel: str, verdict: Verdict, words: Texts, message: NotificationRequest
) -> dict[str, Any]:
    give_up_at = (verdict.due_at + GIVE_UP_AFTER) if verdict.due_at else None
    own = {
        "email": {"subject": words.email_subject or None, "html": words.email_html or None},
        "sms": {"text": words.sms or None},
    }
    return {
        "recipient_id": user.id,
        "kind": "notification",
        "channel": channel,
        "state": verdict.state,
        "reason": verdict.reason,
        "reason_data": verdict.data,
        "subject": None,
        "text": None,
        "html": None,
        "expires_at": min(filter(None, (message.expires_at, give_up_at)), default=None),
        "sent_at": verdict.due_at if verdict.state == "sent" else None,
        "attempts": 0,
        "crashes": 0,
    } | own.get(channel, {})
