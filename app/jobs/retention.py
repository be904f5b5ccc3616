"""Deletes what is older than it is kept."""

from __future__ import annotations

from datetime import datetime

from app.jobs.scheduler import Progress, say_nothing
from app.services.operations import retention


def run(now: datetime | None = None, progress: Progress = say_nothing) -> int:
    """Delete it; how many rows."""
    return retention.purge(now, progress)
