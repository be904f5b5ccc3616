"""What 200 open pages that listen cost those who ask in the ordinary way."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import ExitStack
from statistics import quantiles

from app.database.base import db
from app.models import User
from app.services.accounts import sessions
from bench.http import ask, serve
from bench.rounds import Case
from bench.tables import SMALL, Table, table

STREAMS, EACH = 200, 10
AS_BIN_SERVE = ("-c", "bin/gunicorn.conf.py")


def beside_streams() -> Case:
    """Ordinary requests to a server that holds 200 streams, against one that holds none: the slowest in twenty."""
    filled = table(SMALL)
    resources = ExitStack()
    settings = {
        "DATABASE_URL": f"sqlite:///{filled.path}",
        "SECRET_KEY": "bench",
        "API_RATE_LIMIT": "100000000 per second",
    }
    busy, calm = (serve(resources, "wsgi:app", settings, AS_BIN_SERVE) for _number in range(2))
    for number in range(STREAMS):
        _listen(resources, filled, busy, filled.reader + 1 + number // EACH)

    def quick(port: int) -> float:
        _tell(filled)
        path = "/api/notifications/unread-count/"
        return 1 / quantiles(ask(port, path, {"Authorization": f"Bearer {filled.token}"}), n=20)[-1]

    about = "requests beside 200 streams / beside none, 1 / p95"
    return Case(about, 1 / 1.5, lambda: quick(busy), lambda: quick(calm), resources)


def _listen(resources: ExitStack, filled: Table, port: int, person: int) -> None:
    """Open a stream as this person and leave it open."""
    cookies = filled.app.session_interface.get_signing_serializer(filled.app)
    with filled.app.app_context():
        key = sessions.start(db.session.get_one(User, person))
    session = cookies.dumps({"_user_id": key, "_fresh": True})
    name = filled.app.config["SESSION_COOKIE_NAME"]
    connection = resources.enter_context(socket.create_connection(("127.0.0.1", port), 30))
    lines = ["GET /notifications/stream HTTP/1.1", "Host: 127.0.0.1", f"Cookie: {name}={session}", "", ""]
    connection.sendall("\r\n".join(lines).encode())
    answer = connection.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"No stream: {answer.splitlines()[0].decode()}")


def _tell(filled: Table) -> None:
    """Something happens to everybody who listens: all streams have something to say."""
    with sqlite3.connect(filled.path) as connection:
        connection.execute("UPDATE users SET inbox_version = inbox_version + 1")
