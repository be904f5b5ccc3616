"""Counts of a person's notifications."""

from __future__ import annotations

from app.models import User
from app.services.notifications import counts
from tests.support import factories
from tests.support.summary import SUMMARY, notifications_of_summary


def test_the_summary_counts_by_type_priority_status_channel_and_age(owner: User, stranger: User) -> None:
    notifications_of_summary(owner)
    factories.notification(stranger)
    assert counts.summary(owner) == SUMMARY
