"""Gives back what senders held when they died."""

from __future__ import annotations

from datetime import datetime

from app.services.sending import outbox


def run(now: datetime | None = None, _progress: object = None) -> int:
    """Give back lapsed claims; how many there were."""
    return outbox.sweep(now)
