"""What the API answers when it cannot do what was asked: problem details (RFC 9457), never HTML."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from apiflask import APIFlask
from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import RequestRedirect

from app.services.base.errors import Conflict, Forbidden, Invalid, NotFound
from app.services.operations.idempotency import StillRunning

MEDIA_TYPE = "application/problem+json"
# Where the title alone says too little.
SENTENCES = {
    404: _l("There is no such resource."),
    405: _l("This resource does not know the method."),
    413: _l("The body is too large."),
}


class Unprocessable(Exception):
    """The body or the query is well written but says something that cannot be.

    Args:
        errors: one object for each bad value; `error_in_body` and `error_in_query` make them.
    """

    def __init__(self, errors: Iterable[Mapping[str, str]]) -> None:
        super().__init__("unprocessable")
        self.errors = list(errors)


def error_in_body(path: Iterable[str | int], detail: str) -> dict[str, str]:
    """One entry of `errors` about the body: a JSON Pointer as URI fragment (RFC 6901, 6) and a name to read."""
    steps = [str(step) for step in path]
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return {"pointer": f"#{pointer}", "field": ".".join(steps), "detail": detail}


def error_in_query(name: str, detail: str) -> dict[str, str]:
    """One entry of `errors` about a query parameter."""
    return {"parameter": name, "field": name, "detail": detail}


def problem(
    status: int, detail: str = "", *, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """Make a problem+json response.

    Args:
        status: the HTTP status; its usual words are the title.
        detail: one sentence about this very case.
        headers: further header fields.
        members: further members of the object, such as `errors`.
    """
    body = {"type": "about:blank", "title": HTTP_STATUS_CODES[status], "status": status}
    text = json.dumps(body | ({"detail": detail} if detail else {}) | members, ensure_ascii=False)
    return Response(text, status, headers=dict(headers or {}), content_type=MEDIA_TYPE)


def register(app: APIFlask, api: Blueprint) -> None:
    """Answer every failure under the API's blueprint, and every address and method that it does not know."""
    # Each code by itself: a handler for a code on the application would win over one for HTTPException here.
    for code in default_exceptions:
        api.register_error_handler(code, _from_http)
    api.register_error_handler(500, _unexpected)
    api.register_error_handler(Unprocessable, _unprocessable)
    api.register_error_handler(Invalid, _invalid)
    api.register_error_handler(NotFound, lambda _error: problem(404, str(SENTENCES[404])))
    api.register_error_handler(Forbidden, lambda error: problem(403, str(error)))
    api.register_error_handler(Conflict, lambda error: problem(409, str(error)))
    api.register_error_handler(
        StillRunning, lambda error: problem(409, str(error), headers={"Retry-After": "1"})
    )
    api.register_error_handler(OperationalError, _database_in_trouble)
    app.before_request(_unrouted)


def _unrouted() -> Response | None:
    # An address that matches nothing belongs to no blueprint, so no handler of the blueprint would see it.
    failure = request.routing_exception
    if failure is None or isinstance(failure, RequestRedirect) or not request.path.startswith("/api/"):
        return None
    return _from_http(failure)


def _from_http(error: HTTPException) -> Response:
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    status = error.code or 500
    # Werkzeug's own sentences speak of web pages, and English; the title says as much.
    ours = error.description if error.description != type(error).description else ""
    return problem(status, str(SENTENCES.get(status, ours or "")), headers=headers)


def _unprocessable(error: Unprocessable) -> Response:
    return problem(422, _("Some of the values cannot be used."), errors=error.errors)


def errors_of(error: Invalid) -> list[dict[str, str]]:
    """The entries of `errors` for what a service refuses, which names it as in Python: `data.starts_at`."""
    return [error_in_body(re.findall(r"[^.\[\]]+", name), text) for name, text in error.errors.items()]


def _invalid(error: Invalid) -> Response:
    if request.method in {"POST", "PUT", "PATCH"}:
        return _unprocessable(Unprocessable(errors_of(error)))
    return _unprocessable(Unprocessable(error_in_query(name, text) for name, text in error.errors.items()))


def _unexpected(_error: HTTPException) -> Response:
    # Flask has logged the exception; this line ties it to what the caller can tell us.
    request_id = secrets.token_hex(8)
    current_app.logger.error("%s %s failed, request id %s", request.method, request.path, request_id)
    return problem(500, request_id=request_id)


def _database_in_trouble(error: OperationalError) -> Response:
    """The disk is full, the file stays locked or the server is away: nothing was written, later it may work."""
    current_app.logger.error("the database failed: %s", error.orig)
    return problem(503, _("The database does not answer. Nothing was changed."), headers={"Retry-After": "5"})
