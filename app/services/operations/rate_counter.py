"""Counts API calls in Redis, for all processes. Imported only by installations with a `REDIS_URL`."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CounterUnavailable = redis.RedisError
# API calls wait for this; if it takes longer, each process counts for itself.
TIMEOUT_SECONDS = 0.25


class SharedCounter:
    """Counts calls in windows that begin with a caller's first call."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )

    def count(self, caller: str, seconds: int) -> tuple[int, float]:
        """Count a call; returns the number of calls in the window and the seconds until it ends.

        Raises:
            CounterUnavailable: Redis does not respond.
        """
        key = f"bellhop:calls:{caller}"
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(key, 0, ex=seconds, nx=True)
            pipeline.incr(key)
            pipeline.pttl(key)
            _is_new, count, milliseconds = pipeline.execute()
        if (
            milliseconds < 0
        ):  # The window ended between `set` and `incr`; without this it would never end again.
            self._redis.expire(key, seconds)
            milliseconds = seconds * 1000
        return int(count), milliseconds / 1000

    def check(self) -> None:
        """Check that Redis responds. Raises CounterUnavailable."""
        self._redis.ping()
