"""Deliveries per day in the last two weeks."""

from __future__ import annotations

from datetime import timedelta

from app.clock import utc_now
from app.models import User
from app.services.deliveries import chart
from tests.support import factories


def test_chart_counts_days_in_the_readers_time_zone(owner: User) -> None:
    now = utc_now().replace(hour=10, minute=30)  # 23:30 in Apia
    note = factories.notification(owner)
    for number, (hours, state) in enumerate(
        [(0, "sent"), (23, "sent"), (24, "failed"), (25, "pending"), (500, "sent")]
    ):
        factories.delivery(
            note, state=state, created_at=now - timedelta(hours=hours), address=f"{number}@example.test"
        )
    # What is in the inbox was not sent by a server.
    factories.delivery(note, "in_app", state="sent", created_at=now, address="")
    days = chart.daily_counts(owner, now)
    assert len(days) == chart.DAYS
    assert days[-1].counts == {"sent": 2, "in_app": 1, "kept": 0, "failed": 0, "waiting": 0}
    assert days[-2].counts == {"sent": 0, "in_app": 0, "kept": 0, "failed": 1, "waiting": 1}
    assert sum(day.total for day in days) == 5
