"""Queues messages that belong to a person but to no notification: account emails, codes and tests."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.database.base import db
from app.models import Delivery, User

# The user waits for the result of a test: hours later it would be useless.
TEST_LIFETIME = timedelta(minutes=10)


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
        address=address,
        created_at=now,
        due_at=now,
        expires_at=now + lifetime,
    )
    db.session.add(delivery)
    return delivery
