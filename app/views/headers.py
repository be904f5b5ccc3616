"""The headers that every answer carries."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request


def register(app: Flask) -> None:
    """Add the headers to everything this application answers."""
    app.after_request(add)


def add(response: Response) -> Response:
    """Say what a page may load (CSP level 3), who may frame it, and that it is nobody else's to keep.

    A view that needs another policy for its own answer sets it itself; what is set is kept.
    """
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if "Cache-Control" not in headers and response.mimetype == "text/html":
        # Pages are one person's, and the list must be true after going back to it.
        headers["Cache-Control"] = "private, no-store"
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _policy() -> str:
    cdn = urlsplit(current_app.config["STATIC_URL"])
    files = f"'self' {cdn.scheme}://{cdn.netloc}" if cdn.netloc else "'self'"
    return (
        f"default-src 'self'; script-src {files}; style-src {files}; img-src {files} data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
