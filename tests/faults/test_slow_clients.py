"""A thousand clients that send or read slowly do not slow down anyone else."""

from __future__ import annotations

import http.client
import re
import time
from pathlib import Path
from statistics import quantiles
from types import SimpleNamespace

import pytest
from flask import Flask

from app.models import User
from tests.support import factories
from tests.support.gunicorn import ROOT, Server, serving, session_cookie
from tests.support.slow_clients import HEAD, KINDS, POST, slow_clients

SECONDS = 25


@pytest.fixture
def server(database_file: Path, tmp_path: Path):
    with serving(database_file, tmp_path / "log") as server:
        yield server


def visit_inbox(server: Server, cookie: str, seconds: float) -> list[float]:
    """Load the inbox repeatedly, alternating between a new and a kept connection; return the durations."""
    taken, kept = [], http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        for connection in (kept, http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)):
            started = time.monotonic()
            connection.request("GET", "/notifications", headers={"Cookie": cookie})
            response = connection.getresponse()
            body = response.read()
            taken.append(time.monotonic() - started)
            assert response.status == 200
            assert b"Interview" in body
            if connection is not kept:
                connection.close()
        time.sleep(0.05)
    kept.close()
    return taken


@pytest.mark.long
def test_the_inbox_loads_within_a_second_despite_a_thousand_slow_clients(
    app: Flask, server: Server, alice: User
) -> None:
    for number in range(100):
        factories.notification(alice, f"Interview {number} " + "with words " * 15)
    cookie = session_cookie(app, alice)
    style = re.search(rb'href="(/static/[^"]+css)"', server.send(HEAD + b"\r\nConnection: close\r\n\r\n"))[1]
    asks = b"GET %b HTTP/1.1\r\nHost: bellhop.test\r\n\r\n" % style
    kinds = {**KINDS, "does not read": (asks * 10, b""), "asks again and does not read": (asks, asks)}
    assert max(visit_inbox(server, cookie, 2)) < 1
    with slow_clients(server.port, 1_000, kinds):
        taken = visit_inbox(server, cookie, SECONDS)
    assert len(taken) > 100
    assert quantiles(taken, n=100)[98] < 1
    log = server.errors()
    assert "Traceback" not in log
    assert "database is locked" not in log


UNFINISHED = (HEAD, POST + b"Content-Length: 50\r\n\r\n", POST + b"Transfer-Encoding: chunked\r\n\r\n")


@pytest.mark.long
@pytest.mark.parametrize("kind", UNFINISHED)
def test_a_request_that_does_not_arrive_in_time_is_a_408(server: Server, kind: bytes) -> None:
    started = time.monotonic()
    answer = server.send(kind)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 8 < time.monotonic() - started < 15


@pytest.mark.long
def test_a_silent_connection_is_closed(server: Server) -> None:
    assert server.send(b"", 15) == b""


def test_a_request_in_many_small_pieces_is_answered(server: Server) -> None:
    body = b"email=a%40b.example&password=" + b"x" * 3000
    request = POST + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    with server.connect() as connection:
        for start in range(0, len(request), 100):
            connection.sendall(request[start : start + 100])
            time.sleep(0.001)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 "), "the form has no CSRF token"


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: bellhop.test\r\n"
    post = POST + b"Content-Length: 3\r\n\r\na=b"
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\na=b\r\n0\r\nX-T: 1\r\n\r\n"
    answer = server.send(one + b"\r\n" + post + chunked + one + b"Connection: close\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+) ", answer) == [b"200", b"400", b"400", b"200"]


def test_a_client_that_expects_100_continue_gets_it(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(POST + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 3\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"a=b")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 5000000\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_polling_clients_keep_their_connection(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for _poll in range(300):
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        response.read()
        assert response.headers["Connection"] == "keep-alive"
    first = connection.sock
    # As long as gunicorn's default, with a margin: the interval of a poll must find the connection open.
    time.sleep(2.5)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    assert connection.sock is first
    connection.close()


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("2001:db8:1:2:3::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", None),
        ("::1", None),
    ],
)
def test_connections_count_for_the_network_of_their_address(
    monkeypatch: pytest.MonkeyPatch, address: str, counted: str | None
) -> None:
    monkeypatch.syspath_prepend(ROOT / "bin")
    import buffered_worker

    worker = SimpleNamespace(limits_addresses=True)
    assert buffered_worker.BufferedWorker._address(worker, (address, 50_000)) == counted
