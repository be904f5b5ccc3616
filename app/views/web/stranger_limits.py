"""Limits how often one address may use the forms that need no sign-in.

Behind a proxy, `request.remote_addr` is the client's address only if `TRUSTED_PROXIES` says so; otherwise all people
share these limits, which is why they are wide.
"""

from __future__ import annotations

import time

from flask import Flask, current_app, request
from flask_babel import ngettext
from werkzeug.exceptions import TooManyRequests

from app.services.operations.rate_limiter import RateLimiter, rate_limiter

# Requests, and the seconds in which they are counted, by endpoint.
LIMITS = {
    "accounts.begin_session": (300, 60),
    "accounts.request_reset": (30, 900),
    "accounts.choose_password": (60, 900),
}
# Everything else that a form sends without a session.
OTHERS = (600, 60)


def register(app: Flask) -> None:
    """Count before each request of a form that needs no sign-in."""
    limits = {*LIMITS.values(), OTHERS}
    app.extensions["stranger_limits"] = {
        limit: rate_limiter(limit, app.config["REDIS_URL"]) for limit in limits
    }
    app.before_request(_count)


def _count() -> None:
    # A signed-in reader is known, and the API counts its own callers.
    if request.method in {"GET", "HEAD", "OPTIONS"} or request.path.startswith("/api/"):
        return
    if request.endpoint not in LIMITS and current_app.config["SESSION_COOKIE_NAME"] in request.cookies:
        return
    limit = LIMITS.get(request.endpoint or "", OTHERS)
    limiter: RateLimiter = current_app.extensions["stranger_limits"][limit]
    left, seconds = limiter.count(f"{request.endpoint} {request.remote_addr}", time.monotonic())
    if left < 0:
        minutes = -(-seconds // 60)
        text = ngettext(
            "There were too many requests from your network. Try again in %(num)d minute.",
            "There were too many requests from your network. Try again in %(num)d minutes.",
            minutes,
        )
        raise TooManyRequests(text, retry_after=seconds)
