"""2,000 people with open tabs and 5 events per second, on a server as `bin/serve` starts it."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from statistics import quantiles

from sqlalchemy import insert, select

from app.database.base import db
from app.models import User, UserNotificationPreference
from app.services.accounts import tokens
from bench import cpu
from bench.http import Request, Server, serve
from bench.rounds import Case, at_most
from bench.streams import AS_BIN_SERVE, allow_many_connections
from bench.tables import Table, table

PEOPLE, OTHERS, ROWS = 2_000, 10_000, 500_000
EVENTS_PER_SECOND, PAGES_PER_SECOND = 5, 2
# Every tab polls once in the first seconds, before anything is measured.
POLL_SECONDS, WARM_SECONDS, SECONDS = 15, 20, 30
# A page with a stream refreshes all the same, in case the stream hangs (app/static/js/connection.js).
REFRESH_SECONDS = 60
CORES = {"sqlite": 0.6, "postgresql": 1.0}
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def cpu_share(database: str) -> Case:
    """The CPU of server and database, in cores."""
    about = f"{PEOPLE:,} people with open tabs, 5 events per second: cores of CPU / one core"
    return Case(
        about,
        at_most(CORES[database]),
        lambda: crowd(database).cores,
        lambda: 1.0,
        notes=lambda: crowd(database).describe(),
        is_long=True,
    )


def page_time(database: str) -> Case:
    """The 99th percentile of the inbox page meanwhile."""
    about = f"{PEOPLE:,} people with open tabs, 5 events per second: page p99 / 150 ms, ms"
    return Case(about, at_most(1), lambda: 1000 * crowd(database).page_p99, lambda: 150.0, is_long=True)


@dataclass
class Crowd:
    """The tabs of a crowd and what was measured: pulses, those that failed, and streams."""

    port: int
    page_times: list[float] = field(default_factory=list)
    polls: int = 0
    failed: int = 0
    streams: int = 0
    cores: float = 0
    refreshing: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def page_p99(self) -> float:
        """The 99th percentile of the page, in seconds."""
        return quantiles(self.page_times, n=100, method="inclusive")[98]

    def describe(self) -> str:
        """Say how many requests were behind the numbers."""
        return f"; {self.streams} streams, {self.polls:,} polls, {self.failed:,} refused"

    async def run(self, filled: Table, server: Server, token: str, browsers: list[dict[str, str]]) -> None:
        """Open all tabs, wait until they are quiet, and measure."""
        tasks = [asyncio.create_task(self._tab(headers)) for headers in browsers]
        tasks.append(asyncio.create_task(self._report_events(token)))
        tasks.append(asyncio.create_task(self._load_pages(browsers[0])))
        await asyncio.sleep(WARM_SECONDS)
        self.page_times.clear()
        self.polls, self.failed, started = 0, 0, time.perf_counter()
        since = cpu.spent([server.process, *filled.processes], filled.own_processes)
        await asyncio.sleep(SECONDS)
        # A server that cannot keep up answers less; what all polls would cost is what counts.
        wanted = (len(browsers) - self.streams) * SECONDS / POLL_SECONDS
        self.cores = since() / (time.perf_counter() - started) * max(1, wanted / max(1, self.polls))
        tasks += self.refreshing
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _tab(self, headers: dict[str, str]) -> None:
        """Listen as a page does: to a stream, or by polling if there is none to spare."""
        await asyncio.sleep(random.uniform(0, POLL_SECONDS))
        pulse = Request("/notifications/pulse?list=1", headers | {"HX-Request": "true"})
        connection = await asyncio.open_connection("127.0.0.1", self.port)
        reader = await _send(connection, Request("/notifications/stream", headers))
        status = int((await reader.readline()).split()[1])
        if status == 200:
            self.streams += 1
            self.refreshing.append(asyncio.create_task(self._refresh(pulse)))
            while line := await reader.readline():
                if line.startswith(b"event: inbox"):
                    other = await asyncio.open_connection("127.0.0.1", self.port)
                    await self._request(other, pulse)
                    other[1].close()
            raise RuntimeError("The server ended a stream")
        await reader.readuntil(b"\r\n\r\n")
        while True:
            connection = await self._request(connection, pulse)
            await asyncio.sleep(POLL_SECONDS)

    async def _refresh(self, pulse: Request) -> None:
        await asyncio.sleep(random.uniform(0, REFRESH_SECONDS))
        connection = await asyncio.open_connection("127.0.0.1", self.port)
        while True:
            connection = await self._request(connection, pulse)
            await asyncio.sleep(REFRESH_SECONDS)

    async def _request(self, connection: Connection, request: Request) -> Connection:
        """Send a request; returns its connection, or a new one if the server could not answer."""
        try:
            await _receive(await _send(connection, request))
        except (OSError, EOFError, RuntimeError):
            self.failed += 1
            connection[1].close()
            return await asyncio.open_connection("127.0.0.1", self.port)
        self.polls += request.path.startswith("/notifications/pulse")
        return connection

    async def _load_pages(self, headers: dict[str, str]) -> None:
        connection = await asyncio.open_connection("127.0.0.1", self.port)
        while True:
            started = time.perf_counter()
            connection = await self._request(connection, Request("/notifications", headers))
            self.page_times.append(time.perf_counter() - started)
            await asyncio.sleep(1 / PAGES_PER_SECOND)

    async def _report_events(self, token: str) -> None:
        connection = await asyncio.open_connection("127.0.0.1", self.port)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        number = 0
        while True:
            number += 1
            data = {"recipients": [f"other{random.randrange(PEOPLE)}@example.test"]}
            data |= {"job_title": "Staff Data Engineer", "company_name": "Alder Robotics"}
            event = {"specversion": "1.0", "id": str(number), "source": "/bench", "type": "job.created"}
            body = json.dumps(event | {"time": "2026-01-01T00:00:00Z", "data": data})
            connection = await self._request(connection, Request("/api/events/", headers, "POST", body))
            await asyncio.sleep(1 / EVENTS_PER_SECOND)


async def _send(connection: Connection, request: Request) -> asyncio.StreamReader:
    reader, writer = connection
    writer.write(request.encode())
    await writer.drain()
    return reader


async def _receive(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 2"):
        raise RuntimeError(f"The server answered {head.splitlines()[0].decode()}")
    await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))


@cache
def crowd(database: str) -> Crowd:
    """Measure 2,000 people with open tabs."""
    allow_many_connections()
    filled = table(ROWS, database, OTHERS)
    with filled.app.app_context():
        people = db.session.scalars(select(User.id).where(User.id != filled.reader).order_by(User.id)).all()
        db.session.execute(insert(UserNotificationPreference), [{"user_id": person} for person in people])
        db.session.commit()
        _, token = tokens.create(db.session.get_one(User, filled.reader), "events", ["events"])
        db.session.remove()
    browsers = [filled.browser(person) for person in (filled.reader, *people[: PEOPLE - 1])]
    with ExitStack() as resources:
        # Behind a proxy, connections per address are not limited.
        settings = filled.settings | {"TRUSTED_PROXIES": "1", "MALLOC_ARENA_MAX": "2"}
        server = serve(resources, "wsgi:app", settings, AS_BIN_SERVE)
        measured = Crowd(server.port)
        asyncio.run(measured.run(filled, server, token, browsers))
    return measured
