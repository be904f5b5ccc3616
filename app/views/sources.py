"""The address that other systems call."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, request

from app.extensions import csrf
from app.services.base.errors import NotFound
from app.services.sources import receiving

bp = Blueprint("sources", __name__)
# Calls are authenticated by their signature, not by a session, so a forged form has nothing to abuse.
csrf.exempt(bp)


@bp.post("/sources/<public_id>")
def receive(public_id: str) -> Response:
    """Respond as soon as a signed call is stored: some systems stop calling where an answer is slow or not a 200."""
    headers = {name.lower(): value for name, value in request.headers}
    try:
        call = receiving.receive(
            public_id, headers, request.get_data(), secret=current_app.config["SECRET_KEY"]
        )
    except NotFound:
        abort(404)
    if call is None:
        return _plain("The signature is missing or wrong.\n", 401)
    return _plain("OK\n", 200)


def _plain(text: str, status: int) -> Response:
    return Response(text, status, content_type="text/plain; charset=utf-8")
