"""The progress of an announcement is counted by channel and outcome."""

from __future__ import annotations

from collections import Counter

from app.models import User
from app.services.announcements import management as announcement_management
from app.services.announcements import progress as announcement_progress
from app.services.announcements.validation import AnnouncementRequest
from tests.support import factories
from tests.support.announcements import NEWS


def test_progress_counts_deliveries_by_channel_and_outcome(bob: User) -> None:
    factories.user("quiet@example.test", preference={"email_enabled": False})
    made = announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    assert announcement_progress.count_deliveries(made) == {
        "in_app": Counter(sent=2),
        "email": Counter(waiting=1, withheld=1),
    }
