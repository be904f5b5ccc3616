"""A mail as a page of its own, for the frame that shows it."""

from __future__ import annotations

from flask import Response, make_response


def frame_email(html: str) -> Response:
    """The HTML of a mail. It brings its own styles, which our pages' policy forbids, and may do nothing else, framed
    or opened alone."""
    response = make_response(html)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    )
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response
