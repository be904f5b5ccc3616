"""`bin/bench load URL`: a steady load on a running server, and how long its answers take.

Requests start on time, also when earlier ones are not answered yet, and a time counts from when the request was due,
so a server that falls behind shows it.
"""

from __future__ import annotations

import argparse
import getpass
import html
import http.client
import itertools
import json
import os
import re
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import quantiles
from urllib.parse import SplitResult, urlencode, urlsplit

import config

# Requests of one kind that may wait at the same time.
MOST_WAITING = 32
TIMEOUT = 30
STREAMS_PER_PERSON = 10
PASSWORD, TOKEN = "BENCH_PASSWORD", "BENCH_TOKEN"  # The names of variables.


class LoadError(Exception):
    """The load cannot be put on this server; the message says what to do."""


@dataclass(frozen=True)
class Site:
    """The address of a server."""

    parts: SplitResult

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that opens itself, and again after an error."""
        kind = http.client.HTTPSConnection if self.parts.scheme == "https" else http.client.HTTPConnection
        return kind(str(self.parts.hostname), self.parts.port, timeout=TIMEOUT)

    def path(self, path: str) -> str:
        """Return a path of the site, which may be below one of its own."""
        return self.parts.path.rstrip("/") + path


@dataclass
class Kind:
    """One kind of request, and what was measured: seconds from when each was due, and failures by status."""

    name: str
    rate: float
    send: Callable[[http.client.HTTPConnection], int]
    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def run(self, site: Site, begins_at: float, seconds: float) -> list[threading.Thread]:
        """Start the threads that send."""
        numbers = itertools.count()
        ends_at = begins_at + seconds

        def go_on() -> None:
            connection = site.connect()
            while (due := begins_at + next(numbers) / self.rate) < ends_at:
                time.sleep(max(0.0, due - time.perf_counter()))
                try:
                    status = self.send(connection)
                except (OSError, http.client.HTTPException) as error:
                    connection.close()
                    self.failures.append(type(error).__name__)
                    continue
                self.times.append(time.perf_counter() - due)
                if status >= 400:
                    self.failures.append(str(status))
            connection.close()

        count = min(MOST_WAITING, max(2, round(self.rate)))
        threads = [threading.Thread(target=go_on, daemon=True) for _number in range(count)]
        for thread in threads:
            thread.start()
        return threads

    def describe(self, seconds: float) -> str:
        """Return the line of the result."""
        line = f"{self.name:<8} {self.rate:>8.1f} {len(self.times) / seconds:>8.1f}"
        if len(self.times) > 1:
            cuts = quantiles(self.times, n=100, method="inclusive")
            line += "".join(f" {1000 * value:>8,.0f}" for value in (cuts[49], cuts[98], max(self.times)))
        else:
            line += f" {'-':>8}" * 3
        reasons = ", ".join(sorted(set(self.failures)))
        return f"{line} {len(self.failures):>8}{f'  ({reasons})' if reasons else ''}"


@dataclass
class Streams:
    """Open event streams: how many are open, were refused, and how many updates came."""

    opened: int = 0
    refused: int = 0
    updates: int = 0
    connections: list[http.client.HTTPConnection] = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)

    def open(self, site: Site, cookie: str) -> None:
        """Open a stream and read it in a thread."""
        connection = site.connect()
        connection.request("GET", site.path("/notifications/stream"), headers={"Cookie": cookie})
        response = connection.getresponse()
        if response.status != 200:
            self.refused += 1
            connection.close()
            return
        self.opened += 1

        def read() -> None:
            with suppress(OSError, http.client.HTTPException, ValueError):
                while line := response.readline():
                    self.updates += line.startswith(b"event: inbox")

            response.close()
            connection.close()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self.connections.append(connection)
        self.readers.append(reader)

    def close(self) -> None:
        """End all streams."""
        for connection in self.connections:
            with suppress(OSError, AttributeError):  # One that the server has ended has no socket.
                connection.sock.shutdown(socket.SHUT_RDWR)
        for reader in self.readers:
            reader.join(TIMEOUT)


def main(arguments: Sequence[str]) -> int:
    """Put the load on the server and print the result; returns the exit code."""
    options = parse(arguments)
    try:
        return run(options)
    except (LoadError, OSError, http.client.HTTPException) as error:
        print(f"bench load: {error}", file=sys.stderr)
        return 2


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line. Raises SystemExit: an option is unknown."""
    parser = argparse.ArgumentParser(
        prog="bin/bench load",
        description="Put a steady load on a running server and show how long its answers take.",
        epilog=f"The password is read from {PASSWORD}, or asked for; the token of the API, with the scope events, "
        f"from {TOKEN}. Start the server with API_RATE_LIMIT='1000000 per minute'.",
    )
    parser.add_argument("url", help="the address of the server, such as http://127.0.0.1:5000")
    parser.add_argument(
        "--email",
        action="append",
        default=[],
        help="a person who reads, and gets the events; may be repeated",
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="default 30")
    for name, rate in (("events", 5.0), ("pages", 2.0), ("polls", 10.0)):
        parser.add_argument(f"--{name}", type=float, default=rate, help=f"a second, default {rate:g}")
    parser.add_argument(
        "--streams",
        type=int,
        default=0,
        help=f"open tabs, up to {STREAMS_PER_PERSON} for each person; default 0",
    )
    parser.add_argument(
        "--another-machine",
        action="store_true",
        help="the server is on another machine, and may be loaded; events reach its people",
    )
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    """Sign in, put on the load, and print the result.

    Raises:
        LoadError: the options do not fit the server.
    """
    site = check(options)
    cookies = [sign_in(site, email) for email in options.email]
    streams = Streams()
    for _number, cookie in zip(range(options.streams), itertools.cycle(cookies), strict=False):
        streams.open(site, cookie)
    kinds = [kind for kind in make_kinds(site, options, cookies) if kind.rate > 0]
    begins_at = time.perf_counter()
    threads = [thread for kind in kinds for thread in kind.run(site, begins_at, options.seconds)]
    show_progress(kinds, begins_at, options.seconds, threads)
    took = max(time.perf_counter() - begins_at, options.seconds)
    streams.close()
    print(f"{'':<8} {'wanted/s':>8} {'done/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'most ms':>8} {'failed':>8}")
    for kind in kinds:
        print(kind.describe(took))
    if options.streams:
        print(f"{streams.opened} streams open, {streams.refused} refused, {streams.updates} updates")
    print(f"Load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return int(any(kind.failures for kind in kinds))


def check(options: argparse.Namespace) -> Site:
    """Return the server that the options name.

    Raises:
        LoadError: they do not fit together, or it is another machine's.
    """
    parts = urlsplit(options.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise LoadError("write an address such as http://127.0.0.1:5000")
    if not config.is_loopback(parts.hostname) and not options.another_machine:
        raise LoadError(f"{parts.hostname} is another machine: add --another-machine if it may be loaded")
    if not options.email:
        raise LoadError("add --email with a person who may sign in")
    if options.events > 0 and not os.environ.get(TOKEN):
        raise LoadError(
            f"events need a token in {TOKEN} (flask tokens create EMAIL --scopes events), or --events 0"
        )
    if options.streams > STREAMS_PER_PERSON * len(options.email):
        raise LoadError(f"a person may have {STREAMS_PER_PERSON} streams: add --email for more people")
    return Site(parts)


def sign_in(site: Site, email: str) -> str:
    """Sign in and return the cookies.

    Raises:
        LoadError: the server refuses.
    """
    if PASSWORD not in os.environ:
        os.environ[PASSWORD] = getpass.getpass(f"Password of {email}: ")
    connection = site.connect()
    connection.request("GET", site.path("/sign-in"))
    response = connection.getresponse()
    page, jar = response.read().decode(), _cookies(response, {})
    if not (found := re.search(r'name="csrf_token" value="([^"]+)"', page)):
        raise LoadError(f"{site.parts.geturl()} shows no sign-in page (status {response.status})")
    form = {"email": email, "password": os.environ[PASSWORD], "csrf_token": html.unescape(found[1])}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": _header(jar)}
    origin = f"{site.parts.scheme}://{site.parts.netloc}"
    headers |= {"Origin": origin, "Referer": f"{origin}{site.path('/sign-in')}"}
    connection.request("POST", site.path("/sign-in"), urlencode(form), headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    if response.status != 302:
        raise LoadError(f"{email} cannot sign in (status {response.status})")
    return _header(_cookies(response, jar))


def _cookies(response: http.client.HTTPResponse, jar: Mapping[str, str]) -> dict[str, str]:
    pairs = (line.partition(";")[0].partition("=") for line in response.headers.get_all("Set-Cookie", []))
    return {**jar, **{name: value for name, _equals, value in pairs}}


def _header(jar: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in jar.items())


def make_kinds(site: Site, options: argparse.Namespace, cookies: Sequence[str]) -> Iterable[Kind]:
    """Return what is sent, each kind at its rate."""
    readers, numbers, run_id = itertools.cycle(cookies), itertools.count(), secrets.token_hex(8)
    bearer = {"Authorization": f"Bearer {os.environ.get(TOKEN, '')}", "Content-Type": "application/json"}
    data = {"recipients": options.email, "job_title": "Load", "company_name": "bin/bench load"}

    def event(connection: http.client.HTTPConnection) -> int:
        body = {
            "specversion": "1.0",
            "id": f"{run_id}-{next(numbers)}",
            "source": "/bench",
            "type": "job.created",
        }
        body |= {"time": datetime.now(UTC).isoformat(), "data": data}
        return _ask(connection, "POST", site.path("/api/events/"), bearer, json.dumps(body))

    def page(connection: http.client.HTTPConnection) -> int:
        return _ask(connection, "GET", site.path("/notifications"), {"Cookie": next(readers)})

    def poll(connection: http.client.HTTPConnection) -> int:
        headers = {"Cookie": next(readers), "HX-Request": "true"}
        return _ask(connection, "GET", site.path("/notifications/pulse?list=1"), headers)

    return (
        Kind("events", options.events, event),
        Kind("pages", options.pages, page),
        Kind("polls", options.polls, poll),
    )


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: str | None = None,
) -> int:
    """Send a request, read the response in full, and return its status."""
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    response.read()
    # A redirect leads to the sign-in page: nothing was measured.
    return 401 if response.status == 302 else response.status


def show_progress(
    kinds: Sequence[Kind], begins_at: float, seconds: float, threads: Sequence[threading.Thread]
) -> None:
    """Say every second how far it is, on standard error, until all threads have ended."""
    while True:
        ends_at = time.monotonic() + 1
        for thread in threads:
            thread.join(max(0.0, ends_at - time.monotonic()))
        passed = min(time.perf_counter() - begins_at, seconds)
        counts = ", ".join(f"{len(kind.times)} {kind.name}" for kind in kinds)
        failed = sum(len(kind.failures) for kind in kinds)
        print(f"{passed:.1f} of {seconds:.1f} s: {counts}, {failed} failed", file=sys.stderr, flush=True)
        if not any(thread.is_alive() for thread in threads):
            return
