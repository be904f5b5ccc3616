"""What speaks against sending, looked at once more at the last moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.catalog import DAILY_DIGEST, DIGESTS
from app.models import Delivery
from app.services.base.recipients import Recipient
from app.services.routing import digest_coverage, policy, quiet_hours, required_channels, suppressions
from app.services.routing.fanout import GIVE_UP_AFTER
from app.services.routing.reasons import HELD, Verdict
from app.services.routing.required_channels import RequiredChannels
from app.services.sending import endpoint_health, preflight_rules
from app.services.sending.results import SendResult


@dataclass(frozen=True)
class PreflightContext:
    """What is known before a batch is sent: addresses that must not be written to, and what reaches everyone.

    `live_digests` are those that admins have not switched off; `digested_at`, when these people's newest daily
    digest took up what was unread.
    """

    suppressed: Collection[str]
    locks: RequiredChannels
    live_digests: Collection[str]
    digested_at: Mapping[int, datetime]


Rule = Callable[[Delivery, PreflightContext, datetime], bool]


def load_context(channel: str, rows: Sequence[Delivery]) -> PreflightContext:
    """Look up what decides about these rows of one channel."""
    # Only mails stand in digests, and only of people who want one.
    theirs = {
        row.recipient_id for row in rows if channel == "email" and row.recipient.preference.daily_digest
    }
    return PreflightContext(
        suppressions.suppressed_among(channel, {row.address for row in rows}),
        required_channels.current_requirements(),
        digest_coverage.active_digests() if channel == "email" else (),
        digest_coverage.covered_until(theirs),
    )


def _is_switched_off(delivery: Delivery, _grounds: PreflightContext, _now: datetime) -> bool:
    return not delivery.recipient.is_enabled


def _is_cancelled(delivery: Delivery, _grounds: PreflightContext, _now: datetime) -> bool:
    return delivery.notification is not None and delivery.notification.status == "cancelled"


def _is_over(delivery: Delivery, _grounds: PreflightContext, now: datetime) -> bool:
    ends = (delivery.expires_at, delivery.notification.expires_at if delivery.notification else None)
    return any(end is not None and end <= now for end in ends)


def _is_suppressed(delivery: Delivery, grounds: PreflightContext, _now: datetime) -> bool:
    return delivery.address in grounds.suppressed


def _is_gone(delivery: Delivery, _grounds: PreflightContext, _now: datetime) -> bool:
    return endpoint_health.is_gone(delivery)


def _was_read(delivery: Delivery, _grounds: PreflightContext, _now: datetime) -> bool:
    row = delivery.notification
    # Who puts something off until later has seen it.
    is_seen = row is not None and (row.read_at is not None or row.snoozed_until is not None)
    return is_seen and delivery.reason in HELD


# (what is looked at, the state it leads to, the reason's code); the first that applies counts.
RULES: tuple[tuple[Rule, str, str], ...] = (
    (_is_switched_off, "skipped", "recipient_inactive"),
    *preflight_rules.RULES,
    (_is_cancelled, "cancelled", "cancelled"),
    (_is_over, "expired", "expired"),
    (_is_suppressed, "suppressed", "address_suppressed"),
    (_is_gone, "skipped", "endpoint_gone"),
    (_was_read, "skipped", "read_before_sending"),
)


def check_before_sending(delivery: Delivery, grounds: PreflightContext, now: datetime) -> SendResult | None:
    """The outcome of a delivery that must not be sent, or not yet; None where nothing speaks against it."""
    for applies, state, reason in RULES:
        if applies(delivery, grounds, now):
            data: dict[str, Any] = {"channel": delivery.channel}
            return SendResult(delivery.id, state, now, reason=reason, reason_data=data)
    if delivery.notification is None:
        return _digest_waits(delivery, now) if delivery.kind in DIGESTS else None
    question = policy.input_before_sending(
        delivery,
        delivery.notification,
        now,
        required=grounds.locks,
        is_digest_active=DAILY_DIGEST in grounds.live_digests,
        digested_at=grounds.digested_at.get(delivery.recipient_id),
    )
    verdict = policy.decide(question, now)
    return None if verdict.reason == "queued" else _not_now(delivery, verdict, now)


def _digest_waits(delivery: Delivery, now: datetime) -> SendResult | None:
    user = delivery.recipient
    held = quiet_hours.hold_until(Recipient.of(user), user.preference, now)
    return _not_now(delivery, Verdict("pending", held.reason, held.until), now) if held else None


def _not_now(delivery: Delivery, verdict: Verdict, now: datetime) -> SendResult:
    """Its reader has changed a preference since, or the night has come: it ends here, or waits on."""
    values: dict[str, Any] = {"reason": verdict.reason, "reason_data": verdict.data}
    if verdict.state != "pending" or verdict.due_at is None:
        return SendResult(delivery.id, verdict.state, now, **values)
    row, give_up_at = delivery.notification, verdict.due_at + GIVE_UP_AFTER
    return SendResult(
        delivery.id,
        "retry_wait" if delivery.attempts else "pending",
        now,
        due_at=verdict.due_at,
        expires_at=min(row.expires_at, give_up_at) if row and row.expires_at else give_up_at,
        **values,
    )
