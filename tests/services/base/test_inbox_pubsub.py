"""Open pages receive changes through Redis, and from the database while it is away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis
from flask import Flask
from sqlalchemy import select

from app.database.base import db
from app.models import BrowserSession, User
from app.services.accounts import sessions
from app.services.base import inbox_pubsub
from app.services.notifications import inbox_version, stream
from tests.support import factories
from tests.support.brokers import RedisServer
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
PUBLISHER = "inbox publisher"


@pytest.fixture
def redis_app(pg_app: Flask, redis_server: RedisServer) -> Flask:
    """An application on PostgreSQL with a Redis."""
    pg_app.config["REDIS_URL"] = redis_server.url
    inbox_pubsub.register(pg_app)
    return pg_app


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[dict[int, int]]:
    """The queries of the broadcaster. Full checks are turned off."""
    asked = []

    def find_changes(known: dict[int, int]) -> dict[int, int | None]:
        asked.append(known)
        return real(known)

    real = stream.find_changes
    monkeypatch.setattr(stream, "find_changes", find_changes)
    monkeypatch.setattr(stream, "FULL_CHECK_AFTER", 1e9)
    return asked


@pytest.fixture
def listen(redis_app: Flask) -> Iterator[Callable[[User], stream.Listener]]:
    """Open a page of a user."""
    with closing(stream.Broadcaster(redis_app)) as broadcaster:

        def listen(user: User) -> stream.Listener:
            sessions.start(user)
            session_id = db.session.scalars(
                select(BrowserSession.id).where(BrowserSession.user_id == user.id)
            ).one()
            return broadcaster.listen(user.id, session_id, user.inbox_version)

        yield listen


@pytest.fixture
def alice(redis_app: Flask) -> User:
    return factories.user("alice@example.test", "Alice Moreau")


def receives_change(listener: stream.Listener, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not (has_changed := listener.take_change()) and time.monotonic() < until:
        time.sleep(0.005)
    return has_changed


def change(user: User) -> None:
    inbox_version.bump([user.id])
    db.session.commit()


def wait_until_quiet(looks: list[dict[int, int]]) -> None:
    """Wait until the subscription works, so that the database is no longer polled."""

    def is_quiet() -> bool:
        before = len(looks)
        time.sleep(1)
        return before == len(looks)

    wait_until(is_quiet, 20)


def test_a_change_is_announced_without_checking_everyone(
    listen: Callable[[User], stream.Listener], looks: list[dict[int, int]], alice: User
) -> None:
    hers, his = listen(alice), listen(factories.user("charlie@example.test"))
    wait_until_quiet(looks)
    looks.clear()
    change(alice)
    assert receives_change(hers, 1)
    assert not receives_change(his, 0.5)
    assert [set(known) for known in looks] == [{hers.session_id}]


def test_changes_right_after_a_message_share_the_next_one(
    redis_app: Flask, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_pausing, may_go_on = threading.Event(), threading.Event()

    def pause(_seconds: float) -> None:
        is_pausing.set()
        may_go_on.wait(30)

    monkeypatch.setattr(inbox_pubsub, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pause))
    publisher = redis_app.extensions[PUBLISHER]
    with closing(redis.Redis.from_url(redis_server.url).pubsub(ignore_subscribe_messages=True)) as messages:
        messages.subscribe(publisher.channel)
        messages.get_message(timeout=30)
        publisher.add([1])
        assert is_pausing.wait(30)
        publisher.add([2])
        publisher.add([3])
        may_go_on.set()
        found = []
        wait_until(lambda: found.append(messages.get_message(timeout=30)) or len(found) == 2)
    assert [message["data"] for message in found] == [b"1", b"2,3"]


def test_a_change_that_is_rolled_back_is_not_published(
    listen: Callable[[User], stream.Listener], looks: list[dict[int, int]], alice: User
) -> None:
    listen(alice)
    wait_until_quiet(looks)
    looks.clear()
    inbox_version.bump([alice.id])
    db.session.rollback()
    db.session.commit()
    time.sleep(0.5)
    assert looks == []


def test_the_end_of_a_session_is_announced(
    listen: Callable[[User], stream.Listener], looks: list[dict[int, int]], alice: User
) -> None:
    hers = listen(alice)
    wait_until_quiet(looks)
    sessions.end(alice, hers.session_id)
    wait_until(lambda: hers.is_over, 1)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_without_redis_the_database_is_polled_within_a_second(
    listen: Callable[[User], stream.Listener],
    looks: list[dict[int, int]],
    alice: User,
    redis_server: RedisServer,
    how: signal.Signals,
) -> None:
    hers = listen(alice)
    wait_until_quiet(looks)
    redis_server.process.send_signal(how)
    change(alice)
    assert receives_change(hers, 2)
    for _twice in range(2):
        change(alice)
        assert receives_change(hers, 1)
    if how == signal.SIGSTOP:
        redis_server.process.send_signal(signal.SIGCONT)
    else:
        redis_server.stop()
        redis_server.start()
    wait_until_quiet(looks)
    looks.clear()
    change(alice)
    assert receives_change(hers, 1)
    assert len(looks) == 1


def test_changes_of_a_short_lived_process_are_announced(
    listen: Callable[[User], stream.Listener],
    looks: list[dict[int, int]],
    redis_app: Flask,
    alice: User,
    redis_server: RedisServer,
) -> None:
    hers = listen(alice)
    wait_until_quiet(looks)
    looks.clear()
    script = "\n".join(
        (
            "from app import create_app",
            "from app.database.base import db",
            "from app.services.notifications import inbox_version",
            "with create_app().app_context():",
            f"    inbox_version.bump([{alice.id}])",
            "    db.session.commit()",
        )
    )
    settings = {
        "DATABASE_URL": db.engine.url.render_as_string(hide_password=False),
        "REDIS_URL": redis_server.url,
        "SECRET_KEY": redis_app.config["SECRET_KEY"],
    }
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=os.environ | settings, check=True)
    assert receives_change(hers, 1)
    assert len(looks) == 1


def test_installations_that_share_a_redis_get_only_their_own_changes(
    listen: Callable[[User], stream.Listener], looks: list[dict[int, int]], redis_app: Flask, alice: User
) -> None:
    listen(alice)
    wait_until_quiet(looks)
    looks.clear()
    redis_app.config["SECRET_KEY"] = "the key of another installation"
    inbox_pubsub.register(redis_app)
    change(alice)
    time.sleep(0.5)
    assert looks == []


def test_on_sqlite_nothing_is_published(app: Flask) -> None:
    app.config["REDIS_URL"] = "redis://127.0.0.1:9/0"
    inbox_pubsub.register(app)
    assert inbox_pubsub.subscribe() is None
