"""Limits on how often a caller may do something, counted in this process or, through Redis, in all of them."""

from __future__ import annotations

import logging
import math
import threading
from typing import NamedTuple, Protocol, TypeVar

Window = TypeVar("Window", bound=tuple[float, *tuple[int, ...]])
log = logging.getLogger(__name__)
# Callers held in memory; beyond this number, those whose window has ended are dropped.
MAX_CALLERS = 10_000
# Seconds between checks for Redis while it is away.
CHECK_SECONDS = 5.0
# A process reserves a fiftieth of the calls that a caller has left, so that most calls need not ask Redis. No caller
# gets more than the limit, but may miss what a process has reserved and not used.
PARTS = 50


class Counter(Protocol):
    """Counts calls for several processes; `rate_counter.SharedCounter` does."""

    def reserve(self, caller: str, limit: int, seconds: int, parts: int) -> tuple[int, int, float]:
        """Count a part of a caller's remaining calls in advance, at least one.

        Returns:
            how many were counted (0: the limit is reached), how many are left, and the seconds until the window ends.
        """
        ...

    def check(self) -> None:
        """Check that the counter responds."""
        ...


class Allowance(NamedTuple):
    """The calls a caller has left (negative when exceeded), and the seconds until the limit resets."""

    left: int
    seconds: int


class _Reserve(NamedTuple):
    """A caller's window: when it ends, the calls that this process has counted in advance, and those left beyond them.

    Beyond the limit, there are no calls and -1 left.
    """

    ends_at: float
    calls: int
    left: int


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
                self._windows = _without_ended(self._windows, now)
            self._windows[caller] = (ends_at, calls_made + 1)
        return Allowance(self.calls - calls_made - 1, math.ceil(ends_at - now))


class SharedRateLimiter(RateLimiter):
    """A limit shared by all processes through Redis; while Redis fails, each process counts alone."""

    def __init__(self, calls: int, seconds: int, counter: Counter) -> None:
        super().__init__(calls, seconds)
        self._counter = counter
        self._is_away, self._check_at = False, 0.0
        self._asking = threading.Lock()
        self._reserves: dict[str, _Reserve] = {}

    def count(self, caller: str, now: float) -> Allowance:
        """Count one call; see `RateLimiter.count`."""
        allowance = self._take(caller, now)
        if allowance is None:
            # One thread at a time: the next ones take from what it has reserved, or see that Redis is away.
            with self._asking:
                allowance = self._take(caller, now) or self._reserve(caller, now)
        return allowance

    def _take(self, caller: str, now: float) -> Allowance | None:
        """Take one of the reserved calls; None if there is none and Redis has to be asked."""
        with self._lock:
            ends_at, calls, left = self._reserves.get(caller, _Reserve(0.0, 0, 0))
            if now >= ends_at or (calls == 0 and left >= 0):
                return None
            calls = max(calls - 1, 0)
            self._reserves[caller] = _Reserve(ends_at, calls, left)
        return Allowance(calls + left, math.ceil(ends_at - now))

    def _reserve(self, caller: str, now: float) -> Allowance:
        from app.services.operations.rate_counter import CounterUnavailable

        if self._is_away:
            self._check_later(now)
            return super().count(caller, now)
        try:
            calls, left, seconds = self._counter.reserve(caller, self.calls, self.seconds, PARTS)
        except CounterUnavailable as error:
            log.warning("Redis is unavailable, so each process counts API calls on its own: %s", error)
            self._is_away, self._check_at = True, now + CHECK_SECONDS
            return super().count(caller, now)
        reserve = _Reserve(now + seconds, calls - 1, left) if calls else _Reserve(now + seconds, 0, -1)
        with self._lock:
            self._reserves = _without_ended(self._reserves, now)
            self._reserves[caller] = reserve
        return Allowance(reserve.calls + reserve.left, max(math.ceil(seconds), 1))

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


def _without_ended(windows: dict[str, Window], now: float) -> dict[str, Window]:
    """Drop the windows that have ended if there are many; a window begins with the instant at which it ends."""
    if len(windows) < MAX_CALLERS:
        return windows
    return {caller: window for caller, window in windows.items() if window[0] > now}


def rate_limiter(rate: tuple[int, int], redis_url: str) -> RateLimiter:
    """Make a limiter, shared between processes if there is a Redis."""
    if not redis_url:
        return RateLimiter(*rate)
    # Imported here because installations without Redis should not load its client.
    from app.services.operations.rate_counter import SharedCounter

    return SharedRateLimiter(*rate, SharedCounter(redis_url))
