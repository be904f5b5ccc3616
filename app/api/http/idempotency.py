"""Handle the `Idempotency-Key` header: a repeated call gets the first response and has no second effect."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Response, g, request
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest

from app.api.http.problems import Unprocessable
from app.api.http.responses import json_bytes_response
from app.services.operations import idempotency
from app.services.operations.idempotency import IdempotentResponse

HEADER = "Idempotency-Key"
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def run_once(user_id: int, view: Callable[[], Any]) -> Any:
    """Run the view, or replay the response that was stored for this key.

    Raises:
        BadRequest: the key is malformed.
        Unprocessable: the key was used for a different call.
        app.services.operations.idempotency.StillRunning: the first call has not finished.
    """
    if request.method not in UNSAFE_METHODS or HEADER not in request.headers:
        return view()
    key = request.headers[HEADER]
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise BadRequest(_("An Idempotency-Key must be 1 to 255 visible ASCII characters."))
    if request.args.get("dry_run") == "true":
        return view()  # A dry run writes nothing, and the real call will use the same key.
    responses: list[Response] = []

    def act() -> IdempotentResponse:
        response = view()
        responses.append(response)
        body = g.pop("stored_body", None) or response.get_data()
        return IdempotentResponse(response.status_code, body, response.headers.get("ETag", ""))

    try:
        stored = idempotency.run_once(user_id, key, _request_bytes(), act)
    except idempotency.KeyReused as error:
        detail = _("This key was already used for a different call.")
        raise Unprocessable([{"field": HEADER, "parameter": HEADER, "detail": detail}]) from error
    if stored is None:
        return responses[0]
    headers = {"Idempotent-Replayed": "true"}
    if stored.etag:
        headers["ETag"] = stored.etag
    return json_bytes_response(stored.body, stored.status, headers)


def _request_bytes() -> bytes:
    """Serialize everything that distinguishes this call from another."""
    head = (request.method, request.full_path, request.headers.get("Content-Type", ""))
    event_headers = (f"{name}:{value}" for name, value in request.headers if name.lower().startswith("ce-"))
    return "\0".join((*head, *sorted(event_headers), "")).encode() + request.get_data(cache=True)
