"""Two notifications and the summary that counts them."""

from __future__ import annotations

from datetime import timedelta

from app.clock import utc_now
from app.models import User
from tests.support import factories

SUMMARY = {
    "total": 2,
    "unread": 1,
    "by_type": {"interview_scheduled": 1, "job_created": 1},
    "by_category": {"interview": 1, "job": 1},
    "by_priority": {"urgent": 1, "medium": 1},
    "by_status": {"sent": 1, "read": 1},
    "by_channel": {"email": 1},
    "last_7_days": 1,
    "last_30_days": 2,
}


def notifications_of_summary(user: User) -> None:
    """Write a new urgent notification, and an old one that was read and sent by email."""
    long_ago = utc_now() - timedelta(days=20)
    factories.notification(user, priority="urgent")
    old = factories.notification(
        user, notification_type="job_created", read_at=utc_now(), created_at=long_ago
    )
    factories.delivery(old, state="sent", reason="sent")
