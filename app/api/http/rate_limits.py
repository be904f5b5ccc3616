"""How many calls a caller may make: 429 beyond, and on every answer how much is left.

The fields are those of draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy` and `RateLimit`.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from flask import Flask, Response, current_app, g
from flask_babel import gettext as _
from werkzeug.exceptions import TooManyRequests

if TYPE_CHECKING:
    from app.services.operations.rate_counter import SharedCounter

log = logging.getLogger(__name__)
# Callers remembered at once; when there are more, those whose window is over are forgotten.
MAX_CALLERS = 10_000
# How long to leave a counter alone that did not answer: asking it holds every call up.
ALONE_SECONDS = 5.0


class Allowance(NamedTuple):
    """What a caller has left, negative for a call too many, and in how many seconds all of it is back."""

    left: int
    seconds: int


class Limits:
    """One limit for every caller, counted in the memory of this process, in windows that begin with the first call."""

    def __init__(self, calls: int, seconds: int) -> None:
        self.calls, self.seconds = calls, seconds
        self.policy = f'"default";q={calls};w={seconds}'
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}

    def count(self, caller: str, now: float) -> Allowance:
        """Count one call at a moment of a monotonic clock."""
        with self._lock:
            ends_at, made = self._windows.get(caller, (0.0, 0))
            if now >= ends_at:
                ends_at, made = now + self.seconds, 0
                self._forget_over(now)
            self._windows[caller] = (ends_at, made + 1)
        return Allowance(self.calls - made - 1, math.ceil(ends_at - now))

    def _forget_over(self, now: float) -> None:
        if len(self._windows) >= MAX_CALLERS:
            self._windows = {who: window for who, window in self._windows.items() if window[0] > now}


class SharedLimits(Limits):
    """The same for all processes together; while their counter does not answer, each counts alone."""

    def __init__(self, calls: int, seconds: int, counts: SharedCounter) -> None:
        super().__init__(calls, seconds)
        self._counts, self._alone_until = counts, 0.0

    def count(self, caller: str, now: float) -> Allowance:
        """Count one call; see `Limits.count`."""
        from app.services.operations.rate_counter import CounterUnavailable

        if now < self._alone_until:
            return super().count(caller, now)
        try:
            made, seconds = self._counts.count(caller, self.seconds)
        except CounterUnavailable as error:
            log.warning("Redis does not answer, so each process counts the calls of the API alone: %s", error)
            self._alone_until = now + ALONE_SECONDS
            return super().count(caller, now)
        return Allowance(self.calls - made, max(math.ceil(seconds), 1))


def register(app: Flask) -> None:
    """Set up the limit that `API_RATE_LIMIT` names, shared by all processes where there is a `REDIS_URL`."""
    app.extensions["api_limits"] = _limits(app.config["API_RATE_LIMIT"], app.config["REDIS_URL"])


def _limits(rate: tuple[int, int], redis_url: str) -> Limits:
    if not redis_url:
        return Limits(*rate)
    # Here, not above: whoever has no Redis need not load its client.
    from app.services.operations.rate_counter import SharedCounter

    return SharedLimits(*rate, SharedCounter(redis_url))


def count(caller: str) -> None:
    """Count a call of this caller.

    Raises:
        TooManyRequests: it is one too many.
    """
    limits: Limits = current_app.extensions["api_limits"]
    left, seconds = limits.count(caller, time.monotonic())
    g.allowance = f'"default";r={max(left, 0)};t={seconds}'
    if left < 0:
        raise TooManyRequests(
            _("Too many calls. Try again in %(n)s seconds.", n=seconds), retry_after=seconds
        )


def add_limit_headers(response: Response) -> Response:
    """Say on an answer what the limit is and how much of it is left."""
    if allowance := g.get("allowance"):
        response.headers.add("RateLimit-Policy", current_app.extensions["api_limits"].policy)
        response.headers.add("RateLimit", allowance)
    return response
