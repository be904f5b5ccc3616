from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.database.base import db
from app.models import BrowserSession, User
from app.services.accounts import administration, sessions, users
from app.services.base.errors import Conflict
from app.services.notifications import stream
from tests.support import factories
from tests.support.sessions import open_session

SignIn = Callable[[User], FlaskClient]


@pytest.fixture
def broadcaster(app: Flask) -> stream.Broadcaster:
    return stream.Broadcaster(app, max_streams=2)


def session_of(user: User) -> int:
    sessions.start(user)
    return db.session.scalars(select(func.max(BrowserSession.id))).one()


def test_a_listener_hears_only_of_its_own_inbox(
    broadcaster: stream.Broadcaster, alice: User, charlie: User
) -> None:
    with (
        broadcaster.listen(alice.id, session_of(alice), alice.inbox_version) as hers,
        broadcaster.listen(charlie.id, session_of(charlie), charlie.inbox_version) as his,
    ):
        factories.notification(alice)
        assert hers.wait(3)
        assert not his.wait(1)


def test_a_change_before_listening_is_not_missed(broadcaster: stream.Broadcaster, alice: User) -> None:
    seen = alice.inbox_version
    factories.notification(alice)
    with broadcaster.listen(alice.id, session_of(alice), seen) as listener:
        assert listener.wait(3)


def test_streams_are_limited_and_freed_when_closed(broadcaster: stream.Broadcaster, alice: User) -> None:
    with broadcaster.listen(alice.id, session_of(alice), 0):
        with (
            broadcaster.listen(alice.id, session_of(alice), 0),
            pytest.raises(Conflict),
            broadcaster.listen(alice.id, session_of(alice), 0),
        ):
            pass
        with broadcaster.listen(alice.id, session_of(alice), 0):
            pass


def test_one_person_cannot_take_every_stream(app: Flask, alice: User, charlie: User) -> None:
    broadcaster = stream.Broadcaster(app)
    with ExitStack() as open_pages:
        for _ in range(stream.MAX_STREAMS_PER_USER):
            open_pages.enter_context(broadcaster.listen(alice.id, session_of(alice), 0))
        with pytest.raises(Conflict), broadcaster.listen(alice.id, session_of(alice), 0):
            pass
        with broadcaster.listen(charlie.id, session_of(charlie), 0):
            pass


def test_the_thread_ends_with_the_last_listener(broadcaster: stream.Broadcaster, alice: User) -> None:
    def lookers() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "inbox-broadcaster"}

    others = lookers()  # an earlier test's browser may have left its own
    with broadcaster.listen(alice.id, session_of(alice), 0):
        (looking,) = lookers() - others
    looking.join(3)
    assert not looking.is_alive()


def test_listening_holds_no_database_connection(
    app: Flask, broadcaster: stream.Broadcaster, alice: User
) -> None:
    with broadcaster.listen(alice.id, session_of(alice), -1) as listener:
        assert listener.wait(3)
        db.session.remove()
        until = time.monotonic() + 3
        while db.engine.pool.checkedout() and time.monotonic() < until:
            time.sleep(0.01)  # until the thread is between two looks
        assert db.engine.pool.checkedout() == 0


def test_a_database_outage_does_not_end_the_stream(
    broadcaster: stream.Broadcaster, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    real, calls = stream.versions, iter(range(100))

    def flaky(ids: set[int]) -> dict[int, int]:
        if next(calls) < 2:
            raise OperationalError("SELECT", {}, Exception("away"))
        return real(ids)

    monkeypatch.setattr(stream, "versions", flaky)
    with broadcaster.listen(alice.id, session_of(alice), -1) as listener:
        assert listener.wait(4)


def test_the_stream_speaks_server_sent_events(sign_in: SignIn, alice: User) -> None:
    response = sign_in(alice).get("/notifications/stream", buffered=False)
    assert response.mimetype == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    chunks: Iterator[bytes] = response.iter_encoded()
    assert next(chunks) == b"retry: 2000\n\n"
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
        administration.deactivate(alice.id, actor=bob)
    elif how == "new password":
        users.change_password(alice, factories.PASSWORD, "another long password")
    else:
        sessions.end(alice, db.session.scalars(select(BrowserSession.id)).one())
    started = time.monotonic()
    assert list(parts) == []
    assert time.monotonic() - started < 5
