"""Counts that all processes share, kept in Redis. Only an installation with a `REDIS_URL` imports this."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CounterUnavailable = redis.RedisError
# A call of the API waits for this: better to count alone than to be slow.
SECONDS = 0.25


class SharedCounter:
    """Calls counted in windows that begin with a caller's first call and are then forgotten."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, retry=Retry(NoBackoff(), 0)
        )

    def count(self, caller: str, seconds: int) -> tuple[int, float]:
        """Count one call: how many there are now in the window, and for how many seconds it lasts.

        Raises:
            Trouble: Redis does not answer.
        """
        key = f"bellhop:calls:{caller}"
        with self._redis.pipeline(transaction=True) as both:
            both.set(key, 0, ex=seconds, nx=True)
            both.incr(key)
            both.pttl(key)
            _is_new, made, left = both.execute()
        if left < 0:  # It ended between the first and the second: without this it would never end again.
            self._redis.expire(key, seconds)
            left = seconds * 1000
        return int(made), left / 1000

    def check(self) -> None:
        """Ask whether it is there. Raises Trouble."""
        self._redis.ping()
