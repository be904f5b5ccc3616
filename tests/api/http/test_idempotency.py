"""A repeated call with the same `Idempotency-Key` has one effect."""

from __future__ import annotations

import threading
from datetime import timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, StoredResponse
from app.services import create_notification
from app.services.accounts import tokens
from app.services.base import outgoing
from app.services.operations import idempotency
from app.services.routing import wording
from tests.support import factories

MARK = "/api/notifications/bulk-mark-read/"


def keyed(headers: dict[str, str], key: str = "a-key") -> dict[str, str]:
    return headers | {"Idempotency-Key": key}


def test_a_repeated_call_gets_the_first_response(client, alice, token):
    row = factories.notification(alice)
    headers, body = keyed(token(alice)), {"notification_ids": [row.id]}
    first, second = (client.post(MARK, json=body, headers=headers) for _ in range(2))
    assert first.json == second.json == {"updated": 1}
    assert (first.headers.get("Idempotent-Replayed"), second.headers["Idempotent-Replayed"]) == (None, "true")
    assert client.post(MARK, json=body, headers=token(alice)).json == {"updated": 0}


def test_a_replayed_response_has_the_first_etag(client, bob, token):
    path = f"/api/notifications/templates/{wording.by_name('job_created').id}/"
    headers, body = keyed(token(bob, *tokens.SCOPES)), {"title_template": "Shorter"}
    first, second = (client.patch(path, json=body, headers=headers) for _ in range(2))
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.headers["ETag"] == second.headers["ETag"]
    onwards = token(bob, *tokens.SCOPES) | {"If-Match": second.headers["ETag"]}
    assert client.patch(path, json={"title_template": "On"}, headers=onwards).status_code == 200


def test_a_dry_run_does_not_use_up_its_key(client, alice, bob, token):
    headers, body = keyed(token(bob, "events")), factories.event_body(recipients=[alice.email])
    assert client.post("/api/events/?dry_run=true", json=body, headers=headers).status_code == 200
    assert db.session.scalar(select(func.count()).select_from(StoredResponse)) == 0
    assert client.post("/api/events/", json=body, headers=headers).status_code == 201


def test_reusing_a_key_for_a_different_call_is_a_422(client, alice, token):
    row = factories.notification(alice)
    headers = keyed(token(alice))
    assert client.post(MARK, json={"notification_ids": []}, headers=headers).status_code == 200
    for path, body in ((MARK, {"notification_ids": [row.id]}), ("/api/notifications/mark-read/", {})):
        response = client.post(path, json=body, headers=headers)
        assert response.status_code == 422
        assert response.json["errors"][0]["field"] == "Idempotency-Key"
    db.session.refresh(row)
    assert row.read_at is None


def test_users_can_use_the_same_key_independently(client, alice, charlie, token):
    mine, theirs = factories.notification(alice), factories.notification(charlie)
    for user, row in ((alice, mine), (charlie, theirs)):
        body = {"notification_ids": [row.id]}
        assert client.post(MARK, json=body, headers=keyed(token(user))).json == {"updated": 1}


def test_a_failed_call_can_be_corrected_and_repeated_with_the_same_key(client, alice, token):
    headers = keyed(token(alice))
    assert client.post(MARK, json={"notification_ids": ["x"]}, headers=headers).status_code == 422
    assert client.post(MARK, json={"notification_ids": []}, headers=headers).status_code == 200


def test_the_effect_is_rolled_back_if_the_response_is_not_stored(app, alice):
    row = factories.notification(alice)

    def act():
        from app.services.notifications import actions

        actions.change(db.session.merge(alice, load=False), "read", ids=[row.id])
        raise RuntimeError("killed before the answer was kept")

    with pytest.raises(RuntimeError):
        idempotency.run_once(alice.id, "k", b"call", act)
    assert db.session.get_one(Notification, row.id).read_at is None
    assert db.session.scalar(select(func.count()).select_from(StoredResponse)) == 0


def test_responses_are_stored_for_seven_days(any_app):
    alice = factories.user("alice@example.test")
    now, done = utc_now(), []

    def act():
        done.append(1)
        return idempotency.IdempotentResponse(200, b"{}")

    for days in (0, 6.9, 7.1):
        idempotency.run_once(alice.id, "k", b"call", act, now=now + timedelta(days=days))
    assert len(done) == 2
    assert idempotency.purge_responses(now + timedelta(days=15)) == 1


def test_a_concurrent_call_with_the_same_key_is_refused(any_app):
    alice = factories.user("alice@example.test")
    started, may_finish, results = threading.Event(), threading.Event(), []

    def slow():
        started.set()
        may_finish.wait(10)
        return idempotency.IdempotentResponse(200, b"{}")

    def first():
        with any_app.app_context():
            results.append(idempotency.run_once(alice.id, "k", b"call", slow))

    thread = threading.Thread(target=first)
    user_id = alice.id
    db.session.remove()
    thread.start()
    assert started.wait(10)
    with pytest.raises(idempotency.StillRunning):
        idempotency.run_once(user_id, "k", b"call", slow)
    may_finish.set()
    thread.join()
    assert results == [None]
    assert idempotency.run_once(user_id, "k", b"call", slow) == idempotency.IdempotentResponse(200, b"{}")


def test_a_409_for_a_running_call_has_a_retry_after_header(client, alice, token, monkeypatch):
    monkeypatch.setattr(idempotency, "_running", {(alice.id, "a-key")})
    answer = client.post(MARK, json={"notification_ids": []}, headers=keyed(token(alice)))
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")


def test_fifty_concurrent_identical_calls_have_one_effect(live_server, alice):
    _row, text = tokens.create(alice, "race", ["read", "write"])
    row = factories.notification(alice)
    body = b'{"notification_ids": [%d]}' % row.id
    headers = keyed({"Authorization": f"Bearer {text}", "Content-Type": "application/json"})
    answers = []

    def post() -> None:
        try:
            with urlopen(Request(live_server + MARK, body, headers)) as response:
                answers.append((response.status, response.read()))
        except HTTPError as error:
            answers.append((error.code, b""))

    threads = [threading.Thread(target=post) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 50
    assert set(answers) <= {(200, b'{"updated":1}'), (409, b"")}
    assert (200, b'{"updated":1}') in answers


@pytest.mark.parametrize("key", ["", "x" * 256, "with space"])
def test_a_malformed_key_is_a_400(client, alice, token, key):
    headers = keyed(token(alice), key)
    assert client.post(MARK, json={"notification_ids": []}, headers=headers).status_code == 400


def test_what_a_call_wrote_is_reported_when_others_can_see_it(any_app):
    alice, seen = factories.user("alice@example.test"), []

    def look(_written):
        with db.engine.connect() as other:
            seen.append(other.scalar(select(func.count()).select_from(Notification)))

    def act():
        create_notification(db.session.merge(alice, load=False), "job_created", "New", "A job")
        return idempotency.IdempotentResponse(200, b"{}")

    outgoing.listen(look)
    idempotency.run_once(alice.id, "k", b"call", act)
    assert seen == [1]
