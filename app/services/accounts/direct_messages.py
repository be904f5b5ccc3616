"""Queues messages that belong to a person but to no notification: account emails, codes and tests."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Delivery, Event, Notification, User
from app.services.base import outgoing
from app.services.base.errors import LimitReached

# The user waits for the result of a test: hours later it would be useless.
TEST_LIFETIME = timedelta(minutes=10)
# The source of the events that tests of templates are about.
TEST_SOURCE = "bellhop:template-tests"
# Tests of one user, over all browsers, webhooks and templates.
MAX_TESTS, TESTS_WINDOW = 10, timedelta(minutes=10)


def queue(
    kind: str,
    user: User,
    channel: str,
    address: str,
    now: datetime,
    *,
    lifetime: timedelta,
    subject: str | None = None,
    text: str | None = None,
    is_urgent: bool = True,
) -> Delivery:
    """Queue a message in the caller's transaction, due now.

    Args:
        lifetime: after this, the message is useless and not sent any more.
        subject, text: its content, if it is known now.
        is_urgent: whether someone is waiting for it.
    """
    delivery = Delivery(
        kind=kind,
        channel=channel,
        recipient_id=user.id,
        is_urgent=is_urgent,
        subject=subject,
        text=text,
        address=address,
        created_at=now,
        due_at=now,
        expires_at=now + lifetime,
    )
    db.session.add(delivery)
    db.session.flush()
    outgoing.note(deliveries=[delivery.id])
    return delivery


def queue_test(user: User, channel: str, address: str, *, now: datetime | None = None) -> Delivery:
    """Queue a test message to one of a user's own addresses, and commit.

    Raises:
        LimitReached: the user sent ten within ten minutes.
    """
    now = now or utc_now()
    with writing(lock=User, row_id=user.id):
        refuse_many_tests(user, now)
        return queue("test", user, channel, address, now, lifetime=TEST_LIFETIME)


def refuse_many_tests(user: User, now: datetime) -> None:
    """Raise LimitReached if a user, whose row is locked, sent ten tests within ten minutes."""
    since = now - TESTS_WINDOW
    calls = select(Delivery.created_at).where(
        Delivery.recipient_id == user.id, Delivery.kind == "test", Delivery.created_at > since
    )
    templates = (
        select(Notification.created_at)
        .join(Notification.event)
        .where(
            Notification.recipient_id == user.id,
            Notification.created_at > since,
            Event.source == TEST_SOURCE,
        )
    )
    sent_at = sorted([*db.session.scalars(calls), *db.session.scalars(templates)])
    if len(sent_at) >= MAX_TESTS:
        raise LimitReached(
            _("You can send at most %(most)s tests in ten minutes. Try again later.", most=MAX_TESTS),
            max(1, int((sent_at[-MAX_TESTS] + TESTS_WINDOW - now).total_seconds())),
        )
