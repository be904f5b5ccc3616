"""Limits on how often a caller may do something, counted in this process or, through Redis, in all of them."""

from __future__ import annotations

import logging
import math
import threading
from typing import NamedTuple, Protocol

log = logging.getLogger(__name__)
# Callers held in memory; beyond this number, those whose window has ended are dropped.
MAX_CALLERS = 10_000
# Seconds between checks for Redis while it is away.
CHECK_SECONDS = 5.0


class Counter(Protocol):
    """Counts calls for several processes; `rate_counter.SharedCounter` does."""

    def count(self, caller: str, seconds: int) -> tuple[int, float]:
        """Count one call; return the calls in the window, and the seconds that are left of it."""
        ...

    def check(self) -> None:
        """Check that the counter responds."""
        ...


class Allowance(NamedTuple):
    """The calls a caller has left (negative when exceeded), and the seconds until the limit resets."""

    left: int
    seconds: int


class RateLimiter:
    """One limit for all callers, counted in this process in fixed windows that start with the first call."""

    def __init__(self, calls: int, seconds: int) -> None:
        self.calls, self.seconds = calls, seconds
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}

    def count(self, caller: str, now: float) -> Allowance:
        """Count one call; `now` is the time of a monotonic clock in seconds."""
        with self._lock:
            ends_at, calls_made = self._windows.get(caller, (0.0, 0))
            if now >= ends_at:
                ends_at, calls_made = now + self.seconds, 0
                self._drop_ended_windows(now)
            self._windows[caller] = (ends_at, calls_made + 1)
        return Allowance(self.calls - calls_made - 1, math.ceil(ends_at - now))

    def _drop_ended_windows(self, now: float) -> None:
        if len(self._windows) >= MAX_CALLERS:
            self._windows = {who: window for who, window in self._windows.items() if window[0] > now}


class SharedRateLimiter(RateLimiter):
    """A limit shared by all processes through Redis; while Redis fails, each process counts alone."""

    def __init__(self, calls: int, seconds: int, counter: Counter) -> None:
        super().__init__(calls, seconds)
        self._counter = counter
        self._is_away, self._check_at = False, 0.0

    def count(self, caller: str, now: float) -> Allowance:
        """Count one call; see `RateLimiter.count`."""
        from app.services.operations.rate_counter import CounterUnavailable

        if self._is_away:
            self._check_later(now)
            return super().count(caller, now)
        try:
            calls_made, seconds = self._counter.count(caller, self.seconds)
        except CounterUnavailable as error:
            log.warning("Redis is unavailable, so each process counts API calls on its own: %s", error)
            self._is_away, self._check_at = True, now + CHECK_SECONDS
            return super().count(caller, now)
        return Allowance(self.calls - calls_made, max(math.ceil(seconds), 1))

    def _check_later(self, now: float) -> None:
        """Check Redis in a thread: a Redis that hangs must not delay the call."""
        if now >= self._check_at:
            self._check_at = now + CHECK_SECONDS
            threading.Thread(target=self._check, name="redis-check", daemon=True).start()

    def _check(self) -> None:
        from app.services.operations.rate_counter import CounterUnavailable

        try:
            self._counter.check()
        except CounterUnavailable:
            return
        log.warning("Redis responds again, so processes count API calls together.")
        self._is_away = False


def rate_limiter(rate: tuple[int, int], redis_url: str) -> RateLimiter:
    """Make a limiter, shared between processes if there is a Redis."""
    if not redis_url:
        return RateLimiter(*rate)
    # Imported here because installations without Redis should not load its client.
    from app.services.operations.rate_counter import SharedCounter

    return SharedRateLimiter(*rate, SharedCounter(redis_url))
