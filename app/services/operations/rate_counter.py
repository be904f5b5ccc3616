"""Counts API calls in Redis, for all processes. Imported only by installations with a `REDIS_URL`."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CounterUnavailable = redis.RedisError
# API calls wait for this; if it takes longer, each process counts for itself.
TIMEOUT_SECONDS = 0.25
# A script, because the client spends less on one command than on a transaction of three.
COUNT = """
local count = redis.call("INCR", KEYS[1])
if count == 1 then redis.call("EXPIRE", KEYS[1], ARGV[1]) end
return {count, redis.call("PTTL", KEYS[1])}
"""


class SharedCounter:
    """Counts calls in windows that begin with a caller's first call."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._count = self._redis.register_script(COUNT)

    def count(self, caller: str, seconds: int) -> tuple[int, float]:
        """Count a call; returns the number of calls in the window and the seconds until it ends.

        Raises:
            CounterUnavailable: Redis does not respond.
        """
        count, milliseconds = self._count(keys=[f"bellhop:calls:{caller}"], args=[seconds])
        return int(count), milliseconds / 1000

    def check(self) -> None:
        """Check that Redis responds. Raises CounterUnavailable."""
        self._redis.ping()
