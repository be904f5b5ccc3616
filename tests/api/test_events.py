"""POST /api/events/: once, whole, or not at all."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from app import catalog
from app.database.base import db
from app.models import Delivery, Event, Notification, User
from app.services.accounts import tokens
from tests.api.conftest import fields, written
from tests.support import factories

NOTHING = {"events": 0, "notifications": 0, "deliveries": 0, "interviews": 0}
NOTIFYING = [name for name, kind in catalog.EVENTS.items() if kind.notification_type]


@pytest.fixture
def report(client, bob, token):
    """Post an event as the platform does."""
    headers = token(bob, "events")

    def post(body, query=""):
        return client.post(f"/api/events/{query}", json=body, headers=headers)

    return post


@pytest.mark.parametrize("kind", NOTIFYING)
def test_every_type_of_event_reaches_its_recipient_and_nobody_else(report, alice, charlie, kind):
    response = report(factories.event_body(kind, ["alice@example.test"]))
    assert response.status_code == 201, response.data
    [made] = response.json["notifications"]
    assert made["recipient"] == "alice@example.test"
    assert {each["channel"]: each["state"] for each in made["deliveries"]} == {
        "email": "pending",
        "in_app": "sent",
    }
    [row] = db.session.scalars(select(Notification)).all()
    assert (row.id, row.recipient_id, row.read_at) == (made["id"], alice.id, None)


def test_an_interview_that_is_over_notifies_nobody(report, alice):
    report(factories.event_body("interview.scheduled", ["alice@example.test"], id="iv-1"))
    response = report(factories.event_body("interview.completed", ["alice@example.test"], id="iv-1"))
    assert response.status_code == 201
    assert response.json["notifications"] == []
    assert written() == {"events": 2, "notifications": 1, "deliveries": 2, "interviews": 1}


def test_the_same_event_again_changes_nothing_and_answers_the_same(report, alice):
    body = factories.event_body(recipients=["alice@example.test"])
    first, before = report(body), written()
    again = report(body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json["is_duplicate"], again.json["is_duplicate"]) == (False, True)
    assert [each["id"] for each in again.json["notifications"]] == [
        each["id"] for each in first.json["notifications"]
    ]
    assert written() == before


def test_the_same_event_under_another_type_is_answered_with_the_type_it_came_with(report, alice):
    first = report(factories.event_body("interview.scheduled", [alice.email], id="iv-1") | {"id": "one"})
    for query in ("", "?dry_run=true"):
        again = report(factories.event_body("job.created", [alice.email]) | {"id": "one"}, query)
        assert (again.status_code, again.json["is_duplicate"]) == (200, True)
        assert again.json["type"] == "interview.scheduled"
        assert again.json["notifications"] == first.json["notifications"]


@pytest.mark.parametrize(
    ("written_as", "read_as"),
    [('"say \\"hi\\""', 'say "hi"'), ('"Euro%20%E2%82%AC"', "Euro €"), ('5" pipe', '5" pipe')],
)
def test_a_header_field_in_binary_mode_comes_out_of_its_quotes_and_percent_signs(
    client, bob, alice, token, written_as, read_as
):
    body = factories.event_body(recipients=[alice.email])
    heads = {f"ce-{name}": body[name] for name in ("specversion", "source", "type")} | {"ce-id": written_as}
    made = client.post("/api/events/", json=body["data"], headers=token(bob, "events") | heads)
    assert (made.status_code, made.json.get("id")) == (201, read_as), made.json


def test_a_header_field_in_binary_mode_that_is_no_utf_8_is_refused_by_name(client, bob, alice, token):
    body = factories.event_body(recipients=[alice.email])
    heads = {f"ce-{name}": body[name] for name in ("specversion", "source", "type")} | {"ce-id": "%ff%fe"}
    response = client.post("/api/events/", json=body["data"], headers=token(bob, "events") | heads)
    assert fields(response) == ["id"]
    assert written() == NOTHING


def test_no_body_in_binary_mode_is_an_event_without_data(client, bob, token):
    body = factories.event_body()
    heads = {f"ce-{name}": body[name] for name in ("specversion", "source", "type", "id")}
    response = client.post(
        "/api/events/", data=b"", content_type="application/json", headers=token(bob, "events") | heads
    )
    assert set(fields(response)) == {
        f"data.{each.name}" for each in catalog.EVENTS[body["type"]].data if each.required
    }


@pytest.mark.parametrize(("number", "status"), [(2**63, 422), (-(2**63) - 1, 422), (2**63 - 1, 201)])
def test_a_number_in_the_metadata_is_one_that_64_bits_hold(report, alice, number, status):
    body = factories.event_body(recipients=[alice.email])
    body["data"]["metadata"] = {"deep": [{"number": number}]}
    response = report(body)
    assert response.status_code == status
    if status == 422:
        assert fields(response) == ["data.metadata"]


def test_the_same_id_from_another_source_is_another_event(report, alice):
    body = factories.event_body(recipients=["alice@example.test"])
    assert report(body).status_code == 201
    assert report(body | {"source": "/elsewhere"}).status_code == 201


def test_a_recipient_named_twice_gets_one_notification(report, alice):
    response = report(factories.event_body(recipients=["alice@example.test", " ALICE@Example.test "]))
    assert len(response.json["notifications"]) == 1
    assert written()["notifications"] == 1


def test_a_dry_run_says_what_would_happen_and_writes_nothing(report, alice):
    response = report(factories.event_body(recipients=["alice@example.test"]), "?dry_run=true")
    assert response.status_code == 200
    assert response.json["is_dry_run"] is True
    [would] = response.json["notifications"]
    assert would["id"] is None
    assert {each["channel"] for each in would["deliveries"]} == {"email", "in_app"}
    assert all(each["reason"] for each in would["deliveries"])
    assert written() == NOTHING


@pytest.mark.parametrize("kind", ["job.created", "candidate.added", "system.alert"])
def test_without_recipients_news_for_all_go_to_every_active_recruiter(report, alice, charlie, kind):
    factories.user("gone@example.test", is_enabled=False)
    response = report(factories.event_body(kind))
    assert sorted(each["recipient"] for each in response.json["notifications"]) == [
        "alice@example.test",
        "charlie@example.test",
    ]


@pytest.mark.parametrize(
    "kind", [name for name, event in catalog.EVENTS.items() if not event.goes_to_everyone]
)
def test_without_recipients_the_other_types_are_refused(report, kind):
    assert fields(report(factories.event_body(kind))) == ["data.recipients"]
    assert written() == NOTHING


@pytest.mark.parametrize("stranger", ["nobody@example.test", "gone@example.test"])
def test_an_unknown_or_inactive_recipient_is_named_and_nothing_is_written(report, alice, stranger):
    factories.user("gone@example.test", is_enabled=False)
    response = report(factories.event_body(recipients=["alice@example.test", stranger]))
    assert fields(response) == ["data.recipients.1"]
    assert response.json["errors"][0]["pointer"] == "#/data/recipients/1"
    assert stranger in response.json["errors"][0]["detail"]
    assert written() == NOTHING


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field.name) for kind, event in catalog.EVENTS.items() for field in event.data if field.required],
)
def test_a_missing_field_is_named_and_nothing_is_written(report, alice, kind, field):
    body = factories.event_body(kind, ["alice@example.test"])
    del body["data"][field]
    assert fields(report(body)) == [f"data.{field}"]
    assert written() == NOTHING


@pytest.mark.parametrize("attribute", ["specversion", "id", "source", "type"])
def test_a_missing_attribute_is_named_and_nothing_is_written(report, alice, attribute):
    body = factories.event_body(recipients=["alice@example.test"])
    del body[attribute]
    assert fields(report(body)) == [attribute]
    assert written() == NOTHING


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("specversion", "0.3"),
        ("type", "interview.exploded"),
        ("id", ""),
        ("id", "x" * 256),
        ("source", "two words"),
        ("source", ""),
        ("time", "2026-03-12T14:00:00"),
        ("time", "yesterday"),
        ("datacontenttype", "text/xml"),
        ("subject", ""),
        ("data", "text"),
        ("data", []),
        ("data_base64", "e30="),
        ("comexample", {"not": "scalar"}),
        ("number", 2**40),
    ],
)
def test_a_malformed_attribute_is_named_and_nothing_is_written(report, alice, attribute, value):
    body = factories.event_body(recipients=["alice@example.test"]) | {attribute: value}
    assert fields(report(body)) == [attribute]
    assert written() == NOTHING


def test_optional_attributes_and_extensions_of_cloudevents_are_taken(client, bob, alice, token):
    body = factories.event_body(recipients=["alice@example.test"]) | {
        "datacontenttype": "application/json; charset=utf-8",
        "dataschema": "https://example.com/schema#v1",
        "subject": "iv-1",
        "traceparent": "00-abc-def-01",
        "partition": 3,
        "sampled": True,
        "empty": None,
    }
    del body["time"]
    response = client.post(
        "/api/events",
        data=json.dumps(body),
        content_type="application/cloudevents+json; charset=utf-8",
        headers=token(bob, "events"),
    )
    assert response.status_code == 201, response.data


def test_the_scope_events_is_needed(client, alice, token):
    response = client.post("/api/events/", json=factories.event_body(), headers=token(alice, "read", "write"))
    assert (response.status_code, response.json["scope"]) == (403, "events")
    assert 'scope="events"' in response.headers["WWW-Authenticate"]
    assert written() == NOTHING


def test_an_admins_session_may_report_and_a_recruiters_may_not(alice, bob, browser_of):
    body = factories.event_body(recipients=["alice@example.test"])
    admin, recruiter = browser_of(bob), browser_of(alice)
    assert recruiter.post("/api/events/", json=body, headers=recruiter.csrf).status_code == 403
    assert admin.post("/api/events/", json=body).status_code == 403  # without the page's CSRF token
    assert written() == NOTHING
    assert admin.post("/api/events/", json=body, headers=admin.csrf).status_code == 201


def test_fifty_equal_posts_at_once_give_one_event(any_app: Flask):
    """On real threads and connections, each database."""
    alice, bob = factories.user("alice@example.test"), factories.user("bob@example.test", role="admin")
    _token, text = tokens.create(bob, "race", ["events"])
    body = json.dumps(factories.event_body(recipients=[alice.email]))
    db.session.remove()
    server = make_server("127.0.0.1", 0, any_app, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    together = threading.Barrier(50)

    def post(_number: int) -> tuple[int, bool]:
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        together.wait(30)
        headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
        connection.request("POST", "/api/events/", body, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        assert "is_duplicate" in answer, answer
        return response.status, answer["is_duplicate"]

    try:
        with ThreadPoolExecutor(50) as pool:
            answers = Counter(pool.map(post, range(50)))
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
    assert answers == {(201, False): 1, (200, True): 49}
    assert len(db.session.scalars(select(Event)).all()) == 1
    assert len(db.session.scalars(select(Notification)).all()) == 1
    assert sorted(db.session.scalars(select(Delivery.channel))) == ["email", "in_app"]
    assert db.session.get(User, alice.id).inbox_version == 1
