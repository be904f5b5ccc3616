"""A real server, as `bin/serve` starts it, receives hostile bodies."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.models import User
from tests.support import factories
from tests.support.servers import start_gunicorn

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000
MOST_MEGABYTES = 50
# The server accepts two megabytes at most; each of these is as expensive as that allows.
TWISTED = {
    "a million numbers": b"[" + b"1," * 940_000 + b"1]",
    "as many numbers as may be": b"[" + b"1," * 49_990 + b"1]",
    "as many objects as may be": b"[" + b"{}," * 24_990 + b"{}]",
    "names without end": b"{" + b",".join(b'"%06d":0' % number for number in range(180_000)) + b"}",
    "fifty thousand names": b"{" + b",".join(b'"%030d":0' % number for number in range(49_990)) + b"}",
    "a thousand names": b"{" + b",".join(b'"%030d":0' % number for number in range(1_000)) + b"}",
    "a thousand events of nothing": b"[" + b"{}," * 999 + b"{}]",
    "a thousand events of wrong names": b"["
    + b",".join(b"{" + b",".join(b'"%030d":0' % n for n in range(48)) + b"}" for _ in range(1_000))
    + b"]",
    "wrong ids": b'{"notification_ids": [' + b'"x",' * 9_990 + b'"x"]}',
    "one long text": b'{"id": "' + b"x" * 1_900_000 + b'"}',
    "one long text, all of it escaped": b'{"id": "' + b"\\u00e9" * 310_000 + b'"}',
    "deep": b"[" * 1_900_000,
    "deep, and closed": b'{"a":' * 310_000 + b"1" + b"}" * 310_000,
    "digits": b'{"id": ' + b"9" * 1_900_000 + b"}",
}
# A hundred megabytes, with and without a Content-Length: the framing, and each part.
PART = b"x" * 100_000
HUGE = {
    ("Content-Length: 100000000", PART),
    ("Transfer-Encoding: chunked", b"%x\r\n%b\r\n" % (len(PART), PART)),
}
PATHS = ("/api/events/", "/api/events/batch/", "/api/notifications/bulk-mark-read/")


@dataclass
class Server:
    """A server in a process of its own."""

    port: int
    process: int

    def memory(self) -> int:
        """Return the memory that it uses now, in bytes."""
        status = Path(f"/proc/{self.process}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def ask(self, head: str, body: Iterable[bytes] = ()) -> int | None:
        """Return the status of the response; None if the server closed the connection without reading the body."""
        with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            try:
                connection.sendall(f"{head}\r\nHost: bellhop.test\r\nConnection: close\r\n\r\n".encode())
                for part in body:
                    connection.sendall(part)
                answer = connection.recv(100)
            except ConnectionError:
                return None
        return int(answer.split()[1]) if answer else None

    def post(self, path: str, headers: dict[str, str], body: bytes) -> int | None:
        return self._post(path, headers, f"Content-Length: {len(body)}", [body])

    def post_huge(self, path: str, headers: dict[str, str], framing: str, part: bytes) -> int | None:
        return self._post(path, headers, framing, (part for _number in range(1_000)))

    def _post(self, path: str, headers: dict[str, str], framing: str, body: Iterable[bytes]) -> int | None:
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = [f"POST {path} HTTP/1.1", "Content-Type: application/json", framing, *lines]
        return self.ask("\r\n".join(head), body)


@pytest.fixture
def server(database_file: Path, tmp_path: Path) -> Iterator[Server]:
    settings = {"API_RATE_LIMIT": "1000000 per minute", "MALLOC_ARENA_MAX": "2"}
    with start_gunicorn(database_file, **settings) as master:
        said = master.stdout.readline().decode()
        (worker,) = Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()
        yield Server(int(re.search(r":(\d+)$", said.strip())[1]), int(worker))
        master.terminate()


@contextmanager
def ordinary_calls(ask: Callable[[], int | None]) -> Iterator[list[tuple[int | None, float]]]:
    """Make ordinary calls all the time; collect the status and duration of each."""
    seen: list[tuple[int | None, float]] = []
    is_over = threading.Event()

    def call() -> None:
        while not is_over.is_set():
            started = time.perf_counter()
            seen.append((ask(), time.perf_counter() - started))
            is_over.wait(0.05)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        yield seen
    finally:
        is_over.set()
        caller.join()


def test_hostile_bodies_use_little_memory_and_delay_no_other_request(
    server: Server, alice: User, bob: User, token: Callable[..., dict[str, str]]
) -> None:
    admin, reader = token(bob, "read", "write", "events", "admin"), token(alice, "read")
    honest = json.dumps(factories.event_body(recipients=["alice@example.test"])).encode()
    look = f"GET /api/notifications/unread-count/ HTTP/1.1\r\nAuthorization: {reader['Authorization']}"
    assert server.post(PATHS[0], admin, honest) == 201
    batch = b"[" + b",".join([honest] * 100) + b"]"
    with ordinary_calls(lambda: server.ask(look)) as seen, ThreadPoolExecutor(len(PATHS)) as crowd:
        # An ordinary load first; the memory that it takes may be kept.
        assert set(crowd.map(lambda _: server.post(PATHS[1], admin, batch), range(4))) == {200}
        before, calm = server.memory(), len(seen)
        for name, body in TWISTED.items():
            statuses = set(crowd.map(lambda path, body=body: server.post(path, admin, body), PATHS))
            # A readable batch has a result for each event.
            assert statuses <= {200, 400, 422}, name
            assert server.memory() - before < MOST_MEGABYTES * MEGABYTE, name
        for kind in HUGE:
            assert server.post_huge(PATHS[0], admin, *kind) in {413, None}, kind
            assert server.memory() - before < MOST_MEGABYTES * MEGABYTE, kind
    assert {status for status, _seconds in seen} == {200}
    assert max(seconds for _status, seconds in seen[calm:]) < 10
