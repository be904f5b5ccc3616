"""Adds the security headers to every response."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)


def register(app: Flask) -> None:
    """Add the headers to every response.

    As WSGI middleware, because a Flask response would validate each of these constants again and copy them twice.
    """
    inner = app.wsgi_app

    def with_headers(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, headers + _missing(headers, environ, app.config), *error)

        return inner(environ, start)

    app.wsgi_app = with_headers  # type: ignore[method-assign]  # how Flask wants middleware to be added


def _missing(
    headers: list[tuple[str, str]], environ: WSGIEnvironment, config: dict[str, Any]
) -> list[tuple[str, str]]:
    """Return the headers that a response lacks; a view may set its own policy."""
    present = {name.lower(): value for name, value in headers}
    wanted = [("Content-Security-Policy", _policy(config["STATIC_URL"])), *ALWAYS]
    # Responses are personal, and a list must be current after going back to it. Static files set their own lifetime.
    wanted.append(("Cache-Control", "private, no-store"))
    # A proxy may end TLS without saying so, but BASE_URL says it. Browsers ignore the header over http (RFC 6797, 8.1).
    if environ["wsgi.url_scheme"] == "https" or config["BASE_URL"].startswith("https:"):
        wanted.append(("Strict-Transport-Security", _transport_policy(config["BASE_URL"])))
    return [(name, value) for name, value in wanted if name.lower() not in present]


@lru_cache(maxsize=4)
def _transport_policy(base_url: str) -> str:
    # Below a path, the host and its subdomains belong to others, too.
    return "max-age=31536000" if urlsplit(base_url).path else "max-age=31536000; includeSubDomains"


@lru_cache(maxsize=4)
def _policy(static_url: str) -> str:
    cdn = urlsplit(static_url)
    files = f"'self' {cdn.scheme}://{cdn.netloc}" if cdn.netloc else "'self'"
    return (
        f"default-src 'self'; script-src {files}; style-src {files}; img-src {files} data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
