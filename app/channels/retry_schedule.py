"""Computes when a delivery that failed temporarily is retried. The schedules are in the catalog."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from app import catalog

# All deliveries to a failing webhook wait as after this number of attempts at most: 2 hours.
MAX_ENDPOINT_ATTEMPTS = 4
# A message without a response may have arrived. It is repeated once, after a late arrival would have shown.
AFTER_UNCERTAIN = timedelta(minutes=15)

# An admin may fix our settings at any time, so messages that wait for it are tried at least this often.
LONGEST_FOR_OUR_FAULT = timedelta(minutes=10)


def next_attempt_at(
    channel: str, attempts: int, now: datetime, *, retry_after: float | None = None
) -> datetime | None:
    """Return when to try again, or None at the end of the schedule.

    Args:
        attempts: how many attempts there were, including the one that just failed.
        retry_after: how many seconds the other side asked to wait; the result is never earlier.
    """
    schedule = catalog.CHANNELS[channel].retry_seconds
    if attempts >= len(schedule):
        return None
    # Jitter, so that deliveries that failed together are not retried together.
    seconds = schedule[attempts] * random.uniform(0.8, 1.2)  # noqa: S311 (not a secret)
    return now + timedelta(seconds=max(seconds, retry_after or 0))


def next_attempt_after_our_fault(channel: str, attempts: int, now: datetime) -> datetime:
    """Return when to try a message again that our settings kept from being sent. Its schedule has no end."""
    last = len(catalog.CHANNELS[channel].retry_seconds) - 1
    scheduled = next_attempt_at(channel, min(attempts, last), now)
    latest = now + LONGEST_FOR_OUR_FAULT
    return min(scheduled, latest) if scheduled else latest
