"""Queues messages that belong to a person but to no notification: account emails, codes and tests."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Delivery, User
from app.services.base.errors import LimitReached

# The user waits for the result of a test: hours later it would be useless.
TEST_LIFETIME = timedelta(minutes=10)
# Tests of one user, over all browsers and webhooks.
MAX_TESTS, TESTS_WINDOW = 10, timedelta(minutes=10)


def queue(
    kind: str, user: User, channel: str, address: str, now: datetime, *, lifetime: timedelta
) -> Delivery:
    """Queue a message in the caller's transaction, due now.

    Args:
        lifetime: after this, the message is useless and not sent any more.
    """
    delivery = Delivery(
        kind=kind,
        channel=channel,
        recipient_id=user.id,
        is_urgent=True,
        address=address,
        created_at=now,
        due_at=now,
        expires_at=now + lifetime,
    )
    db.session.add(delivery)
    return delivery


def queue_test(user: User, channel: str, address: str, *, now: datetime | None = None) -> Delivery:
    """Queue a test message to one of a user's own addresses, and commit.

    Raises:
        LimitReached: the user sent ten within ten minutes.
    """
    now = now or utc_now()
    recent = (
        Delivery.recipient_id == user.id,
        Delivery.kind == "test",
        Delivery.created_at > now - TESTS_WINDOW,
    )
    with writing(lock=User, row_id=user.id):
        if (db.session.scalar(select(func.count()).where(*recent)) or 0) >= MAX_TESTS:
            oldest = db.session.scalar(select(func.min(Delivery.created_at)).where(*recent)) or now
            raise LimitReached(
                _("You can send %(most)s tests in ten minutes. Try again later.", most=MAX_TESTS),
                max(1, int((oldest + TESTS_WINDOW - now).total_seconds())),
            )
        return queue("test", user, channel, address, now, lifetime=TEST_LIFETIME)
