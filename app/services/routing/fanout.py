"""Notifies many people with one request: plans in memory, then writes in a few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app import catalog, search_text
from app.catalog import DAILY_DIGEST
from app.rendering.texts import Texts
from app.services.base import outgoing
from app.services.base.recipients import Recipient, TextReader
from app.services.follows.lookup import find_mute, find_mutes, list_subjects
from app.services.notifications import stacks
from app.services.routing import addresses, digest_coverage, policy, required_channels, suppressions
from app.services.routing.candidate_and_job import CandidateAndJob
from app.services.routing.inserting import insert_all
from app.services.routing.reasons import Verdict
from app.services.subscriptions import calls

# Rows per INSERT: enough to be fast, few enough not to block other writers.
CHUNK = 500


@dataclass(frozen=True)
class NotificationRequest:
    """A notification to be sent to any number of recipients.

    Args:
        texts_for: renders the texts for one recipient; called once for each time zone and language.
        is_exact: use only `channels`, not the recipients' own (SMS, push, webhooks).
        subject: what it is stacked by if that is not an interview; see `stacks.subject_of`.
        about: the candidate and the job that it is about.
        facts: what its line below the title shows; see `rendering.key_facts`.
        routes: why it reaches each person, by user id; see `routes`.
        useful_until: when it is too late to send it, if that is before `expires_at`.
        has_requirements: whether admins may require channels, so that they have to be looked up.
    """

    notification_type: str
    priority: str
    channels: tuple[str, ...]
    texts_for: Callable[[TextReader], Texts]
    is_exact: bool = False
    is_template_active: bool = True
    event_id: int | None = None
    interview_id: int | None = None
    interview_sequence: int | None = None
    subject: str = ""
    about: CandidateAndJob = field(default_factory=CandidateAndJob)
    facts: Mapping[str, Any] = field(default_factory=dict)
    routes: Mapping[int, str] = field(default_factory=dict)
    action_url: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    deliver_at: datetime | None = None
    expires_at: datetime | None = None
    useful_until: datetime | None = None
    has_requirements: bool = True


@dataclass(frozen=True)
class Plan:
    """The verdict on each channel for one person."""

    user: Recipient
    verdicts: dict[str, Verdict]


def plan(request: NotificationRequest, recipients: Sequence[Recipient], now: datetime) -> list[Plan]:
    """Decide for every recipient and channel, in a few queries; writes nothing.

    The channels are those of the request and, unless it `is_exact`, SMS, push and webhooks where the recipient has
    turned them on, or where an admin requires them and the recipient has an address. A channel that is on without an
    address is part of the plan, so that the log can say why nothing was sent.
    """
    due_at = max(request.deliver_at or now, now)
    required = required_channels.current_requirements() if request.has_requirements else {}
    known = {
        **addresses.find_addresses(recipients, request.channels),
        **_own_addresses(request, recipients, required),
    }
    suppressed = _suppressed(recipients, known)
    has_digests = any(user.preference.daily_digest for user in recipients)
    is_digest_active = not has_digests or DAILY_DIGEST in digest_coverage.active_digests()

    subjects = list_subjects(request.about.candidate_id, request.about.job_id, request.notification_type)
    mutes = find_mutes([user.id for user in recipients if user.may_mute], subjects, now)

    def decide(user: Recipient, channel: str) -> Verdict:
        facts = policy.decision_input(
            user,
            channel,
            request.notification_type,
            request.priority,
            due_at,
            address=known.get((user.id, channel), ("",))[0],
            is_template_active=request.is_template_active,
            suppressed=suppressed,
            required=required,
            useful_until=request.useful_until or request.expires_at,
            is_digest_active=is_digest_active,
            muted_by=find_mute(user.id, subjects, mutes) if mutes else None,
        )
        return policy.decide(facts, now)

    def channels_of(user: Recipient) -> list[str]:
        own = [
            channel
            for channel in _additional_channels(request)
            if (user.id, channel) in known or getattr(user.preference, f"{channel}_enabled")
        ]
        return [*request.channels, *own]

    return [
        Plan(user, {channel: decide(user, channel) for channel in channels_of(user)}) for user in recipients
    ]


def write(request: NotificationRequest, plans: Sequence[Plan], now: datetime) -> list[int]:
    """Write notifications and deliveries, in the caller's transaction.

    Returns:
        the ids of the notifications, in the order of the plans.
    """
    readers = {_rendering_key(plan.user): plan.user for plan in plans}
    texts = {key: request.texts_for(reader) for key, reader in readers.items()}
    known = _addresses(plans)
    ids: list[int] = []
    for start in range(0, len(plans), CHUNK):
        batch = plans[start : start + CHUNK]
        rows = [_notification_row(request, plan, texts[_rendering_key(plan.user)], now) for plan in batch]
        deliveries: list[dict[str, Any]] = []
        for plan in batch:
            for channel, verdict in plan.verdicts.items():
                row = _delivery_row(plan.user, channel, verdict, texts[_rendering_key(plan.user)], request)
                row |= {"created_at": now, "due_at": verdict.due_at or now}
                targets = known.get((plan.user.id, channel), ("",))
                if not verdict.due_at:
                    # Nothing will be sent, and the log needs to say so only once.
                    targets = targets[:1]
                deliveries += [row | {"address": address} for address in targets]
        # All inboxes at the end, in one order: two events that lock the same people crosswise would deadlock.
        is_last = start + CHUNK >= len(plans)
        changed = [plan.user.id for plan in plans] if is_last else []
        inserted = insert_all(rows, deliveries, changed)
        new_ids = {row.recipient_id: row.id for row in inserted}
        if inserted[0].has_subscriptions:
            created = [
                (row, new_ids[plan.user.id], plan.user.email) for row, plan in zip(rows, batch, strict=True)
            ]
            calls.queue_created(created, now)
        ids += [new_ids[plan.user.id] for plan in batch]
    outgoing.note(notifications=ids)
    return ids


def _rendering_key(user: Recipient) -> tuple[str, str]:
    """Recipients with the same key get the same texts."""
    return user.time_zone, user.locale


def _additional_channels(request: NotificationRequest) -> list[str]:
    """List the channels that a recipient's preferences or an admin may add to those of the request."""
    if request.is_exact:
        return []
    return [channel for channel in catalog.PERSONAL_CHANNELS if channel not in request.channels]


def _own_addresses(
    request: NotificationRequest,
    recipients: Sequence[Recipient],
    required: required_channels.RequiredChannels,
) -> addresses.Addresses:
    """Find the recipients' addresses on the additional channels."""
    category = catalog.category_of(request.notification_type)
    found: dict[tuple[int, str], tuple[str, ...]] = {}
    for channel in _additional_channels(request):
        users = recipients
        if (category, channel) not in required:
            users = [user for user in recipients if getattr(user.preference, f"{channel}_enabled")]
        found.update(addresses.find_addresses(users, [channel]))
    return found


def _suppressed(recipients: Sequence[Recipient], known: addresses.Addresses) -> dict[tuple[str, str], str]:
    """Find the reasons of suppressed addresses, by channel and address."""
    without = {user.id for user in recipients if not user.may_be_suppressed}
    return suppressions.reasons(
        {
            (channel, address)
            for (user_id, channel), found in known.items()
            if channel != "email" or user_id not in without
            for address in found
        }
    )


def _addresses(plans: Sequence[Plan]) -> addresses.Addresses:
    users: dict[str, list[Recipient]] = defaultdict(list)
    for plan in plans:
        for channel in plan.verdicts:
            users[channel].append(plan.user)
    found: dict[tuple[int, str], tuple[str, ...]] = {}
    for channel, its_users in users.items():
        found.update(addresses.find_addresses(its_users, [channel]))
    return found


def _notification_row(
    request: NotificationRequest, plan: Plan, texts: Texts, now: datetime
) -> dict[str, Any]:
    in_app = plan.verdicts.get("in_app")
    is_shown = in_app is not None and in_app.state in {"sent", "pending"}
    surfaced_at = max(request.deliver_at or now, now)
    if in_app is not None and in_app.state == "sent":
        status = "sent"
    elif any(verdict.state in {"sent", "pending"} for verdict in plan.verdicts.values()):
        status = "pending"
    else:
        status = "cancelled"
    about = f"interview {request.interview_id}" if request.interview_id else request.subject
    return {
        "event_id": request.event_id,
        "interview_id": request.interview_id,
        "interview_sequence": request.interview_sequence,
        "recipient_id": plan.user.id,
        "notification_type": request.notification_type,
        "category": catalog.category_of(request.notification_type),
        "title": texts.title,
        "message": texts.message,
        "priority": request.priority,
        "status": status,
        "channels": list(plan.verdicts),
        "metadata": request.metadata,
        "facts": request.facts,
        "action_url": request.action_url,
        "candidate_id": request.about.candidate_id,
        "job_id": request.about.job_id,
        "is_confidential": request.about.is_confidential,
        "hiring_team": request.about.hiring_team,
        "routed_by": request.routes.get(plan.user.id, ""),
        "created_at": now,
        "deliver_at": request.deliver_at,
        "surfaced_at": surfaced_at if is_shown else None,
        "stack_key": stacks.stack_key(request.notification_type, about, surfaced_at, plan.user.time_zone),
        "sent_at": now if status == "sent" else None,
        "expires_at": request.expires_at,
        "words": search_text.index_text(
            texts.title,
            texts.message,
            request.about.candidate_name,
            request.about.job_title,
            request.about.company_name,
        ),
    }


def _delivery_row(
    user: Recipient, channel: str, verdict: Verdict, texts: Texts, request: NotificationRequest
) -> dict[str, Any]:
    give_up_at = (verdict.due_at + catalog.GIVE_UP_AFTER) if verdict.due_at else None
    channel_texts = {
        "email": {
            "subject": texts.email_subject or None,
            "html": texts.email_html or None,
            "preheader": texts.email_preheader or None,
            "button": texts.email_button or None,
        },
        "sms": {"text": texts.sms or None},
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
        "preheader": None,
        "button": None,
        "expires_at": min(filter(None, (request.expires_at, give_up_at)), default=None),
        "sent_at": verdict.due_at if verdict.state == "sent" else None,
        "attempts": 0,
        "is_urgent": request.priority == "urgent",
        "crashes": 0,
    } | channel_texts.get(channel, {})
