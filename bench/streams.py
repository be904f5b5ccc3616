"""2,000 open streams on one process of `bin/serve`: their effect on others, their latency and their memory."""

from __future__ import annotations

import random
import resource
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from statistics import median, quantiles

from bench import cpu
from bench.http import Request, Server, serve, time_requests
from bench.rounds import RUN, Case, at_most
from bench.tables import SMALL, Table, table

# Each person has two tabs in different browsers.
STREAMS, EACH = 2_000, 2
EVENTS_PER_SECOND, EVENTS, ANNOUNCEMENTS = 5, 100, 10
LIST_SECONDS, QUIET_SECONDS = 2.0, 20.0
AS_BIN_SERVE = ("-c", "bin/gunicorn.conf.py")


def list_time() -> Case:
    """The 99th percentile of the list of 50 beside the streams, against that of a server without any."""
    crowd()
    calm = serve(RUN, "wsgi:app", table(SMALL).settings, AS_BIN_SERVE)
    about = f"list of 50 beside {STREAMS:,} streams / beside none, 5 events per second, p99, ms"
    return Case(about, at_most(1.2), lambda: 1000 * _list_p99(crowd().server), lambda: 1000 * _list_p99(calm))


def event_time() -> Case:
    """The 99th percentile of the time from a commit to the tabs of one person."""
    about = f"event to the tabs of one person, {STREAMS:,} streams: p99 / 1 s, ms"
    return Case(
        about,
        at_most(1),
        lambda: 1000 * crowd().to_one.p99,
        lambda: 1000.0,
        notes=lambda: f"; median {1000 * crowd().to_one.middle:.0f} ms",
        is_long=True,
    )


def announcement_time() -> Case:
    """The 99th percentile of the time from a commit that changes every inbox to all tabs."""
    about = f"change of every inbox to its tabs, {STREAMS:,} streams: p99 / 1 s, ms"
    return Case(about, at_most(1), lambda: 1000 * crowd().to_all.p99, lambda: 1000.0, is_long=True)


def memory() -> Case:
    """The memory that a stream adds to the server."""
    about = f"memory of each of {STREAMS:,} streams / 40 KB"
    return Case(
        about,
        at_most(1),
        lambda: crowd().kilobytes,
        lambda: 40.0,
        notes=lambda: f"; quiet, they use {crowd().cores:.3f} of a core",
        is_long=True,
    )


class Times(list[float]):
    """Seconds from a commit until its event arrives at a tab."""

    @property
    def p99(self) -> float:
        """The 99th percentile."""
        return quantiles(self, n=100, method="inclusive")[98]

    @property
    def middle(self) -> float:
        """The median."""
        return median(self)


class Crowd:
    """Open streams on a server of their own, and what was measured."""

    def __init__(self, filled: Table) -> None:
        self._filled = filled
        self.server: Server = serve(RUN, "wsgi:app", filled.settings, AS_BIN_SERVE)
        self._streams = RUN.enter_context(ExitStack())
        self._selector = selectors.DefaultSelector()
        people = [filled.reader + 1 + number for number in range(STREAMS // EACH)]
        browsers = [filled.browser(person) for person in people]
        # The first requests load what a process loads once.
        time_requests(self.server.port, _list_request(filled), seconds=1)
        before = _resident_kilobytes(self.server)
        for headers in browsers * EACH:
            self._open(Request("/notifications/stream", headers))
        time.sleep(1)
        self.kilobytes = (_resident_kilobytes(self.server) - before) / STREAMS
        since, started = cpu.spent([self.server.process]), time.perf_counter()
        time.sleep(QUIET_SECONDS)
        self.cores = since() / (time.perf_counter() - started)
        self.to_one = Times()
        for _number in range(EVENTS):
            self.to_one += self._time(f"WHERE id = {random.choice(people)}", EACH)
            time.sleep(random.uniform(0, 1 / EVENTS_PER_SECOND))
        self.to_all = Times()
        for _number in range(ANNOUNCEMENTS):
            self.to_all += self._time("", STREAMS)
        # Read the streams, as browsers do, while others are measured.
        threading.Thread(target=self._read_on, daemon=True).start()

    def _open(self, request: Request) -> None:
        connection = self._streams.enter_context(
            socket.create_connection(("127.0.0.1", self.server.port), 30)
        )
        connection.sendall(request.encode())
        answer = connection.recv(4096)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"No stream: {answer.splitlines()[0].decode()}")
        self._selector.register(connection, selectors.EVENT_READ)

    def _time(self, where: str, count: int) -> list[float]:
        """Change inboxes, and wait until this many streams have sent the event."""
        started, times = time.perf_counter(), []
        self._filled.write(f"UPDATE users SET inbox_version = inbox_version + 1 {where}")
        while len(times) < count:
            events = self._read()
            times += [time.perf_counter() - started] * events
        return times

    def _read(self) -> int:
        """Wait for what the streams send; returns how many events it has."""
        ready = self._selector.select(10)
        if not ready:
            raise RuntimeError("An event did not come")
        return sum(key.fileobj.recv(4096).count(b"event: inbox") for key, _mask in ready)

    def _read_on(self) -> None:
        while True:
            self._read()


@cache
def crowd() -> Crowd:
    """Open the streams and measure them."""
    allow_many_connections()
    return Crowd(table(SMALL))


def allow_many_connections() -> None:
    """Raise this process's limit on open files."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _list_p99(server: Server) -> float:
    filled = table(SMALL)
    with _events(filled):
        times = time_requests(server.port, _list_request(filled), seconds=LIST_SECONDS)
    return quantiles(times, n=100, method="inclusive")[98]


def _list_request(filled: Table) -> Request:
    return Request("/api/notifications/", {"Authorization": f"Bearer {filled.token}"})


@contextmanager
def _events(filled: Table) -> Iterator[None]:
    """Change someone's inbox five times a second while the block runs."""
    is_over = threading.Event()

    def change() -> None:
        while not is_over.wait(1 / EVENTS_PER_SECOND):
            person = filled.reader + 1 + random.randrange(STREAMS // EACH)
            filled.write(f"UPDATE users SET inbox_version = inbox_version + 1 WHERE id = {person}")

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _resident_kilobytes(server: Server) -> int:
    """Add up the memory of a server's processes."""
    first = server.process
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    statuses = [Path(f"/proc/{process}/status").read_text() for process in (first, *children)]
    return sum(int(status.partition("VmRSS:")[2].split()[0]) for status in statuses)
