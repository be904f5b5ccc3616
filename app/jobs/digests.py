"""Sends the digests and summaries that are due."""

from __future__ import annotations

from datetime import datetime

from app.jobs.scheduler import Progress, say_nothing
from app.services.base.local_time import DAILY, WEEKLY
from app.services.digests import settle


def run_daily(now: datetime | None = None, progress: Progress = say_nothing) -> int:
    """Send daily digests; how many."""
    return settle.send_due(DAILY, now, progress)


def run_weekly(now: datetime | None = None, progress: Progress = say_nothing) -> int:
    """Send weekly summaries; how many."""
    return settle.send_due(WEEKLY, now, progress)
