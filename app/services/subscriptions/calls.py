"""Queues calls to subscriptions, in the transaction of what they report.

A call is a delivery without a recipient: the outbox sends, retries and logs it like any other. What it says is stored
when it is queued, because the notification may have changed or gone by the time it is sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, exists, insert, or_, select

from app import catalog
from app.clock import to_rfc3339
from app.database.base import Base, db
from app.models import Delivery, User, Webhook

KIND = "subscription"
CREATED, READ, FAILED = "notification.created", "notification.read", "delivery.failed"
# What can be subscribed to, as admins read it.
TYPES: dict[str, LazyString] = {
    CREATED: _l("Notification created"),
    READ: _l("Notification read"),
    FAILED: _l("Delivery failed"),
}
FAILED_STATES = ("failed", "dead", "uncertain", "expired")
NOTIFICATIONS, WEBHOOKS = (Base.metadata.tables[name] for name in ("notifications", "webhooks"))
IS_ACTIVE = (WEBHOOKS.c.user_id.is_(None), WEBHOOKS.c.disabled_at.is_(None))
# A column for statements that run anyway: it is all that subscriptions cost an installation without any.
HAS_SUBSCRIPTIONS: ColumnElement[bool] = exists(select(WEBHOOKS.c.id).where(*IS_ACTIVE)).label(
    "has_subscriptions"
)
# Not part of what is said about a confidential notification: the other system is on no hiring team.
WORDS = ("title", "message", "metadata", "action_url")
FIELDS = (
    *("id", "notification_type", "category", "priority", "status", *WORDS),
    *("candidate_id", "job_id", "is_confidential", "created_at"),
)
CHUNK = 500


def queue_created(rows: Iterable[tuple[Mapping[str, Any], int, str]], now: datetime) -> None:
    """Queue calls about new notifications.

    Args:
        rows: the columns of each notification, its id, and its recipient's address.
    """
    _queue(CREATED, (_describe({**row, "id": number}, email) for row, number, email in rows), now)


def queue_read(notification_ids: Any, read_at: datetime) -> None:
    """Queue calls about those of these notifications that were read at this instant.

    Args:
        notification_ids: numbers, or a query for them.
    """
    query = (
        select(*(NOTIFICATIONS.c[name] for name in (*FIELDS, "read_at")), User.email)
        .join(User, User.id == NOTIFICATIONS.c.recipient_id)
        .where(NOTIFICATIONS.c.id.in_(notification_ids), NOTIFICATIONS.c.read_at == read_at)
        .order_by(NOTIFICATIONS.c.id)
    )
    facts = (
        _describe(row._asdict(), row.email) | {"read_at": to_rfc3339(row.read_at)}
        for row in db.session.execute(query)
    )
    _queue(READ, facts, read_at)


def queue_failed(delivery_ids: Sequence[int], now: datetime) -> None:
    """Queue calls about deliveries that have failed for good. Failed calls to subscriptions are not among them."""
    addresses = _subscribers(FAILED)
    if not addresses:
        return
    query = (
        select(Delivery, User.email)
        .outerjoin(User, User.id == Delivery.recipient_id)
        .where(
            Delivery.id.in_(delivery_ids),
            or_(Delivery.recipient_id.is_not(None), Delivery.room_message_id.is_not(None)),
        )
        .order_by(Delivery.id)
        .execution_options(populate_existing=True)
    )
    facts = (
        {
            "id": row.id,
            "notification_id": row.notification_id,
            "recipient": email,
            "channel": row.channel,
            "kind": row.kind,
            "state": row.state,
            "reason": row.reason,
            "detail": row.reason_data.get("detail", ""),
            "attempts": row.attempts,
            "created_at": to_rfc3339(row.created_at),
        }
        for row, email in db.session.execute(query)
    )
    _insert(FAILED, addresses, facts, now)


def queue_test(hook: Webhook, now: datetime, lifetime: timedelta) -> Delivery:
    """Queue a test call in the caller's transaction; see `payloads`."""
    delivery = Delivery(
        kind="test",
        channel="webhook",
        address=hook.address,
        is_urgent=True,
        reason="queued",
        created_at=now,
        due_at=now,
        expires_at=now + lifetime,
    )
    db.session.add(delivery)
    return delivery


def _queue(event_type: str, facts: Iterable[dict[str, Any]], now: datetime) -> None:
    if addresses := _subscribers(event_type):
        _insert(event_type, addresses, facts, now)


def _subscribers(event_type: str) -> list[str]:
    hooks = db.session.scalars(select(Webhook).where(*IS_ACTIVE).order_by(Webhook.id))
    return [hook.address for hook in hooks if event_type in hook.types]


def _insert(
    event_type: str, addresses: Sequence[str], facts: Iterable[dict[str, Any]], now: datetime
) -> None:
    common = {
        "kind": KIND,
        "channel": "webhook",
        "state": "pending",
        "reason": "queued",
        "subject": event_type,
        "created_at": now,
        "due_at": now,
        "expires_at": now + catalog.GIVE_UP_AFTER,
    }
    texts = [json.dumps(each, separators=(",", ":")) for each in facts]
    rows = [{**common, "address": address, "text": text} for text in texts for address in addresses]
    for start in range(0, len(rows), CHUNK):
        db.session.execute(insert(Delivery), rows[start : start + CHUNK])


def _describe(row: Mapping[str, Any], email: str) -> dict[str, Any]:
    facts = {name: row[name] for name in FIELDS} | {
        "recipient": email,
        "created_at": to_rfc3339(row["created_at"]),
    }
    return facts | dict.fromkeys(WORDS) if row["is_confidential"] else facts
