"""Sending what is due in a test."""

from __future__ import annotations

from datetime import datetime

from app.database.base import db
from app.models import Delivery, User
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from tests.support import factories

# The secret is that of the test application, so links in emails work.
SITE = SiteIdentity("http://bellhop.test", "Bellhop <bellhop@example.test>", "a key for tests only")


def delivery_worker() -> DeliveryWorker:
    """A worker that has no backoffs yet."""
    return DeliveryWorker(SITE, "a test worker")


def deliver_due(now: datetime | None = None) -> int:
    """Send what is due; returns how many deliveries were processed."""
    return delivery_worker().deliver_due(now)


def pending_email(user: User, title: str = "Resume Processed: cv.pdf", **fields: object) -> Delivery:
    """An email that is due, with its notification."""
    row = factories.notification(
        user, title, notification_type="resume_processed", status="pending", sent_at=None
    )
    return factories.delivery(row, address=fields.pop("address", user.email), **fields)  # type: ignore[arg-type]


def reload(delivery: Delivery) -> Delivery:
    """The delivery as it is in the database now."""
    return db.session.get_one(Delivery, delivery.id, populate_existing=True)
