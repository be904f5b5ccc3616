"""Error responses: problem details (RFC 9457), never HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from apiflask import APIFlask
from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import RequestRedirect

from app import request_ids
from app.extensions import forget_user
from app.services.base import outages
from app.services.base.errors import Conflict, Forbidden, Invalid, LimitReached, NotFound
from app.services.operations.idempotency import StillRunning

MEDIA_TYPE = "application/problem+json"
# Default `detail` of statuses whose title alone says too little.
DETAILS = {
    404: _l("Not found."),
    405: _l("This method is not allowed here."),
    413: _l("The body is too large."),
}


class Unprocessable(Exception):
    """The body or the query is well-formed but contains invalid values.

    Args:
        errors: one object per invalid value, built by `error_in_body` or `error_in_query`.
    """

    def __init__(self, errors: Iterable[Mapping[str, str]]) -> None:
        super().__init__("unprocessable")
        self.errors = list(errors)


def error_in_body(path: Iterable[str | int], detail: str) -> dict[str, str]:
    """Build an entry of `errors` about the body, with a JSON Pointer as URI fragment (RFC 6901, 6)."""
    steps = [str(step) for step in path]
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return {"pointer": f"#{pointer}", "field": ".".join(steps), "detail": detail}


def error_in_query(name: str, detail: str) -> dict[str, str]:
    """Build an entry of `errors` about a query parameter."""
    return {"parameter": name, "field": name, "detail": detail}


def problem(
    status: int, detail: str = "", *, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """Build a problem+json response.

    Args:
        status: the HTTP status; its standard reason phrase is the title.
        detail: one sentence about this occurrence.
        headers: additional header fields.
        members: additional members of the object, such as `errors`.
    """
    body: dict[str, Any] = {"type": "about:blank", "title": HTTP_STATUS_CODES[status], "status": status}
    if detail:
        body["detail"] = detail
    text = json.dumps(body | members, ensure_ascii=False)
    return Response(text, status, headers=dict(headers or {}), content_type=MEDIA_TYPE)


def register(app: APIFlask, api: Blueprint) -> None:
    """Handle every error of the API's blueprint, and every unknown path and method under `/api/`."""
    # One handler per status code: a handler on the application for a specific code would otherwise
    # take precedence over a handler for HTTPException here.
    for code in default_exceptions:
        api.register_error_handler(code, _http_error)
    api.register_error_handler(500, _internal_error)
    api.register_error_handler(Unprocessable, _unprocessable)
    api.register_error_handler(Invalid, _invalid)
    api.register_error_handler(NotFound, lambda _error: problem(404, str(DETAILS[404])))
    api.register_error_handler(Forbidden, lambda error: problem(403, str(error)))
    api.register_error_handler(
        LimitReached,
        lambda error: problem(429, str(error), headers={"Retry-After": str(error.retry_after)}),
    )
    api.register_error_handler(Conflict, lambda error: problem(409, str(error)))
    api.register_error_handler(
        StillRunning, lambda error: problem(409, str(error), headers={"Retry-After": "1"})
    )
    api.register_error_handler(SQLAlchemyError, _database_error)
    app.before_request(_handle_unrouted)


def _handle_unrouted() -> Response | None:
    # A path that matches no rule belongs to no blueprint, so the blueprint's handlers never see it.
    failure = request.routing_exception
    if failure is None or isinstance(failure, RequestRedirect) or not request.path.startswith("/api/"):
        return None
    return _http_error(failure)


def _http_error(error: HTTPException) -> Response:
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    status = error.code or 500
    # Werkzeug's default descriptions are in English and about web pages; the title says as much.
    own_description = error.description if error.description != type(error).description else ""
    return problem(status, str(DETAILS.get(status, own_description or "")), headers=headers)


def _unprocessable(error: Unprocessable) -> Response:
    return problem(422, _("Some values are invalid."), errors=error.errors)


def errors_of(error: Invalid) -> list[dict[str, str]]:
    """Convert a service's errors, keyed like `data.starts_at` or `names[0]`, to entries of `errors`."""
    return [error_in_body(re.findall(r"[^.\[\]]+", name), text) for name, text in error.errors.items()]


def _invalid(error: Invalid) -> Response:
    if request.method in {"POST", "PUT", "PATCH"}:
        return _unprocessable(Unprocessable(errors_of(error)))
    return _unprocessable(Unprocessable(error_in_query(name, text) for name, text in error.errors.items()))


def _internal_error(error: HTTPException) -> Response:
    original = getattr(error, "original_exception", None)
    if isinstance(original, SQLAlchemyError) and outages.is_outage(original):
        return _database_error(original)
    # Flask has already logged the exception; this line connects it to the id that the caller sees.
    request_id = request_ids.current()
    current_app.logger.error("%s %s failed, request id %s", request.method, request.path, request_id)
    return problem(500, request_id=request_id)


def _database_error(error: SQLAlchemyError) -> Response:
    if not outages.is_outage(error):
        raise error
    outages.report(error)
    # Translating needs the caller's language, which is in the database: without a user it is the default one.
    forget_user()
    headers = {"Retry-After": str(outages.RETRY_AFTER)}
    return problem(503, _("The database is unavailable. Nothing was changed."), headers=headers)
