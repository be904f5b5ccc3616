"""Remembers which hosts did not respond or asked for fewer messages, and for how long to leave them alone."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import NamedTuple

FIRST_BACKOFF, LONGEST_BACKOFF = 5.0, 60.0
# For how long a person counts as one whose browser or webhook did not respond.
UNREACHED_SECONDS = 600.0


class _Backoff(NamedTuple):
    """A wait: its seconds, and its end on the monotonic clock."""

    seconds: float
    until: float


class HostBackoff:
    """Backs off from the host of a channel, for longer each time, until something has been sent over it."""

    def __init__(self) -> None:
        self._backoffs: dict[str, _Backoff] = {}
        # When the endpoints of people and rooms last did not respond, by channel and owner.
        self._unreached: dict[str, dict[int | str, float]] = defaultdict(dict)

    def is_active(self, channel: str) -> bool:
        """Whether a channel is left alone now."""
        return channel in self._backoffs and time.monotonic() < self._backoffs[channel].until

    def start(self, channel: str) -> float:
        """Leave a channel alone; returns for how many seconds."""
        seconds = FIRST_BACKOFF
        if channel in self._backoffs:
            seconds = min(self._backoffs[channel].seconds * 2, LONGEST_BACKOFF)
        self._backoffs[channel] = _Backoff(seconds, time.monotonic() + seconds)
        return seconds

    def reset(self, channel: str) -> None:
        """Forget what failed over a channel, because something has been sent over it."""
        self._backoffs.pop(channel, None)
        self._unreached.pop(channel, None)

    def count_unreached(self, channel: str, owner: int | str) -> int:
        """Remember that an endpoint did not respond; returns to how many owners that lately applies.

        Args:
            owner: the id of a person, or the address of a room.
        """
        now = time.monotonic()
        recent = {who: at for who, at in self._unreached[channel].items() if now - at < UNREACHED_SECONDS}
        self._unreached[channel] = recent | {owner: now}
        return len(self._unreached[channel])
