"""The JSON API. Each module is one noun with its blueprint; this file registers them."""

from __future__ import annotations

from apiflask import APIBlueprint, APIFlask
from flask import Response, request
from flask_wtf.csrf import CSRFError

from app.api import (
    announcements,
    deliveries,
    events,
    follows,
    notifications,
    people,
    preferences,
    rooms,
    saved_views,
    sources,
    subscriptions,
    template_drafts,
    templates,
    tokens,
    webhooks,
)
from app.api.http import auth, problems, rate_limits, responses
from app.api.openapi import document
from app.extensions import csrf

NOUNS = (
    notifications,
    saved_views,
    follows,
    preferences,
    announcements,
    templates,
    template_drafts,
    events,
    deliveries,
    people,
    tokens,
    webhooks,
    subscriptions,
    sources,
    rooms,
)


def register(app: APIFlask) -> None:
    """Register the calls under `/api/` with their authentication and error handling."""
    # Serve URLs with and without the trailing slash, because a redirect would lose the body of a POST.
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    api = APIBlueprint("api", __name__, url_prefix="/api")
    problems.register(app, api)
    api.register_error_handler(auth.Unauthorized, auth.unauthorized)
    api.register_error_handler(CSRFError, auth.bad_csrf)
    rate_limits.register(app)
    api.after_request(_finish)
    for noun in NOUNS:
        # Bearer tokens need no CSRF protection; `auth` checks it for sessions.
        csrf.exempt(noun.bp)
        api.register_blueprint(noun.bp)
    app.register_blueprint(api)
    document.register(app)


def _finish(response: Response) -> Response:
    """Add ETag, rate limit and compression to every response of the API."""
    response.headers.add("Vary", "Authorization, Cookie, Accept-Encoding")
    if response.status_code == 200 and "ETag" not in response.headers and request.method in {"GET", "HEAD"}:
        responses.with_etag(response)
    return responses.gzipped(rate_limits.add_limit_headers(response))
