"""Limit the number of calls per caller: 429 beyond it, and the remaining calls on every response.

The header fields are those of draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy` and `RateLimit`.
"""

from __future__ import annotations

import time

from flask import Flask, Response, current_app, g
from flask_babel import gettext as _
from werkzeug.exceptions import TooManyRequests

from app.services.operations.rate_limiter import RateLimiter, rate_limiter


def register(app: Flask) -> None:
    """Set up the limit from `API_RATE_LIMIT`, shared between processes if `REDIS_URL` is set."""
    app.extensions["api_limits"] = rate_limiter(app.config["API_RATE_LIMIT"], app.config["REDIS_URL"])


def count(caller: str) -> None:
    """Count one call of this caller.

    Raises:
        TooManyRequests: the limit is exceeded.
    """
    limiter: RateLimiter = current_app.extensions["api_limits"]
    left, seconds = limiter.count(caller, time.monotonic())
    g.limit_headers = (
        ("RateLimit-Policy", f'"default";q={limiter.calls};w={limiter.seconds}'),
        ("RateLimit", f'"default";r={max(left, 0)};t={seconds}'),
    )
    if left < 0:
        raise TooManyRequests(
            _("Too many calls. Try again in %(n)s seconds.", n=seconds), retry_after=seconds
        )


def add_limit_headers(response: Response) -> Response:
    """Add the limit and the remaining calls to a response."""
    for name, value in g.get("limit_headers", ()):
        response.headers.add(name, value)
    return response
