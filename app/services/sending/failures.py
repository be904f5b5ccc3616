"""Maps the error of a failed attempt to a result: retry, or give up, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.catalog import DIGESTS
from app.channels import retry_schedule
from app.channels.base import DeliveryError, PermanentFailure, TemporaryFailure, UncertainOutcome
from app.database.base import db
from app.models import Delivery, DeliveryAttempt
from app.rendering import plain_text
from app.services.sending.results import SendResult


def result_of_failure(
    error: DeliveryError, delivery: Delivery, started_at: datetime, now: datetime
) -> SendResult:
    """Return the result of a failed attempt.

    Args:
        error: what the channel raised, except `HostUnavailable`, which does not count as an attempt.
        started_at, now: when the attempt began and ended.
    """
    response = plain_text.to_single_line(str(error))
    common: dict[str, Any] = {
        "delivery_id": delivery.id,
        "started_at": started_at,
        "finished_at": now,
        "response": response,
        "reason_data": {"detail": response[:300]},
    }
    if isinstance(error, PermanentFailure):
        return SendResult(state="failed", reason="refused", is_address_dead=error.suppress, **common)
    if isinstance(error, UncertainOutcome):
        if was_uncertain_before(delivery) or delivery.kind in DIGESTS:
            return SendResult(state="uncertain", reason="answer_lost", **common)
        due_at, reason = now + retry_schedule.AFTER_UNCERTAIN, "answer_lost"
        common["attempt_state"] = "uncertain"
    elif isinstance(error, TemporaryFailure) and error.is_our_fault:
        due_at = retry_schedule.next_attempt_after_our_fault(delivery.channel, delivery.attempts + 1, now)
        reason = "misconfigured"
        common["reason_data"]["channel"] = delivery.channel
    else:
        retry_after = error.retry_after if isinstance(error, TemporaryFailure) else None
        common["retry_after"] = retry_after
        next_at = retry_schedule.next_attempt_at(
            delivery.channel, delivery.attempts + 1, now, retry_after=retry_after
        )
        if next_at is None:
            return SendResult(state="failed", reason="gave_up", **common)
        due_at, reason = next_at, "deferred"
    if delivery.expires_at is not None and due_at >= delivery.expires_at:
        return SendResult(state="expired", reason="expired", **common)
    return SendResult(state="retry_wait", reason=reason, due_at=due_at, **common)


def was_uncertain_before(delivery: Delivery) -> bool:
    """Whether an earlier attempt at this delivery had an unknown outcome."""
    earlier = select(DeliveryAttempt.id).where(
        DeliveryAttempt.delivery_id == delivery.id, DeliveryAttempt.outcome == "uncertain"
    )
    return db.session.execute(earlier.limit(1)).first() is not None
