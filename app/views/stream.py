"""Keeps open pages current: a stream that announces changes of the inbox, and a pulse with its state."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Blueprint, Flask, Response, current_app, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from app.forms.notifications import ListQuery
from app.services.base.errors import Conflict
from app.services.notifications.stream import Broadcaster
from app.views.presenters import inbox_list
from app.views.web import auth
from app.views.web.auth import current_user, login_required

bp = Blueprint("live", __name__, url_prefix="/notifications")

# Seconds between comments on a quiet stream: they detect closed connections and keep proxies from closing it.
HEARTBEAT = 10
# Seconds until a stream ends. The browser then reconnects, which checks the session again.
LIFETIME = 300


def register(app: Flask) -> None:
    """Create the broadcaster of the application and register the pages."""
    app.extensions["broadcaster"] = Broadcaster(app)
    app.register_blueprint(bp)


@bp.get("/stream")
@login_required
def stream() -> Response:
    """Send a server-sent event `inbox` on every change. 204 when no stream is free: the page then polls."""
    broadcaster: Broadcaster = current_app.extensions["broadcaster"]
    session_id = auth.this_session().session_id
    events = _events(broadcaster, current_user.id, session_id, current_user.inbox_version)
    try:
        first = next(events)
    except Conflict:
        return Response(status=204)
    return Response(
        _chain(first, events),
        mimetype="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@bp.get("/pulse")
@login_required
def pulse() -> BaseResponse:
    """Render the counts and, for a list, the state of its rows, as htmx fragments. Cheap to repeat: ETag and 304."""
    query = ListQuery.read(request.args)
    inbox = inbox_list.load_list(query) if "list" in request.args else None
    response = Response(render_template("notifications/responses/pulse.hx.html", inbox=inbox, query=query))
    response.headers["Cache-Control"] = "private, no-store"
    response.add_etag()
    return response.make_conditional(request)


def _events(broadcaster: Broadcaster, user_id: int, session_id: int, version: int) -> Iterator[str]:
    until = time.monotonic() + LIFETIME
    with broadcaster.listen(user_id, session_id, version) as listener:
        yield "retry: 2000\n\n"
        while time.monotonic() < until:
            has_changed = listener.wait(HEARTBEAT)
            if listener.is_over or broadcaster.is_closed:
                return
            yield "event: inbox\ndata: changed\n\n" if has_changed else ": still here\n\n"


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    try:
        yield first
        yield from rest
    finally:
        rest.close()  # type: ignore[attr-defined]  # a generator: closing it frees its stream
