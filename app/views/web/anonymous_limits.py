"""Limits how often one address may use the forms that need no sign-in.

Behind a proxy, `request.remote_addr` is the client's address only if `TRUSTED_PROXIES` says so; otherwise all people
share these limits, which is why they are wide.
"""

from __future__ import annotations

import time

from flask import Flask, current_app, request
from flask_babel import ngettext
from werkzeug.exceptions import TooManyRequests

from app.services.base.networks import network_of
from app.services.operations.rate_limiter import RateLimiter, rate_limiter
from app.views.web.auth import visitor

# Requests, and the seconds in which they are counted, by endpoint.
LIMITS = {
    "accounts.begin_session": (300, 60),
    "accounts.check_code": (300, 60),
    "accounts.request_reset": (30, 900),
    "accounts.choose_password": (60, 900),
    "setup.create": (60, 900),
    # Another system, which may report hundreds of candidates at once.
    "sources.receive": (1200, 60),
}
# Everything else that a form sends without a session.
OTHERS = (600, 60)


def register(app: Flask) -> None:
    """Count before each request of a form that needs no sign-in."""
    limits = {*LIMITS.values(), OTHERS}
    app.extensions["anonymous_limits"] = {
        limit: rate_limiter(limit, app.config["REDIS_URL"]) for limit in limits
    }
    app.before_request(_count)


def _count() -> None:
    # A signed-in reader is known, and the API counts its own callers.
    if request.method in {"GET", "HEAD", "OPTIONS"} or request.path.startswith("/api/"):
        return
    # The cookie alone proves nothing: visitors have one too.
    if request.endpoint not in LIMITS and visitor().is_authenticated:
        return
    limit = LIMITS.get(request.endpoint or "", OTHERS)
    limiter: RateLimiter = current_app.extensions["anonymous_limits"][limit]
    left, seconds = limiter.count(
        f"{request.endpoint} {network_of(request.remote_addr or '')}", time.monotonic()
    )
    if left < 0:
        minutes = -(-seconds // 60)
        text = ngettext(
            "There were too many requests from your network. Try again in %(num)d minute.",
            "There were too many requests from your network. Try again in %(num)d minutes.",
            minutes,
        )
        raise TooManyRequests(text, retry_after=seconds)
