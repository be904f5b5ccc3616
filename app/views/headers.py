"""The headers that every answer carries."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request

ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)


def register(app: Flask) -> None:
    """Add the headers to everything this application answers."""
    app.after_request(add)


def add(response: Response) -> Response:
    """Say what a page may load (CSP level 3), who may frame it, and that it is nobody else's to keep.

    A view that needs another policy for its own answer sets it itself; what is set is kept.
    """
    headers = response.headers
    present = {name.lower() for name, _value in headers}
    wanted = (("Content-Security-Policy", _policy()), *ALWAYS)
    headers.extend([(name, value) for name, value in wanted if name.lower() not in present])
    if "cache-control" not in present and response.mimetype == "text/html":
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
