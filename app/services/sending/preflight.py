"""Final checks before a message is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app import catalog
from app.catalog import DAILY_DIGEST, DIGESTS
from app.models import Delivery, Notification
from app.services.base.recipients import Recipient
from app.services.follows.lookup import find_mutes_of
from app.services.routing import digest_coverage, policy, quiet_hours, required_channels, suppressions
from app.services.routing.reasons import Verdict
from app.services.sending.claimed_digests import ClaimedDigests
from app.services.sending.preflight_rules import ROOM_RULES, RULES, PreflightContext
from app.services.sending.results import SendResult


def load_context(channel: str, rows: Sequence[Delivery], now: datetime) -> PreflightContext:
    """Load what the rules need to know about these deliveries of one channel."""
    active_digests: frozenset[str] = frozenset()
    covers_until: dict[int, datetime] = {}
    if channel == "email":  # Digests replace emails only.
        readers = {row.recipient_id for row in rows if row.recipient.preference.daily_digest}
        covers_until = digest_coverage.covered_until(readers)
        if readers or any(row.kind in DIGESTS for row in rows):
            active_digests = digest_coverage.active_digests()
    return PreflightContext(
        suppressed=suppressions.suppressed_among(channel, {row.address for row in rows}),
        required_channels=required_channels.current_requirements(),
        active_digests=active_digests,
        digest_covers_until=covers_until,
        mutes=find_mutes_of(sorted({row.recipient_id for row in rows} - {None}), now),
        digests=ClaimedDigests(rows),
    )


def check_before_sending(delivery: Delivery, context: PreflightContext, now: datetime) -> SendResult | None:
    """Return the result of a delivery that must not be sent now, or None if it may be."""
    for applies, state, reason in RULES if delivery.room_message is None else ROOM_RULES:
        if applies(delivery, context, now):
            return SendResult(
                delivery.id, state, now, reason=reason, reason_data={"channel": delivery.channel}
            )
    row = delivery.notification
    if row is not None:
        return _apply_policy(delivery, row, context, now)
    if delivery.kind in DIGESTS:
        return _hold_digest(delivery, now)
    return None


def _apply_policy(
    delivery: Delivery, row: Notification, context: PreflightContext, now: datetime
) -> SendResult | None:
    """Decide again: the recipient may have changed a preference, or quiet hours may have begun."""
    decision_input = policy.input_before_sending(
        delivery,
        row,
        now,
        required=context.required_channels,
        is_digest_active=DAILY_DIGEST in context.active_digests,
        digested_at=context.digest_covers_until.get(delivery.recipient_id),
        mutes=context.mutes,
    )
    verdict = policy.decide(decision_input, now)
    return None if verdict.reason == "queued" else _result_of_verdict(delivery, verdict, now)


def _hold_digest(delivery: Delivery, now: datetime) -> SendResult | None:
    user = delivery.recipient
    held = quiet_hours.hold_until(Recipient.from_user(user), user.preference, now)
    if held is None:
        return None
    return _result_of_verdict(delivery, Verdict("pending", held.reason, held.until), now)


def _result_of_verdict(delivery: Delivery, verdict: Verdict, now: datetime) -> SendResult:
    if verdict.state != "pending" or verdict.due_at is None:
        return SendResult(delivery.id, verdict.state, now, reason=verdict.reason, reason_data=verdict.data)
    row, expires_at = delivery.notification, verdict.due_at + catalog.GIVE_UP_AFTER
    if row is not None and row.expires_at is not None:
        expires_at = min(row.expires_at, expires_at)
    return SendResult(
        delivery.id,
        "retry_wait" if delivery.attempts else "pending",
        now,
        reason=verdict.reason,
        reason_data=verdict.data,
        due_at=verdict.due_at,
        expires_at=expires_at,
    )
