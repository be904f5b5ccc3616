"""When a delivery that failed for now is tried again."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from app import catalog

# How far down its schedule a webhook that keeps failing rests as a whole: 2 hours.
MAX_BACKOFF = 4
# An unanswered message may have arrived: its one repetition waits until a late arrival would show.
AFTER_UNCERTAIN = timedelta(minutes=15)


def next_attempt_at(
    channel: str, attempts: int, now: datetime, *, retry_after: float | None = None
) -> datetime | None:
    """When to try again, or None when the schedule is at its end.

    Args:
        attempts: how many tries there were, the one that just failed included.
        retry_after: seconds that the other side asked for; never shortened.
    """
    schedule = catalog.CHANNELS[channel].retry_seconds
    if attempts >= len(schedule):
        return None
    # Jitter, so that what failed together does not come back together.
    seconds = schedule[attempts] * random.uniform(0.8, 1.2)  # noqa: S311 (nobody gains by guessing it)
    return now + timedelta(seconds=max(seconds, retry_after or 0))
