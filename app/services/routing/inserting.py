"""Inserts notifications with their deliveries, and raises the versions of their inboxes.

PostgreSQL inserts both in one statement, because each is a round trip, and raises the version of a single inbox in it.
SQLite takes one step after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, insert, select

from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.json_rows import as_json, rows_of
from app.services.notifications import inbox_version
from app.services.subscriptions.calls import HAS_SUBSCRIPTIONS

NOTIFICATIONS, DELIVERIES = Base.metadata.tables["notifications"], Base.metadata.tables["deliveries"]
# All columns but those that are set later, by what the recipient or a worker does.
_OF_NOTIFICATIONS = sorted(
    set(NOTIFICATIONS.c.keys()) - {"id", "read_at", "archived_at", "saved_at", "snoozed_until"}
)
_OF_DELIVERIES = sorted(
    set(DELIVERIES.c.keys())
    - {"id", "notification_id", "token", "lease_until", "claimed_by", "remote_id", "room_message_id"}
)
_INSERT_NOTIFICATIONS = CompiledStatement(
    insert(NOTIFICATIONS).returning(NOTIFICATIONS.c.recipient_id, NOTIFICATIONS.c.id, HAS_SUBSCRIPTIONS),
    _OF_NOTIFICATIONS,
)
_INSERT_DELIVERIES = CompiledStatement(insert(DELIVERIES), ["notification_id", *_OF_DELIVERIES])


def insert_all(
    notifications: Sequence[Mapping[str, Any]],
    deliveries: Sequence[Mapping[str, Any]],
    changed: Collection[int],
) -> list[Any]:
    """Insert notifications and deliveries, in the caller's transaction.

    Args:
        notifications: complete rows, one for each recipient.
        deliveries: complete rows without `notification_id`, which follows from `recipient_id`.
        changed: the ids of people whose inbox versions rise.
    Returns:
        `recipient_id`, `id` and `has_subscriptions` of each notification, in no order.
    """
    if db.engine.dialect.name == "postgresql":
        numbered = [{**row, "id": position} for position, row in enumerate(deliveries)]
        alone, several = (changed, []) if len(changed) == 1 else ([], changed)
        inserted = _IN_ONE_STATEMENT.fetch(
            notifications=as_json(notifications),
            deliveries=as_json(numbered),
            **inbox_version.mark_changed(alone),
        )
        inbox_version.bump(several)
        return inserted
    inserted = _INSERT_NOTIFICATIONS.execute_many(notifications)
    ids = {row.recipient_id: row.id for row in inserted}
    if deliveries:
        _INSERT_DELIVERIES.execute_many(
            [{**row, "notification_id": ids[row["recipient_id"]]} for row in deliveries]
        )
    inbox_version.bump(changed)
    return inserted


def _build() -> Select[Any]:
    added = (
        insert(NOTIFICATIONS)
        .from_select(_OF_NOTIFICATIONS, select(rows_of(NOTIFICATIONS, _OF_NOTIFICATIONS, "notifications")))
        .returning(NOTIFICATIONS.c.recipient_id, NOTIFICATIONS.c.id)
        .cte("added")
    )
    # Their ids here are only their positions: a join returns rows in any order.
    rows = rows_of(DELIVERIES, ["id", *_OF_DELIVERIES], "deliveries")
    values = [rows.c[name] for name in _OF_DELIVERIES]
    is_same = added.c.recipient_id == rows.c.recipient_id
    with_ids = select(added.c.id, *values).join_from(rows, added, is_same).order_by(rows.c.id)
    queued = insert(DELIVERIES).from_select(["notification_id", *_OF_DELIVERIES], with_ids).cte("queued")
    return select(added.c.recipient_id, added.c.id, HAS_SUBSCRIPTIONS).add_cte(
        queued, inbox_version.bump_changed()
    )


_IN_ONE_STATEMENT = CompiledStatement(_build)
