"""Requests a second of the real server, against a bare Flask page under the same gunicorn settings."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from bench.rounds import Case
from bench.tables import LARGE, SMALL, table

ROOT = Path(__file__).resolve().parent.parent
SECONDS, CONNECTIONS = 0.5, 4
ALIKE = ("--workers=2", "--worker-class=gthread", "--threads=4", "--log-level=error", "--no-control-socket")


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
    hello = serve(resources, "bench.hello:app", {})
    return Case(about, wanted, _ours(resources, SMALL, path), lambda: _rate(hello, "/", ""), resources)


def _ours(resources: ExitStack, rows: int, path: str) -> Callable[[], float]:
    filled = table(rows)
    settings = {
        "DATABASE_URL": f"sqlite:///{filled.path}",
        "SECRET_KEY": "bench",
        "API_RATE_LIMIT": "100000000 per second",
    }
    port = serve(resources, "wsgi:app", settings)
    return lambda: _rate(port, path, filled.token)


def serve(
    resources: ExitStack, application: str, settings: dict[str, str], options: Sequence[str] = ALIKE
) -> int:
    """The application under gunicorn in processes of its own; answers its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", *options, "--bind", f"127.0.0.1:{port}", application]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, stdout=subprocess.DEVNULL)
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
    """Requests a second; see `ask`."""
    started = time.perf_counter()
    count = len(ask(port, path, {"Authorization": f"Bearer {token}"} if token else {}))
    return count / (time.perf_counter() - started)


def ask(port: int, path: str, headers: dict[str, str]) -> list[float]:
    """How long each request took over a few kept connections, for a while, each answered in full and with 200."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    taken: list[float] = []
    stop = time.perf_counter() + SECONDS

    def go_on() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while (started := time.perf_counter()) < stop:
                connection.sendall(request)
                _read_answer(connection)
                taken.append(time.perf_counter() - started)

    with ThreadPoolExecutor(CONNECTIONS) as people:
        # Asked for its result: what failed in a thread fails here.
        for person in [people.submit(go_on) for _number in range(CONNECTIONS)]:
            person.result()
    return taken


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
