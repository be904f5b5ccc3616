"""A server holds streams for thousands of open pages, without a thread for each."""

from __future__ import annotations

import http.client
import re
import resource
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import quantiles

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.database.base import db
from app.models import BrowserSession, User
from app.services.accounts import sessions
from app.services.base import inbox_pubsub
from app.services.notifications import inbox_version
from tests.support import factories
from tests.support.brokers import RedisServer
from tests.support.gunicorn import Server, serving, session_cookie
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
EVENT = b"event: inbox\ndata: changed\n\n"
TABS_EACH = 10


@pytest.fixture
def server(database_file: Path, tmp_path: Path) -> Iterator[Server]:
    with serving(database_file, tmp_path / "log") as server:
        yield server


@pytest.fixture
def tabs(server: Server) -> Iterator[Tabs]:
    with Tabs(server) as tabs:
        yield tabs


class Tabs(ExitStack):
    """Open tabs of people."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self._selector = selectors.DefaultSelector()

    def open(self, cookie: str, version: str = "1.1") -> socket.socket | None:
        """Open a stream; None if the server has none left."""
        connection = self.enter_context(self._server.connect())
        head = f"GET /notifications/stream HTTP/{version}\r\nHost: bellhop.test\r\nCookie: {cookie}\r\n\r\n"
        connection.sendall(head.encode())
        answer = read_until(connection, b"\r\n\r\n")
        if answer.startswith(b"HTTP/1.1 204 "):
            connection.close()
            return None
        assert answer.startswith(f"HTTP/{version} 200 ".encode())
        assert b"\r\nX-Accel-Buffering: no\r\n" in answer
        if b"retry: " not in answer:
            read_until(connection, b"retry: ")
        self._selector.register(connection, selectors.EVENT_READ)
        return connection

    def hang_up(self, connection: socket.socket) -> None:
        """Close a stream."""
        self._selector.unregister(connection)
        connection.close()

    def wait_for_events(self, count: int, seconds: float = 10) -> dict[socket.socket, float]:
        """Wait until this many tabs have received an event; returns when each did."""
        received: dict[socket.socket, float] = {}
        until = time.monotonic() + seconds
        while len(received) < count and time.monotonic() < until:
            for key, _mask in self._selector.select(0.1):
                if EVENT in key.fileobj.recv(65536):
                    received[key.fileobj] = time.monotonic()
        return received


def read_until(connection: socket.socket, end: bytes) -> bytes:
    data = b""
    while end not in data and (more := connection.recv(65536)):
        data += more
    return data


def count_streams(server: Server) -> int:
    answer = server.send(b"GET /metrics HTTP/1.1\r\nHost: bellhop.test\r\nConnection: close\r\n\r\n")
    return int(float(re.search(rb"^bellhop_streams_open (\S+)$", answer, re.MULTILINE)[1]))


def open_tabs(app: Flask, tabs: Tabs, people: int) -> dict[int, list[socket.socket]]:
    """Open ten tabs for each of this many people."""
    found = {}
    for number in range(people):
        user = factories.user(f"person{number}@example.com")
        cookie = session_cookie(app, user)
        found[user.id] = [tabs.open(cookie) for _number in range(TABS_EACH)]
    return found


def change_inboxes(*user_ids: int) -> float:
    """Change these inboxes; returns when that was committed."""
    change = update(User).where(User.id.in_(user_ids)).values(inbox_version=User.inbox_version + 1)
    db.session.execute(change)
    db.session.commit()
    return time.monotonic()


def test_an_event_reaches_all_tabs_of_its_person_and_no_others(
    app: Flask, server: Server, tabs: Tabs
) -> None:
    opened = open_tabs(app, tabs, 30)
    (first, *_others) = opened
    assert count_streams(server) == 300
    changed_at = change_inboxes(first)
    received = tabs.wait_for_events(TABS_EACH)
    assert received.keys() == set(opened[first])
    assert max(received.values()) - changed_at < 1
    assert not tabs.wait_for_events(1, seconds=1)
    change_inboxes(*opened)
    assert len(tabs.wait_for_events(300)) == 300
    server.master.send_signal(signal.SIGTERM)
    told_at = time.monotonic()
    for each in (each for theirs in opened.values() for each in theirs):
        assert read_until(each, b"0\r\n\r\n").endswith(b"0\r\n\r\n")  # Ended, not cut off.
        each.close()
    assert server.master.wait(15) == 0
    assert time.monotonic() - told_at < 10
    assert "Traceback" not in server.errors()


def test_a_stream_ends_with_its_session_and_its_connection_serves_the_next_request(
    app: Flask, server: Server, tabs: Tabs, alice: User, charlie: User
) -> None:
    hers, his = (tabs.open(session_cookie(app, user)) for user in (alice, charlie))
    session_id = db.session.scalars(select(BrowserSession.id).where(BrowserSession.user_id == alice.id)).one()
    ended_at = time.monotonic()
    sessions.end(alice, session_id)
    assert read_until(hers, b"0\r\n\r\n").endswith(b"0\r\n\r\n")
    assert time.monotonic() - ended_at < 1
    hers.sendall(b"GET /healthz HTTP/1.1\r\nHost: bellhop.test\r\n\r\n")
    assert hers.recv(100).startswith(b"HTTP/1.1 200 ")
    wait_until(lambda: count_streams(server) == 1)
    change_inboxes(charlie.id)
    assert tabs.wait_for_events(1).keys() == {his}


def test_a_client_that_hangs_up_frees_its_stream(app: Flask, server: Server, tabs: Tabs, alice: User) -> None:
    cookie = session_cookie(app, alice)
    opened = [tabs.open(cookie) for _number in range(TABS_EACH)]
    assert tabs.open(cookie) is None
    tabs.hang_up(opened[0])
    wait_until(lambda: count_streams(server) == TABS_EACH - 1, 2)
    assert tabs.open(cookie)


def test_a_stream_over_http_1_0_is_not_chunked(app: Flask, tabs: Tabs, alice: User) -> None:
    tab = tabs.open(session_cookie(app, alice), "1.0")
    change_inboxes(alice.id)
    assert read_until(tab, EVENT) == EVENT
    sessions.end_others(alice, 0)
    assert tab.recv(100) == b""


def test_with_few_files_there_are_fewer_streams_and_other_requests_are_served(
    app: Flask, database_file: Path, tmp_path: Path
) -> None:
    with serving(database_file, tmp_path / "log", open_files=700) as server, Tabs(server) as tabs:
        users = [factories.user(f"person{number}@example.com") for number in range(5)]
        cookies = [session_cookie(app, user) for user in users]
        opened = [tabs.open(cookie) for cookie in cookies for _number in range(TABS_EACH)]
        assert 20 <= sum(each is not None for each in opened) < 50
        assert opened[-1] is None
        page = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        page.request("GET", "/notifications", headers={"Cookie": cookies[0]})
        assert page.getresponse().status == 200
        page.close()


def test_a_reader_that_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "bin")
    import buffered_worker

    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        stream = buffered_worker.ResponseSocket(ours)
        with pytest.raises(buffered_worker.ClientTooSlow):
            deque(map(stream.send_message, [EVENT] * 10_000), maxlen=0)


def test_an_event_reaches_the_tabs_of_every_process_with_and_without_redis(
    pg_app: Flask, redis_server: RedisServer, tmp_path: Path
) -> None:
    pg_app.config["REDIS_URL"] = redis_server.url
    inbox_pubsub.register(pg_app)
    url = db.engine.url.render_as_string(hide_password=False)
    settings = {"REDIS_URL": redis_server.url, "BELLHOP_WORKERS": "2"}
    with serving(url, tmp_path / "log", **settings) as server, Tabs(server) as tabs:
        cookies = [
            session_cookie(pg_app, factories.user(f"person{number}@example.com")) for number in range(4)
        ]
        opened = [tabs.open(cookie) for cookie in cookies for _number in range(TABS_EACH)]
        user_ids = list(db.session.scalars(select(User.id)))
        for is_redis_away in (False, True):
            if is_redis_away:
                redis_server.stop()
            time.sleep(1)
            inbox_version.bump(user_ids)
            db.session.commit()
            changed_at = time.monotonic()
            received = tabs.wait_for_events(len(opened))
            assert received.keys() == set(opened)
            assert max(received.values()) - changed_at < 1
        assert "Traceback" not in server.errors()


@pytest.mark.long
def test_two_thousand_streams(app: Flask, server: Server, tabs: Tabs) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    opened = open_tabs(app, tabs, 200)
    assert count_streams(server) == 2_000
    for _number in range(3):
        changed_at = change_inboxes(*opened)
        received = tabs.wait_for_events(2_000)
        times = [at - changed_at for at in received.values()]
        assert len(times) == 2_000
        assert quantiles(times, n=100)[98] < 1
