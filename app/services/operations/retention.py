"""Deletes data that is older than its retention period."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select

from app import catalog
from app.clock import utc_now
from app.database.base import Base, db
from app.database.writing import BULK
from app.models import (
    AuditEntry,
    BrowserSession,
    Delivery,
    Digest,
    Event,
    Interview,
    Notification,
    Room,
    RoomMessage,
    SignInAttempt,
    SourceCall,
    SourceFact,
    SourcePerson,
)
from app.services.accounts.sessions import SessionLimits
from app.services.notifications import inbox_version
from app.services.notifications import undo as notification_undo
from app.services.operations import idempotency, job_runs
from app.services.rooms import management as room_management

# Days after which notifications of some types are deleted, however long the others are kept.
SHORTER = {"system_alert": 180, "interview_reminder": 90, "evaluation_due": 180}
# The same for deliveries without a notification: account emails, digests, and messages to rooms.
OTHER_DELIVERIES = timedelta(days=90)
# Events are kept this much longer than any notification, so that one reported again is recognised.
EVENTS_LONGER = timedelta(days=35)
INTERVIEWS = timedelta(days=730)
SIGN_IN_ATTEMPTS = timedelta(days=1)
# Rows deleted and rows looked at per transaction, so that other writers do not wait long.
CHUNK, SPAN = 500, 50_000


@dataclass(frozen=True)
class Retention:
    """How long data is kept: notifications at most, audit entries, and calls of sources."""

    notifications: timedelta
    audit_entries: timedelta
    source_calls: timedelta

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Retention:
        """Read it from the application's configuration."""
        return cls(
            timedelta(days=config["KEEP_NOTIFICATIONS_DAYS"]),
            timedelta(days=config["KEEP_AUDIT_DAYS"]),
            timedelta(days=config["KEEP_SOURCE_CALLS_DAYS"]),
        )

    def of_type(self, notification_type: str) -> timedelta:
        """Return how long notifications of a type are kept."""
        if notification_type not in SHORTER:
            return self.notifications
        return min(self.notifications, timedelta(days=SHORTER[notification_type]))

    @property
    def other_deliveries(self) -> timedelta:
        """Return how long deliveries without a notification are kept; a digest repeats what notifications say."""
        return min(self.notifications, OTHER_DELIVERIES)

    @property
    def events(self) -> timedelta:
        """Return how long events, and what else must not be created twice, are kept."""
        return self.notifications + EVENTS_LONGER


def purge(
    kept: Retention,
    now: datetime | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    session_limits: SessionLimits | None = None,
) -> int:
    """Delete data that is past its retention period, in small transactions.

    Args:
        kept: how long data is kept.
        session_limits: when sessions end. None leaves them.
        progress: called after each transaction with the number of deleted rows, twice: the total is not known.
    Returns:
        how many rows were deleted.
    """
    now = now or utc_now()
    count = 0
    old = _old(kept, now)
    if session_limits is not None:
        old.append((BrowserSession, session_limits.has_ended(now)))
    for model, is_old in old:
        for deleted in _delete_in_chunks(model, is_old):
            count += deleted
            if progress and deleted:
                progress(count, count)
    return (
        count
        + notification_undo.purge_undo_history(now)
        + job_runs.purge_runs(now)
        + idempotency.purge_responses(now)
    )


def _old(kept: Retention, now: datetime) -> list[tuple[type[Base], ColumnElement[bool]]]:
    """List the deletions in this order: rows before the rows they refer to."""
    its_notifications = select(Notification.id).where(Notification.event_id == Event.id)
    return [
        (Notification, _old_notifications(kept, now)),
        (RoomMessage, RoomMessage.created_at < now - kept.other_deliveries),
        (Room, Room.removed_at < now - room_management.UNDO_WITHIN),
        (
            Delivery,
            and_(Delivery.notification_id.is_(None), Delivery.created_at < now - kept.other_deliveries),
        ),
        (Digest, Digest.settled_at < now - kept.events),
        (Event, and_(Event.received_at < now - kept.events, ~its_notifications.exists())),
        (Interview, Interview.ends_at < now - INTERVIEWS),
        (AuditEntry, AuditEntry.at < now - kept.audit_entries),
        (SourceCall, SourceCall.received_at < now - kept.source_calls),
        (SourceFact, SourceFact.seen_at < now - kept.events),
        # A later call that names one of them adds them again.
        (SourcePerson, and_(SourcePerson.user_id.is_(None), SourcePerson.seen_at < now - kept.events)),
        (SignInAttempt, SignInAttempt.attempted_at < now - SIGN_IN_ATTEMPTS),
    ]


def _old_notifications(kept: Retention, now: datetime) -> ColumnElement[bool]:
    by_age: dict[timedelta, list[str]] = {}
    for notification_type in catalog.TYPES:
        by_age.setdefault(kept.of_type(notification_type), []).append(notification_type)
    # Scheduled and snoozed notifications count from the day they came into the inbox.
    since = func.coalesce(Notification.surfaced_at, Notification.deliver_at, Notification.created_at)
    is_old = or_(
        *(and_(Notification.notification_type.in_(types), since < now - age) for age, types in by_age.items())
    )
    return and_(is_old, Notification.saved_at.is_(None))


def _delete_in_chunks(model: type[Base], is_old: ColumnElement[bool]) -> Iterator[int]:
    """Delete old rows; yields how many were deleted in each transaction. Rows that stay are looked at once."""
    key = model.__table__.c.id
    # Not in one statement: SQLite would read the table for both.
    first, newest = (db.session.scalar(select(bound(key))) or 0 for bound in (func.min, func.max))
    after = first - 1
    while after < newest:
        deleted = _delete_chunk(model, and_(key > after, key <= after + SPAN, is_old))
        after = max(deleted) if len(deleted) == CHUNK else after + SPAN
        yield len(deleted)


def _delete_chunk(model: type[Base], is_old: ColumnElement[bool]) -> list[int]:
    """Delete the first rows that meet a condition and return their ids."""
    table = model.__table__
    chunk = select(table.c.id).where(is_old).order_by(table.c.id).limit(CHUNK)
    deleted = delete(model).where(table.c.id.in_(chunk)).execution_options(**BULK)
    if model is Notification:
        rows = db.session.execute(deleted.returning(table.c.id, table.c.recipient_id)).all()
        inbox_version.bump(row.recipient_id for row in rows)
    else:
        rows = db.session.execute(deleted.returning(table.c.id)).all()
    db.session.commit()
    return [row.id for row in rows]
