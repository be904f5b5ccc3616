"""Reminds of interviews ahead, and of evaluations that are missing."""

from __future__ import annotations

from datetime import datetime

from app.jobs.scheduler import Progress, no_progress
from app.services.interviews import evaluations, reminders


def run(now: datetime | None = None, _progress: Progress = no_progress) -> int:
    """Send what is due; how many people were reminded."""
    return reminders.remind_due(now) + evaluations.remind_due(now)
