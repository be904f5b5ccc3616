"""Records the results of deliveries, and what they mean for notifications and addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, null, select, update

from app.clock import utc_now
from app.database.base import Base, db
from app.database.compiled import CompiledStatement, is_among
from app.database.writing import writing
from app.models import CapturedMail, Delivery, Notification
from app.models.delivery import END_STATES, OPEN_STATES
from app.services.notifications import inbox_version
from app.services.sending import endpoint_health
from app.services.subscriptions import calls
from app.services.subscriptions.calls import FAILED_STATES

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
        remote_id: the other side's name for the message.
        retry_after: how many seconds the other side asked to wait.
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
    remote_id: str = ""
    retry_after: float | None = None


DELIVERIES, ATTEMPTS, ENTRIES, NOTIFICATIONS = (
    Base.metadata.tables[name]
    for name in ("deliveries", "delivery_attempts", "audit_entries", "notifications")
)
# Compiled once, because they run for every batch of emails.
OURS = CompiledStatement(
    lambda: (
        select(*(DELIVERIES.c[name] for name in ("id", "notification_id", "channel", "address", "attempts")))
        .where(is_among(DELIVERIES.c.id, "these"), DELIVERIES.c.token == bindparam("held"))
        .with_for_update()
    )
)
RECORD = CompiledStatement(
    update(DELIVERIES)
    .where(DELIVERIES.c.id == bindparam("this"), DELIVERIES.c.token == bindparam("held"))
    .values(
        {
            "state": bindparam("to_state"),
            "reason": bindparam("to_reason"),
            "reason_data": bindparam("to_reason_data", type_=DELIVERIES.c.reason_data.type),
            "due_at": func.coalesce(
                bindparam("to_due_at", type_=DELIVERIES.c.due_at.type), DELIVERIES.c.due_at
            ),
            "expires_at": func.coalesce(
                bindparam("to_expires_at", type_=DELIVERIES.c.expires_at.type), DELIVERIES.c.expires_at
            ),
            "remote_id": func.coalesce(bindparam("to_remote_id"), DELIVERIES.c.remote_id),
            "sent_at": bindparam("to_sent_at", type_=DELIVERIES.c.sent_at.type),
            "attempts": DELIVERIES.c.attempts + bindparam("new_attempts"),
            **dict.fromkeys(UNCLAIMED, null()),
        }
    )
)
INSERT_ATTEMPTS = CompiledStatement(insert(ATTEMPTS), set(ATTEMPTS.c.keys()) - {"id"})
INSERT_ENTRIES = CompiledStatement(insert(ENTRIES), set(ENTRIES.c.keys()) - {"id", "actor_id"})
MARK_SENT = CompiledStatement(
    lambda: (
        update(NOTIFICATIONS)
        .where(is_among(NOTIFICATIONS.c.id, "these"), NOTIFICATIONS.c.status == "pending")
        .values(
            status="sent",
            sent_at=func.coalesce(
                NOTIFICATIONS.c.sent_at, bindparam("now", type_=NOTIFICATIONS.c.sent_at.type)
            ),
        )
        .returning(NOTIFICATIONS.c.recipient_id)
    )
)
HAS_OPEN_OR_SENT = select(Delivery.id).where(
    Delivery.notification_id == Notification.id, Delivery.state.in_([*OPEN_STATES, "sent"])
)
MARK_FAILED = (
    update(Notification)
    .where(Notification.id.in_(bindparam("these", expanding=True)), Notification.status == "pending")
    .where(~HAS_OPEN_OR_SENT.exists())
    .values(status="failed")
    .returning(Notification.recipient_id)
)


def record_results(token: str, results: Sequence[SendResult]) -> int:
    """Record results with their attempts, audit entries and notifications, and commit.

    Args:
        token: what the deliveries were claimed with. Those with another token by now are left alone.
    Returns:
        how many were still ours.
    """
    with writing():
        rows = {row.id: row for row in OURS.fetch(these=[each.delivery_id for each in results], held=token)}
        ours = [(result, rows[result.delivery_id]) for result in results if result.delivery_id in rows]
        if ours:
            _record(token, ours)
    return len(ours)


def mark_notifications_sent(notification_ids: Sequence[int | None], now: datetime) -> set[int]:
    """Mark notifications as sent, in the caller's transaction: the first delivery that is sent is enough.

    Returns:
        the ids of the people whose inboxes changed: the caller raises their versions, all at once.
    """
    ids = _distinct(notification_ids)
    return {row.recipient_id for row in MARK_SENT.fetch(these=ids, now=now)} if ids else set()


def mark_notifications_failed(notification_ids: Sequence[int | None]) -> set[int]:
    """Do the same with those that failed: none of their deliveries is open or sent."""
    ids = _distinct(notification_ids)
    return set(db.session.connection().execute(MARK_FAILED, {"these": ids}).scalars()) if ids else set()


def _distinct(ids: Sequence[int | None]) -> list[int]:
    return sorted({number for number in ids if number is not None})


def report_failures(delivery_ids: Sequence[int], now: datetime) -> None:
    """Queue calls about deliveries that have failed for good, in the caller's transaction."""
    if delivery_ids:
        calls.queue_failed(delivery_ids, now)


def audit_entry(row: Any, state: str, reason: str) -> dict[str, Any]:
    """Build the audit entry of a delivery that has ended."""
    detail = {"delivery_id": row.id, "channel": row.channel} | ({"reason": reason} if reason else {})
    return {
        "at": utc_now(),
        "action": f"delivery.{state}",
        "subject": row.address[:300],
        "detail": detail,
    }


def _record(token: str, ours: Sequence[tuple[SendResult, Any]]) -> None:
    RECORD.execute_many([_delivery_values(result, token) for result, _row in ours])
    attempts = [
        _attempt_values(result, row.attempts + 1) for result, row in ours if result.started_at is not None
    ]
    if attempts:
        INSERT_ATTEMPTS.execute_many(attempts)
    ended = [(result, row) for result, row in ours if result.state in END_STATES]
    if ended:
        INSERT_ENTRIES.execute_many([audit_entry(row, result.state, result.reason) for result, row in ended])
        sent = [row.notification_id for result, row in ended if result.state == "sent"]
        failed = [row.notification_id for result, row in ended if result.state != "sent"]
        changed = mark_notifications_sent(sent, ended[-1][0].finished_at) | mark_notifications_failed(failed)
        inbox_version.bump(changed)
        report_failures(
            [row.id for result, row in ended if _has_failed(result, row)], ended[-1][0].finished_at
        )
    # In one order: two workers that sent to the same addresses would deadlock.
    for result, row in sorted(ours, key=lambda pair: pair[1].address):
        if result.state == "sent":
            endpoint_health.record_success(row.address)
        elif result.started_at is not None:
            endpoint_health.record_failure(
                row.channel,
                row.address,
                result.response,
                result.finished_at,
                is_dead=result.is_address_dead,
                retry_after=result.retry_after,
            )
        if result.captured is not None:
            db.session.merge(
                CapturedMail(delivery_id=row.id, raw=result.captured, captured_at=result.finished_at)
            )


def _has_failed(result: SendResult, row: Any) -> bool:
    """Whether it was tried and not sent. One that was never tried had nothing to say any more."""
    was_tried = row.attempts > 0 or result.started_at is not None
    return was_tried and result.state in FAILED_STATES


def _delivery_values(result: SendResult, token: str) -> dict[str, Any]:
    return {
        "this": result.delivery_id,
        "held": token,
        "to_state": result.state,
        "to_reason": result.reason,
        "to_reason_data": result.reason_data,
        "to_due_at": result.due_at,
        "to_expires_at": result.expires_at,
        "to_remote_id": result.remote_id or None,
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
