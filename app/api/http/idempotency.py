"""`Idempotency-Key`: a caller who does not know whether a call arrived makes it again, and it is done once."""

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
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def run_once(user_id: int, view: Callable[[], Any]) -> Any:
    """Answer a call by its view, or by what the same call was answered before.

    Raises:
        BadRequest: the key is no key.
        Unprocessable: the key came with another call.
        app.services.operations.idempotency.StillRunning: the first call is.
    """
    if request.method not in UNSAFE or HEADER not in request.headers:
        return view()
    key = request.headers[HEADER]
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise BadRequest(_("An Idempotency-Key is 1 to 255 visible ASCII characters."))
    if request.args.get("dry_run") == "true":
        return view()  # It writes nothing, and the call that is meant comes with the same key.
    made: list[Response] = []

    def act() -> IdempotentResponse:
        response = view()
        made.append(response)
        body = g.pop("kept_body", None) or response.get_data()
        return IdempotentResponse(response.status_code, body, response.headers.get("ETag", ""))

    try:
        kept = idempotency.run_once(user_id, key, _call(), act)
    except idempotency.KeyReused as error:
        sentence = _("This key was used for another call.")
        raise Unprocessable([{"field": HEADER, "parameter": HEADER, "detail": sentence}]) from error
    if kept is None:
        return made[0]
    tag = {"ETag": kept.etag} if kept.etag else {}
    return json_bytes_response(kept.body, kept.status, {"Idempotent-Replayed": "true"} | tag)


def _call() -> bytes:
    """All that makes the call what it is."""
    heads = (request.method, request.full_path, request.headers.get("Content-Type", ""))
    events = (f"{name}:{value}" for name, value in request.headers if name.lower().startswith("ce-"))
    return "\0".join((*heads, *sorted(events), "")).encode() + request.get_data(cache=True)
