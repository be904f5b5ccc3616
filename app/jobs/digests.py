"""Sends the digests and summaries that are due."""

from __future__ import annotations

from datetime import datetime

from app.catalog import DAILY_DIGEST, WEEKLY_SUMMARY
from app.jobs.scheduler import Progress, no_progress
from app.services.digests import settle


def run_daily(now: datetime | None = None, progress: Progress = no_progress) -> int:
    """Send daily digests; how many."""
    return settle.send_due(DAILY_DIGEST, now, progress)


def run_weekly(now: datetime | None = None, progress: Progress = no_progress) -> int:
    """Send weekly summaries; how many."""
    return settle.send_due(WEEKLY_SUMMARY, now, progress)
