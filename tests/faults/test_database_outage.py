"""While the database is unavailable or locked, every request is a 503 within seconds, and the log says so once."""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from app.database.base import db
from app.models import User
from tests.support import factories
from tests.support.gunicorn import Server, serving, session_cookie
from tests.support.waiting import wait_until

RETRYING = "Try again in a moment"


def ask(
    server: Server, path: str, headers: dict[str, str], body: bytes | None = None
) -> tuple[int, str, str, float]:
    """Return status, `Retry-After`, body and duration in seconds."""
    started = time.monotonic()
    request = urllib.request.Request(server.url + path, body, headers)
    try:
        response = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        text = response.read().decode()
        return response.status, response.headers.get("Retry-After", ""), text, time.monotonic() - started


def test_a_locked_sqlite_file_is_a_503_everywhere(
    app: Flask, database_file: Path, tmp_path: Path, alice: User, token: Callable[..., dict[str, str]]
) -> None:
    cookie, bearer = {"Cookie": session_cookie(app, alice)}, token(alice, "events")
    event = json.dumps(factories.event_body(recipients=[alice.email])).encode()
    with serving(database_file, tmp_path / "log") as server:
        other = sqlite3.connect(database_file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        post = ask(server, "/api/events/", bearer | {"Content-Type": "application/json"}, event)
        assert (post[0], post[1]) == (503, "5")
        assert post[3] < 8
        assert ask(server, "/notifications", cookie)[0] == 200, "reading goes on"
        other.close()
        assert ask(server, "/api/events/", bearer | {"Content-Type": "application/json"}, event)[0] == 201
        other = sqlite3.connect(database_file, isolation_level=None)
        other.execute("ALTER TABLE users RENAME TO gone")
        for path in (
            "/notifications",
            "/notifications/stream",
            "/notifications/pulse",
            "/account",
            "/admin/jobs",
        ):
            status, retry, text, _seconds = ask(server, path, cookie)
            assert (status, retry) == (503, "5"), path
            assert RETRYING in text
            assert "<h1" in text
        assert ask(server, "/api/notifications/", bearer)[:2] == (503, "5")
        assert ask(server, "/api/notifications/", cookie)[:2] == (503, "5")
        other.execute("ALTER TABLE gone RENAME TO users")
        other.close()
        assert ask(server, "/notifications", cookie)[0] == 200
        assert "Traceback" not in server.errors()


@pytest.fixture
def away(pg_app: Flask, postgres: str) -> Iterator[Callable[[bool], None]]:
    """Return a function that makes the database unavailable or available again."""
    name = db.engine.url.database
    db.session.remove()

    def set_away(is_away: bool) -> None:
        with psycopg.connect(postgres, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {not is_away}")
            if is_away:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
                )

    yield set_away
    set_away(False)


def prepare(pg_app: Flask) -> tuple[str, dict[str, str], dict[str, str], bytes]:
    from app.services.accounts import tokens

    alice = factories.user("alice@example.test", "Alice Moreau")
    _row, text = tokens.create(alice, "test", ["read", "write", "events"], actor=None)
    url = db.engine.url.render_as_string(hide_password=False)
    event = json.dumps(factories.event_body(recipients=[alice.email])).encode()
    cookie = {"Cookie": session_cookie(pg_app, alice)}
    db.session.remove()
    return url, cookie, {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}, event


@pytest.mark.long
def test_everything_is_a_503_during_a_postgresql_outage_which_is_logged_once(
    pg_app: Flask, away: Callable[[bool], None], tmp_path: Path
) -> None:
    url, cookie, bearer, event = prepare(pg_app)
    with serving(url, tmp_path / "log") as server:
        assert ask(server, "/notifications", cookie)[0] == 200
        with server.connect() as stream:
            stream.sendall(
                f"GET /notifications/stream HTTP/1.1\r\nHost: b.test\r\nCookie: {cookie['Cookie']}\r\n\r\n".encode()
            )
            assert b" 200 " in stream.recv(100)
            away(True)
            ends_at = time.monotonic() + 15
            while time.monotonic() < ends_at:
                for path, headers, body in (
                    ("/notifications", cookie, None),
                    ("/metrics", {}, None),
                    ("/readyz", {}, None),
                    ("/api/notifications/unread-count/", bearer, None),
                    ("/api/events/", bearer, event),
                ):
                    status, retry, text, seconds = ask(server, path, headers, body)
                    assert status == 503, (path, text)
                    assert seconds < 5
                    assert retry == "5" or path == "/readyz"
                assert ask(server, "/healthz", {})[0] == 200
            away(False)
            wait_until(lambda: ask(server, "/notifications", cookie)[0] == 200)
            wait_until(lambda: "available again" in server.errors())
        lines = server.errors().splitlines()
        assert len(lines) <= 4, "\n".join(lines[:40])


@pytest.mark.long
def test_requests_that_wait_for_a_locked_table_get_a_503_within_seconds(
    pg_app: Flask, tmp_path: Path
) -> None:
    url, _cookie, bearer, _event = prepare(pg_app)
    events = [
        json.dumps(factories.event_body(recipients=["alice@example.test"]) | {"id": f"e{number}"}).encode()
        for number in range(160)
    ]
    with serving(url, tmp_path / "log") as server, psycopg.connect(url.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE notifications IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(160) as crowd:
            answers = list(crowd.map(lambda event: ask(server, "/api/events/", bearer, event), events))
        assert {answer[0] for answer in answers} == {503}
        assert {answer[1] for answer in answers} == {"5"}
        assert max(answer[3] for answer in answers) < 15
        other.rollback()
        assert ask(server, "/api/events/", bearer, events[0])[0] == 201
        assert len(server.errors().splitlines()) <= 6, server.errors()[:5000]
