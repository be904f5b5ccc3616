"""Serves an email for the frame that shows it."""

from __future__ import annotations

from flask import Response, make_response


def frame_email(html: str) -> Response:
    """Make the response for the HTML of an email.

    It may use its own styles, which the policy of our pages forbids, and nothing else, framed or opened directly.
    """
    response = make_response(html)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    )
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response
