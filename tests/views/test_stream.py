from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.database.base import db
from app.database.objects import ModelColumns
from app.models import BrowserSession, User
from app.services.accounts import administration, sessions, users
from app.services.base.errors import Conflict
from app.services.notifications import stream
from tests.support import factories
from tests.support.sessions import open_session

SignIn = Callable[[User], FlaskClient]


@pytest.fixture
def broadcaster(app: Flask) -> Iterator[stream.Broadcaster]:
    broadcaster = stream.Broadcaster(app, max_streams=2)
    yield broadcaster
    broadcaster.close()


@dataclass
class Page:
    """An open page that counts its notifications."""

    listener: stream.Listener
    calls: int = 0

    def note(self) -> None:
        self.calls += 1

    def receives_change(self, seconds: float = 3) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.calls:
            time.sleep(0.01)
        return self.listener.take_change()


def session_of(user: User) -> int:
    sessions.start(user)
    return db.session.scalars(select(func.max(BrowserSession.id))).one()


def open_page(broadcaster: stream.Broadcaster, user: User, version: int | None = None) -> Page:
    version = user.inbox_version if version is None else version
    page = Page(broadcaster.listen(user.id, session_of(user), version))
    page.listener.notify = page.note
    return page


def test_a_listener_gets_changes_of_its_own_inbox_only(
    broadcaster: stream.Broadcaster, alice: User, charlie: User
) -> None:
    hers, his = open_page(broadcaster, alice), open_page(broadcaster, charlie)
    factories.notification(alice)
    assert hers.receives_change()
    assert not his.receives_change(1)


def test_a_change_before_listening_is_not_missed(broadcaster: stream.Broadcaster, alice: User) -> None:
    seen = alice.inbox_version
    factories.notification(alice)
    assert open_page(broadcaster, alice, seen).receives_change()


def test_streams_are_limited_and_freed_when_closed(broadcaster: stream.Broadcaster, alice: User) -> None:
    open_page(broadcaster, alice)
    second = open_page(broadcaster, alice)
    with pytest.raises(Conflict):
        open_page(broadcaster, alice)
    for _twice in range(2):
        second.listener.close()
    assert broadcaster.count == 1
    open_page(broadcaster, alice)


def test_one_person_cannot_take_every_stream(app: Flask, alice: User, charlie: User) -> None:
    broadcaster = stream.Broadcaster(app)
    with closing(broadcaster):
        for _number in range(stream.MAX_STREAMS_PER_USER):
            open_page(broadcaster, alice)
        with pytest.raises(Conflict):
            open_page(broadcaster, alice)
        open_page(broadcaster, charlie)


def test_the_thread_ends_with_the_last_listener(broadcaster: stream.Broadcaster, alice: User) -> None:
    def lookers() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "inbox-broadcaster"}

    others = lookers()  # an earlier test's browser may have left its own
    page = open_page(broadcaster, alice)
    (looking,) = lookers() - others
    page.listener.close()
    looking.join(3)
    assert not looking.is_alive()


def test_listening_holds_no_database_connection(
    app: Flask, broadcaster: stream.Broadcaster, alice: User
) -> None:
    assert open_page(broadcaster, alice, -1).receives_change()
    db.session.remove()
    until = time.monotonic() + 3
    while db.engine.pool.checkedout() and time.monotonic() < until:
        time.sleep(0.01)  # until the thread is between two checks
    assert db.engine.pool.checkedout() == 0


def test_a_database_outage_does_not_end_the_stream(
    broadcaster: stream.Broadcaster, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    real, calls = stream.find_changes, iter(range(100))

    def flaky(known: dict[int, int]) -> dict[int, int | None]:
        if next(calls) < 2:
            raise OperationalError("SELECT", {}, Exception("away"))
        return real(known)

    monkeypatch.setattr(stream, "find_changes", flaky)
    assert open_page(broadcaster, alice, -1).receives_change(4)


def test_the_stream_speaks_server_sent_events(sign_in: SignIn, alice: User) -> None:
    response = sign_in(alice).get("/notifications/stream", buffered=False)
    assert response.mimetype == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    chunks: Iterator[bytes] = response.iter_encoded()
    assert re.fullmatch(rb"retry: \d{4}\n\n", next(chunks))
    factories.notification(alice)
    assert next(chunks) == b"event: inbox\ndata: changed\n\n"
    response.close()


def test_without_a_free_stream_the_response_is_204(app: Flask, sign_in: SignIn, alice: User) -> None:
    app.extensions["broadcaster"] = stream.Broadcaster(app, max_streams=0)
    assert sign_in(alice).get("/notifications/stream").status_code == 204


def test_the_pulse_has_the_count_title_and_rows(sign_in: SignIn, alice: User, charlie: User) -> None:
    mine, _ = factories.notification(alice), factories.notification(charlie)
    text = sign_in(alice).get("/notifications/pulse?list=1").text
    assert re.search(rf'data-rows="n-{mine.id}:[^ "]+"', text)
    assert "<title>Inbox (1 unread) · Bellhop</title>" in text


def test_the_pulse_of_another_page_leaves_its_title_alone(sign_in: SignIn, alice: User) -> None:
    text = sign_in(alice).get("/notifications/pulse").text
    assert "<title>" not in text
    assert 'id="unread-count"' in text


def test_an_unchanged_inbox_is_not_sent_again(sign_in: SignIn, alice: User) -> None:
    client = sign_in(alice)
    tag = client.get("/notifications/pulse?list=1").headers["ETag"]
    assert client.get("/notifications/pulse?list=1", headers={"If-None-Match": tag}).status_code == 304
    factories.notification(alice)
    assert client.get("/notifications/pulse?list=1", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("how", ["signed out", "deactivated", "new password"])
def test_an_open_stream_ends_with_its_session(app: Flask, alice: User, bob: User, how: str) -> None:
    client = open_session(app.test_client(), alice)
    response = client.get("/notifications/stream", buffered=False)
    parts = iter(response.response)
    assert next(parts).startswith(b"retry:")
    if how == "deactivated":
        administration.change(alice.id, is_enabled=False, actor=bob)
    elif how == "new password":
        users.change_password(alice, factories.PASSWORD, "another long password")
    else:
        sessions.end(alice, db.session.scalars(select(BrowserSession.id)).one())
    started = time.monotonic()
    assert list(parts) == []
    assert time.monotonic() - started < 5


def test_a_pulse_without_a_change_makes_no_objects(
    sign_in: SignIn, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(alice)
    tag = client.get("/notifications/pulse").headers["ETag"]
    monkeypatch.setattr(ModelColumns, "load", None)
    assert client.get("/notifications/pulse", headers={"If-None-Match": tag}).status_code == 304
