"""Keeps track of the emails that a daily digest replaces, and reconsiders them when it is turned off or on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Update, bindparam, false, func, select, update

from app.catalog import DAILY_DIGEST, DIGESTS
from app.database.base import db
from app.database.writing import BULK
from app.models import Delivery, Digest, Notification, NotificationTemplate, User, UserNotificationPreference
from app.models.delivery import OPEN_STATES
from app.services.notifications import inbox_version

# States of a digest's delivery that has, or may have, arrived.
ARRIVED_STATES = ("sent", "uncertain")
# Built once, because they run for every batch of emails.
_ACTIVE = select(NotificationTemplate.name).where(
    NotificationTemplate.name.in_(DIGESTS), NotificationTemplate.is_active
)
_COVERED_UNTIL = (
    select(Digest.user_id, func.max(Digest.settled_at))
    .join(Delivery, Delivery.id == Digest.delivery_id)
    .where(
        Digest.user_id.in_(bindparam("user_ids", expanding=True)),
        Digest.kind == DAILY_DIGEST,
        Delivery.state.in_([*OPEN_STATES, *ARRIVED_STATES]),
    )
    .group_by(Digest.user_id)
)


def active_digests() -> frozenset[str]:
    """Return the digests that admins have not turned off for everyone."""
    return frozenset(db.session.scalars(_ACTIVE))


def covered_until(user_ids: Collection[int]) -> dict[int, datetime]:
    """Return when each person's newest daily digest was settled: it covers what was unread in the inbox then."""
    if not user_ids:
        return {}
    return dict(db.session.execute(_COVERED_UNTIL, {"user_ids": list(user_ids)}).all())


def release_uncovered(now: datetime, *, user: User | None = None) -> None:
    """Reconsider emails that wait for a daily digest after one was turned on or off, in the caller's transaction.

    Where the digest is off, a notification that is in the inbox stays there with a reason that says so, and one that
    was to be sent by email only is emailed. Where it is on, notifications in the inbox wait for it as before.

    Args:
        user: the person who turned it on or off; None if an admin did for everyone.
    """
    is_wanted: ColumnElement[bool] = false()
    if DAILY_DIGEST in active_digests():
        preference = UserNotificationPreference
        subscribers = select(preference.user_id).where(preference.email_enabled, preference.daily_digest)
        is_wanted = Delivery.recipient_id.in_(subscribers)
    is_in_inbox = Notification.surfaced_at.is_not(None)
    is_waiting = Delivery.reason == "in_digest"

    was_turned_on = _update_uncovered(user, is_in_inbox, Delivery.reason == "digest_gone", is_wanted)
    db.session.execute(was_turned_on.values(reason="in_digest"), execution_options=BULK)
    was_turned_off = _update_uncovered(user, is_in_inbox, is_waiting, ~is_wanted)
    db.session.execute(was_turned_off.values(reason="digest_gone"), execution_options=BULK)

    email_only = _update_uncovered(user, ~is_in_inbox, is_waiting, ~is_wanted)
    released = email_only.values(state="pending", reason="queued", due_at=now)
    ids = list(db.session.scalars(released.returning(Delivery.notification_id), execution_options=BULK))
    # The digest was their only delivery, so they had counted as cancelled.
    reopened = update(Notification).where(Notification.id.in_(ids), Notification.status == "cancelled")
    people = reopened.values(status="pending").returning(Notification.recipient_id)
    inbox_version.bump(db.session.scalars(people, execution_options=BULK))


def _update_uncovered(
    user: User | None, notification: ColumnElement[bool], *delivery: ColumnElement[bool]
) -> Update:
    """Start an UPDATE of skipped emails about unread notifications that no digest has listed.

    Args:
        notification, delivery: further conditions on the two tables.
    """
    uncovered = select(Notification.id).where(
        Notification.id == Delivery.notification_id,
        notification,
        Notification.read_at.is_(None),
        Notification.archived_at.is_(None),
        ~_was_listed(),
    )
    query = update(Delivery).where(
        Delivery.channel == "email", Delivery.state == "skipped", *delivery, uncovered.exists()
    )
    return query.where(Delivery.recipient_id == user.id) if user else query


def _was_listed() -> ColumnElement[bool]:
    """Whether a digest that has arrived listed the notification."""
    state = select(Delivery.state).where(Delivery.id == Digest.delivery_id).scalar_subquery()
    return (
        select(Digest.id)
        .where(
            Digest.user_id == Notification.recipient_id,
            Digest.kind == DAILY_DIGEST,
            state.in_(ARRIVED_STATES),
            Digest.settled_at >= func.coalesce(Notification.surfaced_at, Notification.created_at),
        )
        .exists()
    )
