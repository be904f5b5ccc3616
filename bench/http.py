"""Requests a second of the real server, against a bare Flask page under the same gunicorn settings."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.request import Request, urlopen

from sqlalchemy import text

from app.clock import utc_now
from app.extensions import db
from app.services import accounts, tokens
from bench.rounds import Case, migrated_app, scratch_folder

ROOT = Path(__file__).resolve().parent.parent
SECONDS, CONNECTIONS = 0.5, 4
SMALL, LARGE = 1_000, 1_000_000


def unread_count() -> Case:
    """`GET /api/notifications/unread-count/` against hello."""
    return _against_hello("unread-count / hello, requests", 0.6, "/api/notifications/unread-count/")


def list_of_50() -> Case:
    """`GET /api/notifications/` against hello."""
    return _against_hello("list of 50 / hello, requests", 0.35, "/api/notifications/")


def list_among_a_million() -> Case:
    """The list of one person among 1,000,000 rows against the same among 1,000."""
    resources = ExitStack()
    rates = [_ours(resources, rows, "/api/notifications/") for rows in (LARGE, SMALL)]
    return Case("list of 50, 1,000,000 rows / 1,000 rows, requests", 0.8, *rates, resources)


def _against_hello(about: str, wanted: float, path: str) -> Case:
    resources = ExitStack()
    hello = _serve(resources, "bench.hello:app", {})
    return Case(about, wanted, _ours(resources, SMALL, path), lambda: _rate(hello, "/", ""), resources)


def _ours(resources: ExitStack, rows: int, path: str) -> Callable[[], float]:
    folder = resources.enter_context(scratch_folder())
    app = migrated_app(folder)
    with app.app_context():
        user = accounts.create_user(
            "reader@example.test", "Reader", role="recruiter", password="a long password"
        )
        _, token = tokens.create(user, "bench", ["read"])
        _fill(user.id, rows)
        db.engine.dispose()
    settings = {
        "DATABASE_URL": f"sqlite:///{folder / 'bellhop.db'}",
        "SECRET_KEY": "bench",
        "API_RATE_LIMIT": "100000000 per second",
    }
    port = _serve(resources, "wsgi:app", settings)
    return lambda: _rate(port, path, token)


def _fill(owner: int, rows: int) -> None:
    """The owner's 1,000 notifications, 300 of them unread, among those of a thousand others."""
    columns = (
        "recipient_id, notification_type, category, title, message, priority, status, channels, metadata, action_url,"
        " created_at, surfaced_at, sent_at, read_at"
    )
    now = utc_now().replace(tzinfo=None)
    db.session.execute(
        text(
            "INSERT INTO users (email, name, role, is_enabled, time_zone, locale, phone, session_epoch, inbox_version,"
            " created_at) WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
            " SELECT 'other' || i || '@example.test', 'Other', 'recruiter', 1, 'UTC', 'en', '', 0, 0, :now FROM n"
        ),
        {"now": now},
    )
    db.session.execute(
        text(
            f"INSERT INTO notifications ({columns}) WITH n(i) AS"  # A constant, not input.
            " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)"
            " SELECT CASE WHEN i <= 1000 THEN :owner ELSE :owner + 1 + i % 1000 END, 'interview_scheduled',"
            " 'interview', 'Interview Scheduled for Priya Raman', 'Booked for Thursday at 14:00.', 'high',"
            " 'sent', '[\"email\", \"in_app\"]', '{}', '', datetime(:now, '-' || i || ' seconds') || '.000000',"
            " datetime(:now, '-' || i || ' seconds') || '.000000', :now,"
            " CASE WHEN i % 10 < 3 THEN NULL ELSE :now END FROM n"
        ),
        {"rows": rows, "owner": owner, "now": now - timedelta(minutes=1)},
    )
    db.session.execute(text("ANALYZE"))
    db.session.commit()


def _serve(resources: ExitStack, application: str, settings: dict[str, str]) -> int:
    """The application under gunicorn, two worker processes each; answers its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = ["--workers", "2", "--bind", f"127.0.0.1:{port}", "--log-level", "error", "--no-control-socket"]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        *options,
        "--worker-class",
        "gthread",
        "--threads",
        "4",
        application,
    ]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings})
    resources.callback(server.wait)
    resources.callback(server.terminate)
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline or server.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return port


def _rate(port: int, path: str, token: str) -> float:
    """Requests a second over a few kept connections, each answered in full and with 200."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    urlopen(Request(f"http://127.0.0.1:{port}{path}", headers=headers)).close()  # raises on any error status
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    counts = [0] * CONNECTIONS
    stop = time.perf_counter() + SECONDS

    def ask(number: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while time.perf_counter() < stop:
                connection.sendall(request)
                _read_answer(connection)
                counts[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CONNECTIONS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


def _read_answer(connection: socket.socket) -> None:
    data = connection.recv(65536)
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += connection.recv(65536)
    head = data[:end].lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(f"The server answered {head.splitlines()[0].decode()}")
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    missing = length - (len(data) - end - 4)
    while missing > 0:
        missing -= len(connection.recv(missing))
