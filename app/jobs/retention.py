"""Deletes what is older than it is kept."""

from __future__ import annotations

from datetime import datetime

from app.jobs.scheduler import Progress, no_progress
from app.services.operations import retention


def run(now: datetime | None = None, progress: Progress = no_progress) -> int:
    """Delete it; how many rows."""
    return retention.purge(now, progress)
