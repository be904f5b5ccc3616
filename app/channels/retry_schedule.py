"""When a delivery that failed for now is tried again."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

MINUTE, HOUR = 60, 3600

# Seconds before each try. Mail: growing to 8 hours, 96 hours in all.
SCHEDULES: dict[str, tuple[int, ...]] = {
    "email": (
        *(0, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),
        *(8 * HOUR for _ in range(11)),
    ),
    "webhook": (
        *(0, 5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR),
        *(5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
    ),
}
# SMS, push and whatever is new: worth less the later they come.
DEFAULT = (0, 5, 30, 2 * MINUTE, 10 * MINUTE, HOUR)
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
    schedule = SCHEDULES.get(channel, DEFAULT)
    if attempts >= len(schedule):
        return None
    # Jitter, so that what failed together does not come back together.
    seconds = schedule[attempts] * random.uniform(0.8, 1.2)  # noqa: S311 (nobody gains by guessing it)
    return now + timedelta(seconds=max(seconds, retry_after or 0))
