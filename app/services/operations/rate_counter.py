"""Counts API calls in Redis, for all processes. Imported only by installations with a `REDIS_URL`."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CounterUnavailable = redis.RedisError
# API calls wait for this; if it takes longer, each process counts for itself.
TIMEOUT_SECONDS = 0.25
# A script, because the client spends less on one command than on a transaction of three.
RESERVE = """
local limit, seconds, parts = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local left = limit - tonumber(redis.call("GET", KEYS[1]) or 0)
if left <= 0 then return {0, 0, redis.call("PTTL", KEYS[1])} end
local calls = math.max(math.floor(left / parts), 1)
if redis.call("INCRBY", KEYS[1], calls) == calls then redis.call("EXPIRE", KEYS[1], seconds) end
return {calls, left - calls, redis.call("PTTL", KEYS[1])}
"""


class SharedCounter:
    """Counts calls of all processes in windows that begin with a caller's first call."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._reserve = self._redis.register_script(RESERVE)

    def reserve(self, caller: str, limit: int, seconds: int, parts: int) -> tuple[int, int, float]:
        """Reserve calls in the window; see `rate_limiter.Counter.reserve`.

        Raises:
            CounterUnavailable: Redis does not respond.
        """
        key = f"bellhop:calls:{caller}"
        calls, left, milliseconds = self._reserve(keys=[key], args=[limit, seconds, parts])
        return int(calls), int(left), milliseconds / 1000

    def check(self) -> None:
        """Check that Redis responds. Raises CounterUnavailable."""
        self._redis.ping()
