"""Publishes events about interviews."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.models import User
from app.services.events import publish as event_publish
from tests.support import factories


def publish_interview(
    kind: str,
    user: User,
    at: datetime,
    starts_at: datetime | None = None,
    number: str = "iv-1",
    *,
    now: datetime | None = None,
) -> None:
    """Publish an event about an hour's interview of a recruiter.

    Args:
        at: when it happened.
        starts_at: without it, the event has no details (`interview.completed`).
        number: the platform's id of the interview.
        now: when it arrived; by default, when it happened.
    """
    data: dict[str, Any] = {"id": number}
    if starts_at is not None:
        data |= {"starts_at": starts_at, "ends_at": starts_at + timedelta(hours=1)}
        data |= {"candidate_name": "Priya Raman"}
        data |= {"job_title": "Staff Data Engineer", "company_name": "Alder Robotics"}
    event = event_publish.IncomingEvent("/test", f"ev-{factories.unique()}", kind, at, data, [user.email])
    event_publish.publish(event, now=now or at)
