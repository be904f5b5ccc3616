"""Starts the real server, and times requests to it over kept connections."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import repeat

from bench.rounds import RUN, Case, at_least, free_port, start_server
from bench.tables import LARGE, SMALL, table

SECONDS, CONNECTIONS = 0.5, 4
QUIETLY = ("--worker-class=gthread", "--log-level=error", "--no-control-socket")
ALIKE = ("--workers=2", "--threads=4", *QUIETLY)
# One process, as `bin/serve` starts it, with a thread for each of sixteen connections; or two.
ONE, TWO = (("--workers=" + number, "--threads=16", *QUIETLY) for number in "12")


@dataclass(frozen=True)
class Server:
    """A running server: its port, its first process, and that of its Redis."""

    port: int
    process: int
    redis: tuple[int, ...] = ()


@dataclass(frozen=True)
class Request:
    """A request. `{row}` in its path and body differs between requests."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: str = ""

    def encode(self, row: int = 0) -> bytes:
        """Return its bytes."""
        body = self.body.replace("{row}", str(row)).encode()
        lines = [f"{self.method} {self.path.replace('{row}', str(row))} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(body)}"] if body else []
        return "\r\n".join([*lines, "", ""]).encode() + body


def unread_count() -> Case:
    """`GET /api/notifications/unread-count/` against a bare Flask page."""
    return _against_hello("unread-count / hello, requests", 0.6, "/api/notifications/unread-count/")


def list_of_50() -> Case:
    """`GET /api/notifications/` against a bare Flask page."""
    return _against_hello("list of 50 / hello, requests", 0.35, "/api/notifications/")


def list_among_a_million() -> Case:
    """The list of one person among 1,000,000 rows against the same among 1,000."""
    resources = ExitStack()
    rates = [_ours(resources, rows, "/api/notifications/") for rows in (LARGE, SMALL)]
    return Case("list of 50, 1,000,000 rows / 1,000 rows, requests", at_least(0.8), *rates, resources)


def _against_hello(about: str, wanted: float, path: str) -> Case:
    resources = ExitStack()
    hello = serve(resources, "bench.hello:app", {})
    return Case(
        about,
        at_least(wanted),
        _ours(resources, SMALL, path),
        lambda: _rate(hello.port, Request("/")),
        resources,
    )


def _ours(resources: ExitStack, rows: int, path: str) -> Callable[[], float]:
    filled = table(rows)
    server = serve(resources, "wsgi:app", filled.settings)
    request = Request(path, {"Authorization": f"Bearer {filled.token}"})
    return lambda: _rate(server.port, request)


def serve(
    resources: ExitStack,
    application: str,
    settings: dict[str, str],
    options: Sequence[str] = ALIKE,
    python: str = sys.executable,
) -> Server:
    """Start an application under gunicorn."""
    port = free_port()
    command = [python, "-m", "gunicorn", *options, "--bind", f"127.0.0.1:{port}", application]
    return Server(port, start_server(resources, command, port, settings))


@cache
def hello() -> Server:
    """Serve a bare Flask page, with the same settings as `bellhop`."""
    return serve(RUN, "bench.hello:app", {}, ONE)


@cache
def bellhop(rows: int, database: str, *, is_cluster: bool = False) -> Server:
    """Serve Bellhop on the table of this many rows; a cluster has two processes and a Redis."""
    settings = table(rows, database).settings
    if not is_cluster:
        return serve(RUN, "wsgi:app", settings, ONE)
    port = free_port()
    process = start_server(RUN, ["redis-server", "--port", str(port), "--save", ""], port, {})
    found = serve(RUN, "wsgi:app", settings | {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}, TWO)
    return replace(found, redis=(process,))


def _rate(port: int, request: Request) -> float:
    """Measure requests per second; see `time_requests`."""
    started = time.perf_counter()
    count = len(time_requests(port, request))
    return count / (time.perf_counter() - started)


def time_requests(
    port: int,
    request: Request,
    *,
    connections: int = CONNECTIONS,
    seconds: float = SECONDS,
    rows: Iterator[int] | None = None,
    before: Callable[[int], None] | None = None,
) -> list[float]:
    """Send a request repeatedly over kept connections for a while, and read each response in full.

    Args:
        rows: the values of `{row}`, one for each request.
        before: called with that value before each request.
    Returns:
        how long each took, in seconds.
    Raises:
        RuntimeError: a response was neither 2xx, 303 nor 304.
    """
    taken: list[float] = []
    stop = time.perf_counter() + seconds
    values = rows or repeat(0)

    def go_on() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while time.perf_counter() < stop:
                row = next(values)
                data = request.encode(row)
                if before:
                    before(row)
                started = time.perf_counter()
                connection.sendall(data)
                _read_response(connection)
                taken.append(time.perf_counter() - started)

    with ThreadPoolExecutor(connections) as people:
        # An error of a thread is raised here.
        for person in [people.submit(go_on) for _number in range(connections)]:
            person.result()
    return taken


def ask_once(port: int, request: Request) -> dict[str, str]:
    """Send one request; returns the headers of the response, their names in lower case."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request.encode())
        lines = _read_response(connection).decode().splitlines()[1:]
    return {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}


def _read_response(connection: socket.socket) -> bytes:
    """Read a response in full; returns its head."""
    data = connection.recv(65536)
    while (end := data.find(b"\r\n\r\n")) < 0:
        more = connection.recv(65536)
        if not more:
            raise RuntimeError("The server hung up")
        data += more
    head = data[:end]
    if not head.startswith((b"HTTP/1.1 2", b"HTTP/1.1 302", b"HTTP/1.1 303", b"HTTP/1.1 304")):
        raise RuntimeError(f"The server answered {head.splitlines()[0].decode()}")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    missing = length - (len(data) - end - 4)
    while missing > 0:
        missing -= len(connection.recv(missing))
    return head
