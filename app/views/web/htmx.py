"""The only place that reads or writes HX- headers."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, make_response, request

from app.lean_flask import vary_by


def is_partial() -> bool:
    """Whether htmx asks for fragments; restoring a history entry needs the full page."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def page_path() -> str:
    """Return the path and query of the page that sent the htmx request."""
    parts = urlsplit(request.headers.get("HX-Current-URL", ""))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def vary(body: str | Response, status: int = 200) -> Response:
    """Make the response of a URL that serves both a page and its fragments: caches must keep them apart."""
    response = make_response(body, status)
    vary_by(response, "HX-Request")
    return response


def replace_address(response: Response, url: str) -> Response:
    """Tell htmx to show another URL in the address bar, without a step in the history."""
    response.headers["HX-Replace-Url"] = url
    return response


def go(url: str) -> Response:
    """Tell htmx to load another page. It would follow a redirect and swap the result into this one."""
    response = make_response("", 204)
    response.headers["HX-Redirect"] = url
    return response
