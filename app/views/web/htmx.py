"""The only place that reads or writes HX- headers."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, make_response, request


def is_partial() -> bool:
    """Whether htmx asks for pieces of a page; a restored history entry needs the page."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def page_path() -> str:
    """Path and query of the page that htmx asks from; its own request is for a piece of that page."""
    parts = urlsplit(request.headers.get("HX-Current-URL", ""))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def vary(body: str | Response, status: int = 200) -> Response:
    """An answer of an address that serves both a page and its pieces: caches must keep them apart."""
    response = make_response(body, status)
    response.vary.add("HX-Request")
    return response


def go(url: str) -> Response:
    """Tell htmx to load another page; a redirect would be followed and swapped into this one."""
    response = make_response("", 204)
    response.headers["HX-Redirect"] = url
    return response
