"""Keeps open pages current: a stream that announces changes of the inbox, and a pulse with its state."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request

from app.forms.notifications import ListQuery
from app.lean_flask import LeanResponse
from app.services.base.errors import Conflict
from app.services.notifications.stream import Broadcaster, Listener
from app.views.presenters import inbox_html
from app.views.web import auth
from app.views.web.auth import login_required

bp = Blueprint("live", __name__, url_prefix="/notifications")

# Seconds between comments on a quiet stream: they keep proxies from closing it.
HEARTBEAT = 10
# Seconds until a stream ends, from and to. The browser then reconnects, which checks the session again.
LIFETIME = 300, 600
# Milliseconds until it reconnects, from and to. Both at random: a server that restarts ends all streams at once.
RETRY = 1000, 3000
CHANGED, QUIET = b"event: inbox\ndata: changed\n\n", b": still here\n\n"


def register(app: Flask) -> None:
    """Create the broadcaster of the application and register the pages."""
    app.extensions["broadcaster"] = Broadcaster(app)
    app.register_blueprint(bp)


@bp.get("/stream")
@login_required
def stream() -> Response:
    """Send a server-sent event `inbox` on every change. 204 when no stream is free: the page then polls."""
    broadcaster: Broadcaster = current_app.extensions["broadcaster"]
    session = auth.this_session()
    try:
        listener = broadcaster.listen(session.user_id, session.session_id, session.inbox_version)
    except Conflict:
        return Response(status=204)
    messages = EventStream(listener)
    response = Response(
        messages.send(request.environ.get("gunicorn.socket")),
        mimetype="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
    response.call_on_close(messages.end_response)
    return response


@bp.get("/pulse")
@login_required
def pulse() -> Response:
    """Render the counts and, for a list, the state of its rows, as htmx fragments. Cheap to repeat: ETag and 304."""
    query, has_list = _read(request.query_string)
    pulse = inbox_html.render_pulse(query, has_list=has_list)
    is_known = request.if_none_match.contains_weak(pulse.etag)
    response = LeanResponse(status=304) if is_known else LeanResponse(pulse.html)
    response.set_etag(pulse.etag)
    return response


@lru_cache(maxsize=1_000)
def _read(_query_string: bytes) -> tuple[ListQuery | None, bool]:
    # Open pages repeat their queries, of which this is a function. Pages of settings have none.
    return ListQuery.read(request.args) if request.args else None, "list" in request.args


class EventStream:
    """The messages of one open page.

    `bin/buffered_worker.py` takes them over and sends the streams of thousands of pages without a thread for each. Any
    other server iterates over the response in a thread.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._is_handed_over = False
        now = time.monotonic()
        # When `take` has something to send even if nothing changes, on the monotonic clock.
        self.due_at, self._ends_at = now + HEARTBEAT, now + random.uniform(*LIFETIME)  # noqa: S311  # Not a secret.

    def send(self, socket: Any) -> Iterator[bytes]:
        """Yield all messages, or only the first one if the server's socket takes over the others."""
        yield b"retry: %d\n\n" % random.randint(*RETRY)  # noqa: S311  # Not a secret.
        if hand_over := getattr(socket, "hand_over", None):
            self._is_handed_over = True
            hand_over(self)
            return
        changed = threading.Event()
        self.set_callback(changed.set)
        while (message := self.take()) is not None:
            if message:
                yield message
            changed.wait(self.due_at - time.monotonic())
            changed.clear()

    def set_callback(self, call: Callable[[], None]) -> None:
        """Set what is called, in any thread, when `take` has something to send."""
        self._listener.notify = call

    def take(self) -> bytes | None:
        """Return the message to send now, nothing (b"") if there is none, or None when the stream is over."""
        now = time.monotonic()
        if self._listener.is_over or now >= self._ends_at:
            return None
        if self._listener.take_change():
            message = CHANGED
        elif now >= self.due_at:
            message = QUIET
        else:
            return b""
        self.due_at = now + HEARTBEAT
        return message

    def end_response(self) -> None:
        """Close the stream with its response, unless the server goes on sending it."""
        if not self._is_handed_over:
            self.close()

    def close(self) -> None:
        """Stop listening, because the client is gone or the stream is over."""
        self._listener.close()
