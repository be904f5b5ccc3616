"""Counts of a person's notifications."""

from __future__ import annotations

from datetime import timedelta

from app.clock import utc_now
from app.models import User
from app.services.notifications import counts
from tests.support import factories


def test_the_summary_counts_by_type_priority_status_channel_and_age(owner: User, stranger: User) -> None:
    factories.notification(owner, priority="urgent")
    old = factories.notification(
        owner, notification_type="job_created", read_at=utc_now(), created_at=utc_now() - timedelta(days=20)
    )
    factories.delivery(old, state="sent", reason="sent")
    factories.notification(stranger)
    assert counts.summary(owner) == {
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
