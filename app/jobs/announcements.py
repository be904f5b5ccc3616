"""Writes announcements that are too large for the request that made them. Any number of processes may do it at once."""

from __future__ import annotations

from datetime import datetime

from app.services.announcements import writer


def run(now: datetime | None = None, _progress: object = None) -> int:
    """Write until nothing is left; how many people it was written to."""
    return writer.write_due(now)
