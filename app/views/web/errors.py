"""What went wrong, in the page's own frame and in honest words."""

from __future__ import annotations

from flask import Flask, Response, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.services.base import errors
from app.views.web import htmx

WORDS = {
    400: (_l("We could not read that"), _l("The request was broken on its way. Go back and try again.")),
    403: (_l("This is not yours to open"), _l("Your account may not do this. An admin can change that.")),
    404: (_l("There is nothing here"), _l("The link may be old, or this belongs to somebody else.")),
    405: (_l("That does not work this way"), _l("This address takes another kind of request.")),
    409: (_l("This changed meanwhile"), _l("Somebody was faster. Go back and look at it as it is now.")),
    413: (_l("That is too large"), _l("The server takes at most 2 MB at once. Nothing was saved.")),
    422: (_l("That could not be saved"), _l("Some of the values cannot be used. Nothing was saved.")),
    429: (_l("That was a lot at once"), _l("Wait a minute, then try again. Nothing is lost.")),
    500: (_l("Something broke on our side"), _l("Nothing you saved is lost. Try again in a moment.")),
    503: (_l("Bellhop is busy"), _l("Nothing is lost. Try again in a moment.")),
}
STATUS = {errors.NotFound: 404, errors.Forbidden: 403, errors.Conflict: 409, errors.Invalid: 422}


def register(app: Flask) -> None:
    """Answer errors of pages as pages. What is under `/api/` answers for itself, in JSON."""
    app.register_error_handler(CSRFError, stale)
    app.register_error_handler(HTTPException, refused)
    for kind in STATUS:
        app.register_error_handler(kind, declined)
    app.register_error_handler(500, broken)


def refused(error: HTTPException) -> Response | HTTPException:
    """An error of the protocol: no such address, method or size. Redirects pass through."""
    if error.code is None or error.code < 400:
        return error
    response = page(error.code)
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            response.headers[name] = value
    return response


def declined(error: errors.ServiceError) -> Response:
    """A service said no, in a sentence for a person."""
    if isinstance(error, errors.Invalid):
        sentences = " ".join(error.errors.values())
        return page(400 if request.method == "GET" else 422, text=sentences)
    return page(STATUS[type(error)], text=str(error))


def stale(_error: CSRFError) -> Response:
    """The form belongs to a session that ended (CSRF protection)."""
    return page(
        400, _("This page is out of date"), _("You signed in or out since it was loaded. Load it again.")
    )


def broken(_error: Exception) -> Response:
    """A fault of ours. Flask has logged it; the reader learns nothing about our insides."""
    return page(500)


def page(status: int, title: str = "", text: str = "") -> Response:
    """The error as a page, or as a toast where htmx would swap a whole page into a part of one."""
    known = WORDS.get(status) or WORDS[500 if status >= 500 else 400]
    template = "errors/error.hx.html" if htmx.is_partial() else "errors/error.html"
    body = render_template(
        template, status=status, title=title or known[0], text=text or known[1], path=request.full_path
    )
    return htmx.vary(body, status)
