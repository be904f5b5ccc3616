"""Writes announcements that are too large for the request that made them. Any number of processes may do it at once."""

from __future__ import annotations

from datetime import datetime

from app.services import announcement_writing


def run(now: datetime | None = None, _progress: object = None) -> int:
    """Write until nothing is left; how many people it was written to."""
    return announcement_writing.write_due(now)
