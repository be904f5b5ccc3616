"""Writing down how deliveries ended, in groups, and what that means for their notifications."""

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

# What a delivery in nobody's hands looks like.
FREE: dict[str, Any] = {"token": None, "lease_until": None, "claimed_by": None}


@dataclass(frozen=True)
class SendResult:
    """How one delivery ended, or when it goes on. `started_at` is None where nothing was sent."""

    delivery_id: int
    state: str
    finished_at: datetime
    reason: str = ""
    reason_data: dict[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    response: str = ""
    # What the attempt is called in the log, where that is not the state it led to.
    attempt_state: str = ""
    kept: bytes | None = None
    does_suppress: bool = False


# Built once: putting a statement together costs more than running it.
OURS = (
    select(Delivery.id, Delivery.notification_id, Delivery.channel, Delivery.address, Delivery.attempts)
    .where(Delivery.id.in_(bindparam("these", expanding=True)), Delivery.token == bindparam("held"))
    .with_for_update()
)
FINISH = (
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
            "attempts": Delivery.attempts + bindparam("tries"),
            **FREE,
        }
    )
)
PENDING = update(Notification).where(
    Notification.id.in_(bindparam("these", expanding=True)), Notification.status == "pending"
)
SENT = PENDING.values(
    status="sent",
    sent_at=func.coalesce(Notification.sent_at, bindparam("now", type_=Notification.sent_at.type)),
)
GOES_ON = select(Delivery.id).where(
    Delivery.notification_id == Notification.id, Delivery.state.in_([*OPEN_STATES, "sent"])
)
FAILED = PENDING.where(~GOES_ON.exists()).values(status="failed")


def record_results(token: str, outcomes: Sequence[SendResult]) -> int:
    """Write down outcomes in one transaction, with their attempts, audit entries and notifications.

    Args:
        token: what the deliveries were claimed with. Those that carry another by now are left alone.
    Returns:
        how many were still ours.
    """
    lock_for_writing()
    wanted = {"these": [outcome.delivery_id for outcome in outcomes], "held": token}
    rows = {row.id: row for row in db.session.connection().execute(OURS, wanted)}
    mine = [(outcome, rows[outcome.delivery_id]) for outcome in outcomes if outcome.delivery_id in rows]
    if mine:
        _write(token, mine)
    db.session.commit()
    return len(mine)


def build_sent(notification_ids: Sequence[int | None], now: datetime) -> None:
    """A notification is sent with its first success; in the caller's transaction."""
    _settle(SENT, notification_ids, {"now": now})


def build_failed(notification_ids: Sequence[int | None]) -> None:
    """A notification has failed when every delivery has ended without success; in the caller's transaction."""
    _settle(FAILED, notification_ids, {})


def _settle(statement: Update, notification_ids: Sequence[int | None], values: dict[str, Any]) -> None:
    wanted = sorted({number for number in notification_ids if number is not None})
    if wanted:
        db.session.connection().execute(statement, values | {"these": wanted})


def audit_entry(row: Any, state: str, reason: str) -> dict[str, Any]:
    """The audit log's line about a delivery that ended."""
    detail = {"delivery_id": row.id, "channel": row.channel} | ({"reason": reason} if reason else {})
    return {"action": f"delivery.{state}", "subject": row.address[:300], "detail": detail}


def _write(token: str, mine: Sequence[tuple[SendResult, Any]]) -> None:
    connection = db.session.connection()
    connection.execute(FINISH, [_values(outcome, token) for outcome, _ in mine])
    attempts = [
        _attempt(outcome, row.attempts + 1) for outcome, row in mine if outcome.started_at is not None
    ]
    if attempts:
        connection.execute(insert(DeliveryAttempt), attempts)
    ended = [(outcome, row) for outcome, row in mine if outcome.state in END_STATES]
    if ended:
        entries = [audit_entry(row, outcome.state, outcome.reason) for outcome, row in ended]
        connection.execute(insert(AuditEntry), entries)
        sent = [row.notification_id for outcome, row in ended if outcome.state == "sent"]
        build_sent(sent, ended[-1][0].finished_at)
        build_failed([row.notification_id for outcome, row in ended if outcome.state != "sent"])
    for outcome, row in mine:
        if outcome.state == "sent":
            endpoint_health.record_success(row.channel, row.address)
        elif outcome.started_at is not None:
            endpoint_health.record_failure(
                row.channel, row.address, outcome.response, outcome.finished_at, is_dead=outcome.does_suppress
            )
        if outcome.kept is not None:
            db.session.merge(
                CapturedMail(delivery_id=row.id, raw=outcome.kept, captured_at=outcome.finished_at)
            )


def _values(outcome: SendResult, token: str) -> dict[str, Any]:
    return {
        "this": outcome.delivery_id,
        "held": token,
        "to_state": outcome.state,
        "to_reason": outcome.reason,
        "to_reason_data": outcome.reason_data,
        "to_due_at": outcome.due_at,
        "to_expires_at": outcome.expires_at,
        "to_sent_at": outcome.finished_at if outcome.state == "sent" else None,
        "tries": 0 if outcome.started_at is None else 1,
    }


def _attempt(outcome: SendResult, number: int) -> dict[str, Any]:
    return {
        "delivery_id": outcome.delivery_id,
        "number": number,
        "started_at": outcome.started_at,
        "finished_at": outcome.finished_at,
        "outcome": outcome.attempt_state or outcome.state,
        "response": outcome.response[:1000],
    }
