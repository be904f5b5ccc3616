"""Errors as pages, or as toasts for htmx."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, TooManyRequests

from app.csrf import ForeignOrigin
from app.extensions import forget_user
from app.services.base import errors, outages
from app.views.web import htmx

TEXTS = {
    400: (
        _l("We couldn't read that request"),
        _l("It may have been damaged in transit. Go back and try again."),
    ),
    403: (_l("You don't have access"), _l("Admins only. Ask an admin for access.")),
    404: (_l("Page not found"), _l("It may have been deleted, or it belongs to someone else.")),
    405: (_l("Action not supported here"), _l("Go back and try again.")),
    409: (_l("This has changed"), _l("Someone else changed this first. Reload to see it.")),
    413: (_l("That's too large"), _l("The limit is 2 MB. Nothing was saved.")),
    422: (_l("Couldn't save"), _l("Some values aren't valid. Nothing was saved.")),
    429: (_l("Too many requests"), _l("Wait a minute, then try again.")),
    500: (_l("Something went wrong"), _l("Nothing you saved is lost. Try again in a moment.")),
    503: (_l("Bellhop is busy"), _l("Nothing is lost. Try again in a moment.")),
}
STATUS = {
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.Conflict: 409,
    errors.Busy: 503,
    errors.Invalid: 422,
}


def register(app: Flask) -> None:
    """Handle the errors of pages; the API handles its own, in JSON."""
    app.register_error_handler(CSRFError, handle_csrf_error)
    app.register_error_handler(HTTPException, handle_http_error)
    for error_class in STATUS:
        app.register_error_handler(error_class, handle_service_error)
    app.register_error_handler(SQLAlchemyError, handle_database_error)
    app.register_error_handler(500, handle_failure)


def handle_http_error(error: HTTPException) -> Response | HTTPException:
    """Render an HTTP error: unknown URL, wrong method, too large. Redirects pass through."""
    if error.code is None or error.code < 400:
        return error
    response = page(error.code, text=str(error.description) if isinstance(error, TooManyRequests) else "")
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            response.headers[name] = value
    return response


def handle_service_error(error: errors.ServiceError) -> Response:
    """Render the error message of a service."""
    if isinstance(error, errors.Invalid):
        messages = " ".join(error.errors.values())
        return page(400 if request.method == "GET" else 422, text=messages)
    response = page(STATUS[type(error)], text=str(error))
    if isinstance(error, errors.Busy):
        response.headers["Retry-After"] = str(outages.RETRY_AFTER)
    return response


def handle_csrf_error(error: CSRFError) -> Response:
    """Render the error of a form that belongs to an earlier session, or that another site may have sent."""
    g.refusal = "csrf.refused"  # For the audit log.
    base_url = current_app.config["BASE_URL"]
    if isinstance(error, ForeignOrigin):
        return page(400, _("This form came from another address"), _origin_advice(error.origin, base_url))
    if current_app.config["SESSION_COOKIE_NAME"] not in request.cookies:
        text = _(
            "Your browser didn't send Bellhop's cookie. Allow cookies, open %(url)s and try again.",
            url=base_url,
        )
        return page(400, _("We couldn't confirm that this is you"), text)
    return page(400, _("This page is out of date"), _("You signed in or out since it loaded. Reload it."))


def handle_database_error(error: SQLAlchemyError) -> Response:
    """Render a page that needs no database if it is unavailable; any other error is a failure.

    Raises:
        SQLAlchemyError: this error, which is a bug.
    """
    if not outages.is_outage(error):
        raise error
    outages.report(error)
    forget_user()
    response = page(
        503, text=_("The database is not responding. Nothing was changed. Try again in a moment.")
    )
    response.headers["Retry-After"] = str(outages.RETRY_AFTER)
    return response


def _origin_advice(origin: str, base_url: str) -> str:
    """Say where the form came from and, for the admin, which setting or header of the proxy can be wrong."""
    if origin == "null":
        return _("Your browser says that another site sent it. Open %(url)s and try again.", url=base_url)
    given, own = urlsplit(origin), urlsplit(base_url)
    header = "X-Forwarded-Proto" if given.hostname == own.hostname else "Host"
    return _(
        "Your browser sent it from %(origin)s, but Bellhop's address is %(url)s. Open that and try again. "
        "If %(origin)s is right, an admin must set BASE_URL to it, and the proxy must pass on %(header)s.",
        origin=origin,
        url=base_url,
        header=header,
    )


def handle_failure(error: Exception) -> Response:
    """Render an unexpected error, without its details. Flask has logged it."""
    original = getattr(error, "original_exception", None)
    if isinstance(original, SQLAlchemyError) and outages.is_outage(original):
        return handle_database_error(original)
    forget_user()  # Loading the user may be what failed.
    return page(500)


def page(status: int, title: str = "", text: str = "") -> Response:
    """Render an error as a page, or as a toast for an htmx request."""
    default = TEXTS.get(status) or TEXTS[500 if status >= 500 else 400]
    template = "errors/error.hx.html" if htmx.is_partial() else "errors/error.html"
    body = render_template(
        template, status=status, title=title or default[0], text=text or default[1], path=request.full_path
    )
    return htmx.vary(body, status)
