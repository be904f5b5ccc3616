"""How long things are kept, and the end of what is older."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, select

from app import catalog
from app.clock import utc_now
from app.database.base import Base, db
from app.database.writing import BULK
from app.models import Delivery, Digest, Event, Interview, Notification, SignInAttempt
from app.services.notifications import actions as notification_actions
from app.services.operations import idempotency, job_runs

# Days that notifications are kept, by type; what somebody saved is kept until they let go of it.
KEPT_DAYS = dict.fromkeys(catalog.TYPES, 365) | {
    "system_alert": 180,
    "interview_reminder": 90,
    "evaluation_due": 180,
}
# Deliveries that belong to no notification: account mails and digests.
OTHER_MAIL = timedelta(days=90)
# Longer than any notification, so that an event reported again is still known.
EVENTS = timedelta(days=400)
INTERVIEWS = timedelta(days=730)
ATTEMPTS = timedelta(days=1)
# Rows a transaction: the web answers meanwhile.
CHUNK = 500


def purge(now: datetime | None = None, progress: Callable[[int, int], None] | None = None) -> int:
    """Delete what is older than it is kept, in small transactions.

    Args:
        progress: told after each how many rows are gone, and the same again: the whole is not known before.
    Returns:
        how many rows are gone.
    """
    now = now or utc_now()
    count = 0
    for model, is_old in _old(now):
        while deleted := _delete_some(model, is_old):
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
    """What may go, in this order: what refers to something before what it refers to."""
    its_notifications = select(Notification.id).where(Notification.event_id == Event.id)
    return [
        (Notification, _old_notifications(now)),
        (Delivery, and_(Delivery.notification_id.is_(None), Delivery.created_at < now - OTHER_MAIL)),
        (Digest, Digest.settled_at < now - EVENTS),
        (Event, and_(Event.received_at < now - EVENTS, ~its_notifications.exists())),
        (Interview, Interview.ends_at < now - INTERVIEWS),
        (SignInAttempt, SignInAttempt.attempted_at < now - ATTEMPTS),
    ]


def _old_notifications(now: datetime) -> ColumnElement[bool]:
    by_age: dict[int, list[str]] = {}
    for kind, days in KEPT_DAYS.items():
        by_age.setdefault(days, []).append(kind)
    # What was scheduled far ahead, or put off, counts from the day it came into the inbox.
    since = func.coalesce(Notification.surfaced_at, Notification.deliver_at, Notification.created_at)
    is_old = or_(
        *(
            and_(Notification.notification_type.in_(kinds), since < now - timedelta(days=days))
            for days, kinds in by_age.items()
        )
    )
    return and_(is_old, Notification.saved_at.is_(None))


def _delete_some(model: type[Base], is_old: ColumnElement[bool]) -> int:
    table = model.__table__
    some = select(table.c.id).where(is_old).order_by(table.c.id).limit(CHUNK)
    gone = delete(model).where(table.c.id.in_(some)).execution_options(**BULK)
    if model is Notification:
        people = list(db.session.scalars(gone.returning(Notification.recipient_id)))
        notification_actions.bump_inbox_versions(people)
        count = len(people)
    else:
        count = len(db.session.execute(gone.returning(table.c.id)).all())
    db.session.commit()
    return count
