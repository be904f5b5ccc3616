"""Rooms over the API."""

from __future__ import annotations

import pytest

from tests.api.conftest import error_fields
from tests.support import factories
from tests.support.delivery import deliver_due
from tests.support.slack import Slack

API = "/api/rooms/"
BODY = {
    "name": "#hiring",
    "channel": "slack",
    "address": "https://hooks.slack.com/services/T1/B1/planted-secret",
    "subjects": ["job:job-12", "type:candidate_hired"],
}


@pytest.fixture
def headers(bob, token):
    return token(bob, "admin", "events")


@pytest.fixture
def slack(app, web_server):
    app.config["SLACK_BASE_URL"] = web_server.url
    return Slack(web_server)


def test_a_room_is_added_changed_and_deleted(client, headers):
    created = client.post(API, json=BODY, headers=headers)
    assert created.status_code == 201
    room = created.json
    assert "planted" not in created.text
    assert (room["address"], room["secret"]) == ("https://hooks.slack.com/…cret", None)
    assert (room["subjects"], room["is_confidential_allowed"]) == (BODY["subjects"], False)
    del room["secret"]
    path = f"{API}{room['id']}/"
    assert client.get(path, headers=headers).json == room
    assert client.get(API, headers=headers).json["results"] == [room]
    changed = client.patch(path, json={"is_paused": True, "subjects": ["*"]}, headers=headers).json
    assert changed == room | {"is_paused": True, "subjects": ["*"]}
    assert client.delete(path, headers=headers).status_code == 204
    for answer in (client.get(path, headers=headers), client.delete(path, headers=headers)):
        assert answer.status_code == 404
    assert client.get(API, headers=headers).json["results"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("channel", "email"),
        ("address", "https://example.com/"),
        ("subjects", []),
        ("subjects", ["everything"]),
        ("is_confidential_allowed", "yes"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(client, headers, field, value):
    assert error_fields(client.post(API, json=BODY | {field: value}, headers=headers)) == [field]


def test_the_secret_of_a_webhook_is_shown_once(client, headers):
    body = BODY | {"channel": "webhook", "address": "https://example.com/hooks/bellhop"}
    key = headers | {"Idempotency-Key": "room-1"}
    first = client.post(API, json=body, headers=key).json
    assert first["secret"].startswith("whsec_")
    assert client.post(API, json=body, headers=key).json == first | {"secret": None}
    assert "secret" not in client.get(f"{API}{first['id']}/", headers=headers).json


def test_an_event_and_its_explanation_name_the_rooms(client, headers, alice, slack, token, sign_in):
    room = client.post(API, json=BODY, headers=headers).json
    event = factories.event_body("candidate.hired", [alice.email])
    waiting = [{"room": "#hiring", "channel": "slack", "state": "pending", "reason": "Waiting to be sent"}]
    dry = client.post("/api/events/?dry_run=true", json=event, headers=headers)
    assert dry.json["rooms"] == waiting
    assert client.post("/api/events/", json=event, headers=headers).json["rooms"] == waiting
    test = client.post(f"{API}{room['id']}/test/", headers=headers)
    assert (test.status_code, test.json["kind"], test.json["state"]) == (201, "test", "pending")
    deliver_due()
    again = client.post("/api/events/", json=event, headers=headers).json
    assert (again["is_duplicate"], again["rooms"][0]["state"]) == (True, "sent")
    notification = again["notifications"][0]["id"]
    explained = client.get(f"/api/notifications/{notification}/explain/", headers=token(alice)).json
    sent = {"room": "#hiring", "channel": "slack", "state": "sent", "reason": "sent", "words": "Sent"}
    assert explained["rooms"] == [sent]
    assert "#hiring" in sign_in(alice).get(f"/notifications/{notification}/explanation").text
    log = client.get(f"{API}{room['id']}/deliveries/", headers=headers).json["results"]
    assert [(row["kind"], row["state"], row["response"]) for row in log] == [
        ("test", "sent", "200 ok"),
        ("room", "sent", "200 ok"),
    ]
    rows = client.get("/api/deliveries/?channel=slack", headers=headers).json["results"]
    assert {(row["room"], row["recipient"]) for row in rows} == {("#hiring", None)}
    assert "planted" not in str(rows)


def test_only_admins_see_rooms(client, alice, bob, token, headers):
    room = client.post(API, json=BODY, headers=headers).json
    for caller in (token(alice, "read", "write"), token(bob, "read", "write")):
        for path in (API, f"{API}{room['id']}/", f"{API}{room['id']}/deliveries/"):
            assert client.get(path, headers=caller).status_code == 403
        assert client.post(API, json=BODY, headers=caller).status_code == 403
    assert client.get(API).status_code == 401
