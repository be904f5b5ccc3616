"""Records the results of deliveries, and what they mean for notifications and addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Update, bindparam, func, insert, select, update

from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.models import AuditEntry, CapturedMail, Delivery, DeliveryAttempt, Notification
from app.models.delivery import END_STATES, OPEN_STATES
from app.services.sending import endpoint_health

# The columns of an unclaimed delivery.
UNCLAIMED: dict[str, Any] = {"token": None, "lease_until": None, "claimed_by": None}


@dataclass(frozen=True)
class SendResult:
    """The result of an attempt, or of the decision not to make one.

    Args:
        started_at: when the attempt began; None if nothing was sent.
        due_at, expires_at: when to try again and when to give up; None leaves them unchanged.
        attempt_state: the state of the attempt in the log, if it differs from the delivery's.
        captured: the message, if it was captured instead of sent.
        is_address_dead: the address must not be used again.
    """

    delivery_id: int
    state: str
    finished_at: datetime
    reason: str = ""
    reason_data: dict[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    response: str = ""
    attempt_state: str = ""
    captured: bytes | None = None
    is_address_dead: bool = False


# Built once, because building a statement takes longer than running it.
OURS = (
    select(Delivery.id, Delivery.notification_id, Delivery.channel, Delivery.address, Delivery.attempts)
    .where(Delivery.id.in_(bindparam("these", expanding=True)), Delivery.token == bindparam("held"))
    .with_for_update()
)
RECORD = (
    update(Delivery)
    .where(Delivery.id == bindparam("this"), Delivery.token == bindparam("held"))
    .values(
        {
            "state": bindparam("to_state"),
            "reason": bindparam("to_reason"),
            "reason_data": bindparam("to_reason_data", type_=Delivery.reason_data.type),
            "due_at": func.coalesce(bindparam("to_due_at", type_=Delivery.due_at.type), Delivery.due_at),
            "expires_at": func.coalesce(
                bindparam("to_expires_at", type_=Delivery.expires_at.type), Delivery.expires_at
            ),
            "sent_at": bindparam("to_sent_at", type_=Delivery.sent_at.type),
            "attempts": Delivery.attempts + bindparam("new_attempts"),
            **UNCLAIMED,
        }
    )
)
PENDING = update(Notification).where(
    Notification.id.in_(bindparam("these", expanding=True)), Notification.status == "pending"
)
MARK_SENT = PENDING.values(
    status="sent",
    sent_at=func.coalesce(Notification.sent_at, bindparam("now", type_=Notification.sent_at.type)),
)
HAS_OPEN_OR_SENT = select(Delivery.id).where(
    Delivery.notification_id == Notification.id, Delivery.state.in_([*OPEN_STATES, "sent"])
)
MARK_FAILED = PENDING.where(~HAS_OPEN_OR_SENT.exists()).values(status="failed")


def record_results(token: str, results: Sequence[SendResult]) -> int:
    """Record results with their attempts, audit entries and notifications, and commit.

    Args:
        token: what the deliveries were claimed with. Those with another token by now are left alone.
    Returns:
        how many were still ours.
    """
    lock_for_writing()
    parameters = {"these": [result.delivery_id for result in results], "held": token}
    rows = {row.id: row for row in db.session.connection().execute(OURS, parameters)}
    ours = [(result, rows[result.delivery_id]) for result in results if result.delivery_id in rows]
    if ours:
        _record(token, ours)
    db.session.commit()
    return len(ours)


def mark_notifications_sent(notification_ids: Sequence[int | None], now: datetime) -> None:
    """Mark notifications as sent, in the caller's transaction: the first delivery that is sent is enough."""
    _mark(MARK_SENT, notification_ids, {"now": now})


def mark_notifications_failed(notification_ids: Sequence[int | None]) -> None:
    """Mark notifications as failed if none of their deliveries is open or sent, in the caller's transaction."""
    _mark(MARK_FAILED, notification_ids, {})


def _mark(statement: Update, notification_ids: Sequence[int | None], values: dict[str, Any]) -> None:
    ids = sorted({number for number in notification_ids if number is not None})
    if ids:
        db.session.connection().execute(statement, values | {"these": ids})


def audit_entry(row: Any, state: str, reason: str) -> dict[str, Any]:
    """The audit entry of a delivery that has ended."""
    detail = {"delivery_id": row.id, "channel": row.channel} | ({"reason": reason} if reason else {})
    return {"action": f"delivery.{state}", "subject": row.address[:300], "detail": detail}


def _record(token: str, ours: Sequence[tuple[SendResult, Any]]) -> None:
    connection = db.session.connection()
    connection.execute(RECORD, [_delivery_values(result, token) for result, _row in ours])
    attempts = [
        _attempt_values(result, row.attempts + 1) for result, row in ours if result.started_at is not None
    ]
    if attempts:
        connection.execute(insert(DeliveryAttempt), attempts)
    ended = [(result, row) for result, row in ours if result.state in END_STATES]
    if ended:
        entries = [audit_entry(row, result.state, result.reason) for result, row in ended]
        connection.execute(insert(AuditEntry), entries)
        sent = [row.notification_id for result, row in ended if result.state == "sent"]
        mark_notifications_sent(sent, ended[-1][0].finished_at)
        mark_notifications_failed([row.notification_id for result, row in ended if result.state != "sent"])
    for result, row in ours:
        if result.state == "sent":
            endpoint_health.record_success(row.channel, row.address)
        elif result.started_at is not None:
            endpoint_health.record_failure(
                row.channel, row.address, result.response, result.finished_at, is_dead=result.is_address_dead
            )
        if result.captured is not None:
            db.session.merge(
                CapturedMail(delivery_id=row.id, raw=result.captured, captured_at=result.finished_at)
            )


def _delivery_values(result: SendResult, token: str) -> dict[str, Any]:
    return {
        "this": result.delivery_id,
        "held": token,
        "to_state": result.state,
        "to_reason": result.reason,
        "to_reason_data": result.reason_data,
        "to_due_at": result.due_at,
        "to_expires_at": result.expires_at,
        "to_sent_at": result.finished_at if result.state == "sent" else None,
        "new_attempts": 0 if result.started_at is None else 1,
    }


def _attempt_values(result: SendResult, number: int) -> dict[str, Any]:
    return {
        "delivery_id": result.delivery_id,
        "number": number,
        "started_at": result.started_at,
        "finished_at": result.finished_at,
        "outcome": result.attempt_state or result.state,
        "response": result.response[:1000],
    }
