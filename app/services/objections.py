"""What speaks against sending, looked at once more at the last moment."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from app.models import Delivery
from app.services.outcomes import Outcome

Rule = Callable[[Delivery, Collection[str], datetime], bool]


def _is_switched_off(delivery: Delivery, _suppressed: Collection[str], _now: datetime) -> bool:
    return not delivery.recipient.is_enabled


def _is_cancelled(delivery: Delivery, _suppressed: Collection[str], _now: datetime) -> bool:
    return delivery.notification is not None and delivery.notification.status == "cancelled"


def _is_over(delivery: Delivery, _suppressed: Collection[str], now: datetime) -> bool:
    ends = (delivery.expires_at, delivery.notification.expires_at if delivery.notification else None)
    return any(end is not None and end <= now for end in ends)


def _is_suppressed(delivery: Delivery, suppressed: Collection[str], _now: datetime) -> bool:
    return delivery.address in suppressed


def _was_read(delivery: Delivery, _suppressed: Collection[str], _now: datetime) -> bool:
    waited = delivery.reason == "unread_wait"
    return waited and delivery.notification is not None and delivery.notification.read_at is not None


# (what is looked at, the state it leads to, the reason's code); the first that applies counts.
RULES: tuple[tuple[Rule, str, str], ...] = (
    (_is_switched_off, "skipped", "recipient_inactive"),
    (_is_cancelled, "cancelled", "cancelled"),
    (_is_over, "expired", "expired"),
    (_is_suppressed, "suppressed", "address_suppressed"),
    (_was_read, "skipped", "read_before_sending"),
)


def objection_to(delivery: Delivery, suppressed: Collection[str], now: datetime) -> Outcome | None:
    """The outcome of a delivery that must not be sent (any more); None where nothing speaks against it.

    Args:
        suppressed: those of the batch's addresses that must not be written to.
    """
    for applies, state, reason in RULES:
        if applies(delivery, suppressed, now):
            data: dict[str, Any] = {"channel": delivery.channel}
            return Outcome(delivery.id, state, now, reason=reason, reason_data=data)
    return None
