"""Undoes actions on notifications: what rows were like before is stored with each change, for ten minutes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, Subquery, Text, cast, column, delete, func, select, text

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Notification, NotificationChange
from app.services.base.errors import NotFound
from app.services.notifications import inbox_version
from app.services.notifications.conditions import NEWEST_FIRST
from app.services.notifications.filters import InboxReader
from app.services.subscriptions.calls import HAS_SUBSCRIPTIONS

UNDO_FOR = timedelta(minutes=10)
# The columns that undo restores, in the order in which `NotificationChange.before` lists them after the id.
RESTORED = ("status", "read_at", "archived_at", "saved_at", "snoozed_until", "surfaced_at")

# The ids in a stored change, and the UPDATE that restores it, in each database's JSON functions.
CHANGED_IDS = {
    "sqlite": "SELECT json_extract(value, '$[0]') FROM json_each(:before)",
    "postgresql": "SELECT (value->>0)::bigint FROM json_array_elements(CAST(:before AS json))",
}
# The plus stops SQLite from walking the person's whole index once for every restored row.
RESTORE = {
    "sqlite": """
        UPDATE notifications SET status = json_extract(earlier.value, '$[1]'),
            read_at = json_extract(earlier.value, '$[2]'), archived_at = json_extract(earlier.value, '$[3]'),
            saved_at = json_extract(earlier.value, '$[4]'), snoozed_until = json_extract(earlier.value, '$[5]'),
            surfaced_at = json_extract(earlier.value, '$[6]')
        FROM json_each(:before) AS earlier
        WHERE notifications.id = json_extract(earlier.value, '$[0]') AND +recipient_id = :user""",
    "postgresql": """
        UPDATE notifications SET status = earlier.value->>1,
            read_at = (earlier.value->>2)::timestamptz, archived_at = (earlier.value->>3)::timestamptz,
            saved_at = (earlier.value->>4)::timestamptz, snoozed_until = (earlier.value->>5)::timestamptz,
            surfaced_at = (earlier.value->>6)::timestamptz
        FROM json_array_elements(CAST(:before AS json)) AS earlier
        WHERE notifications.id = (earlier.value->>0)::bigint AND recipient_id = :user""",
}


def record_rows(rows: Subquery) -> Select[int, str, bool]:
    """Build the query for the number of rows of a change, their values as `NotificationChange.before`, and whether
    there are subscriptions. The rows have an id and the columns that undo restores."""
    values = [rows.c[name] for name in ("id", *RESTORED)]
    if db.engine.dialect.name == "sqlite":
        return select(func.count(), func.json_group_array(func.json_array(*values)), HAS_SUBSCRIPTIONS)
    return select(func.count(), cast(func.json_agg(func.json_build_array(*values)), Text), HAS_SUBSCRIPTIONS)


def record_row() -> ColumnElement[str]:
    """Build the values of a row as `NotificationChange.before` has them after a change of this row alone."""
    values = [getattr(Notification, name) for name in ("id", *RESTORED)]
    if db.engine.dialect.name == "sqlite":
        return func.json_array(func.json_array(*values))
    return cast(func.json_build_array(func.json_build_array(*values)), Text)


def select_changed_ids(before: str) -> Any:
    """Select the ids of the rows of a change."""
    return text(CHANGED_IDS[db.engine.dialect.name]).bindparams(before=before).columns(column("id"))


def undo_change(user: InboxReader, change_id: int, now: datetime | None = None) -> NotificationChange:
    """Restore exactly what a change found.

    Returns:
        The change. Undoing it again changes nothing.
    Raises:
        NotFound: this person made no such change, or made it more than ten minutes ago.
    """
    now = now or utc_now()
    with writing():
        made = db.session.scalar(
            select(NotificationChange)
            .where(
                NotificationChange.id == change_id,
                NotificationChange.user_id == user.id,
                NotificationChange.made_at > now - UNDO_FOR,
            )
            .with_for_update()
        )
        if made is None:
            raise NotFound(_("This can no longer be undone."))
        if made.undone_at is None:
            db.session.execute(
                text(RESTORE[db.engine.dialect.name]), {"before": made.before, "user": user.id}
            )
            made.undone_at = now
            inbox_version.bump([user.id])
    return made


def topmost_changed(made: NotificationChange, now: datetime | None = None) -> tuple[datetime, int] | None:
    """Find the row of a change that is first in a list now: its `surfaced_at` and id."""
    row = db.session.execute(
        select(Notification.surfaced_at, Notification.id)
        .where(
            Notification.id.in_(select_changed_ids(made.before)),
            Notification.surfaced_at <= (now or utc_now()),
        )
        .order_by(*NEWEST_FIRST)
        .limit(1)
    ).first()
    return (row.surfaced_at, row.id) if row else None


def purge_undo_history(now: datetime | None = None) -> int:
    """Delete the changes that can no longer be undone, and commit. Returns how many."""
    old = NotificationChange.made_at < (now or utc_now()) - UNDO_FOR
    count = db.session.execute(delete(NotificationChange).where(old)).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return int(count)
