"""How long data is kept, and the deletion of what is older."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

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
    SignInAttempt,
)
from app.services.accounts.sessions import SessionLimits
from app.services.notifications import actions as notification_actions
from app.services.operations import idempotency, job_runs

# Days that notifications are kept, by type. Saved notifications are kept until they are unsaved.
KEPT_DAYS = dict.fromkeys(catalog.TYPES, 365) | {
    "system_alert": 180,
    "interview_reminder": 90,
    "evaluation_due": 180,
}
# Deliveries without a notification: account emails and digests.
OTHER_DELIVERIES = timedelta(days=90)
# Longer than any notification, so that an event reported again is recognised.
EVENTS = timedelta(days=400)
INTERVIEWS = timedelta(days=730)
AUDIT_ENTRIES = timedelta(days=730)
SIGN_IN_ATTEMPTS = timedelta(days=1)
# Rows per transaction, so that other writers do not wait long.
CHUNK = 500


def purge(
    now: datetime | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    session_limits: SessionLimits | None = None,
) -> int:
    """Delete data that is past its retention period, in small transactions.

    Args:
        session_limits: when sessions end. None leaves them.
        progress: called after each transaction with the number of deleted rows, twice: the total is not known.
    Returns:
        how many rows were deleted.
    """
    now = now or utc_now()
    count = 0
    old = _old(now)
    if session_limits is not None:
        old.append((BrowserSession, session_limits.has_ended(now)))
    for model, is_old in old:
        while deleted := _delete_chunk(model, is_old):
            count += deleted
            if progress:
                progress(count, count)
    return (
        count
        + notification_actions.purge_undo_history(now)
        + job_runs.purge_runs(now)
        + idempotency.purge_responses(now)
    )


def _old(now: datetime) -> list[tuple[type[Base], ColumnElement[bool]]]:
    """The deletions, in this order: rows before the rows they refer to."""
    its_notifications = select(Notification.id).where(Notification.event_id == Event.id)
    return [
        (Notification, _old_notifications(now)),
        (Delivery, and_(Delivery.notification_id.is_(None), Delivery.created_at < now - OTHER_DELIVERIES)),
        (Digest, Digest.settled_at < now - EVENTS),
        (Event, and_(Event.received_at < now - EVENTS, ~its_notifications.exists())),
        (Interview, Interview.ends_at < now - INTERVIEWS),
        (AuditEntry, AuditEntry.at < now - AUDIT_ENTRIES),
        (SignInAttempt, SignInAttempt.attempted_at < now - SIGN_IN_ATTEMPTS),
    ]


def _old_notifications(now: datetime) -> ColumnElement[bool]:
    by_age: dict[int, list[str]] = {}
    for notification_type, days in KEPT_DAYS.items():
        by_age.setdefault(days, []).append(notification_type)
    # Scheduled and snoozed notifications count from the day they came into the inbox.
    since = func.coalesce(Notification.surfaced_at, Notification.deliver_at, Notification.created_at)
    is_old = or_(
        *(
            and_(Notification.notification_type.in_(types), since < now - timedelta(days=days))
            for days, types in by_age.items()
        )
    )
    return and_(is_old, Notification.saved_at.is_(None))


def _delete_chunk(model: type[Base], is_old: ColumnElement[bool]) -> int:
    table = model.__table__
    chunk = select(table.c.id).where(is_old).order_by(table.c.id).limit(CHUNK)
    deleted = delete(model).where(table.c.id.in_(chunk)).execution_options(**BULK)
    if model is Notification:
        user_ids = list(db.session.scalars(deleted.returning(Notification.recipient_id)))
        notification_actions.bump_inbox_versions(user_ids)
        count = len(user_ids)
    else:
        count = len(db.session.execute(deleted.returning(table.c.id)).all())
    db.session.commit()
    return count
