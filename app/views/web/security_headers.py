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
            wanted = _wanted(app.config["STATIC_URL"], app.config["BASE_URL"], environ["wsgi.url_scheme"])
            # A view may set its own policy.
            present = {name.lower() for name, _value in headers}
            missing = [(name, value) for name, key, value in wanted if key not in present]
            server: Any = getattr(start_response, "__self__", None)
            if not hasattr(server, "process_headers"):
                return start_response(status, headers + missing, *error)
            # gunicorn checks each header, in ten calls. What it has checked is in its list.
            write = start_response(status, headers, *error)
            server.headers += missing
            return write

        return inner(environ, start)

    app.wsgi_app = with_headers  # type: ignore[method-assign]  # how Flask wants middleware to be added


@lru_cache(maxsize=8)
def _wanted(static_url: str, base_url: str, scheme: str) -> list[tuple[str, str, str]]:
    """Return the headers of a response, each with its name in lower case."""
    wanted = [("Content-Security-Policy", _policy(static_url)), *ALWAYS]
    # Responses are personal, and a list must be current after going back to it. Static files set their own lifetime.
    wanted.append(("Cache-Control", "private, no-store"))
    # A proxy may end TLS without saying so, but BASE_URL says it. Browsers ignore the header over http (RFC 6797, 8.1).
    if scheme == "https" or base_url.startswith("https:"):
        wanted.append(("Strict-Transport-Security", _transport_policy(base_url)))
    return [(name, name.lower(), value) for name, value in wanted]


def _transport_policy(base_url: str) -> str:
    # Below a path, the host and its subdomains belong to others, too.
    return "max-age=31536000" if urlsplit(base_url).path else "max-age=31536000; includeSubDomains"


def _policy(static_url: str) -> str:
    cdn = urlsplit(static_url)
    files = f"'self' {cdn.scheme}://{cdn.netloc}" if cdn.netloc else "'self'"
    return (
        f"default-src 'self'; script-src {files}; style-src {files}; img-src {files} data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
