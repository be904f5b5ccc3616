"""Events over the API: each is published once, completely, or not at all."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from werkzeug.serving import make_server

from app import catalog
from app.database.base import db
from app.models import Delivery, Event, Notification, User
from app.services.accounts import tokens
from app.services.events import publish as event_publish
from tests.api.conftest import error_fields, row_counts
from tests.support import factories

NOTHING = {"events": 0, "notifications": 0, "deliveries": 0, "interviews": 0}
NOTIFYING = [name for name, kind in catalog.EVENTS.items() if kind.notification_type]


@pytest.fixture
def report(client, bob, token):
    """Report an event with a token that has the scope `events`."""
    headers = token(bob, "events")

    def post(body, query=""):
        return client.post(f"/api/events/{query}", json=body, headers=headers)

    return post


@pytest.mark.parametrize("kind", NOTIFYING)
def test_every_type_of_event_notifies_only_its_recipient(report, alice, charlie, kind):
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


def test_a_completed_interview_notifies_no_one(report, alice):
    report(factories.event_body("interview.scheduled", ["alice@example.test"], id="iv-1"))
    response = report(factories.event_body("interview.completed", ["alice@example.test"], id="iv-1"))
    assert response.status_code == 201
    assert response.json["notifications"] == []
    assert row_counts() == {"events": 2, "notifications": 1, "deliveries": 2, "interviews": 1}


def test_a_repeated_event_changes_nothing_and_returns_the_first_result(report, alice):
    body = factories.event_body(recipients=["alice@example.test"])
    first, before = report(body), row_counts()
    again = report(body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json["is_duplicate"], again.json["is_duplicate"]) == (False, True)
    assert [each["id"] for each in again.json["notifications"]] == [
        each["id"] for each in first.json["notifications"]
    ]
    assert row_counts() == before


def test_a_repeated_event_with_a_different_type_returns_the_first_type(report, alice):
    first = report(factories.event_body("interview.scheduled", [alice.email], id="iv-1") | {"id": "one"})
    for query in ("", "?dry_run=true"):
        again = report(factories.event_body("job.created", [alice.email]) | {"id": "one"}, query)
        assert (again.status_code, again.json["is_duplicate"]) == (200, True)
        assert again.json["type"] == "interview.scheduled"
        assert again.json["notifications"] == first.json["notifications"]


@pytest.mark.parametrize(
    ("written_as", "read_as"),
    [
        ('"say \\"hi\\""', 'say "hi"'),
        ('"Euro%20%E2%82%AC"', "Euro €"),
        ('5" pipe', '5" pipe'),
        ("Euro\xc2\xa0\xe2\x82\xac", "Euro\xa0€"),
    ],
)
def test_header_fields_in_binary_mode_are_unquoted_and_percent_decoded(
    client, bob, alice, token, written_as, read_as
):
    body = factories.event_body(recipients=[alice.email])
    heads = {f"ce-{name}": body[name] for name in ("specversion", "source", "type")} | {"ce-id": written_as}
    made = client.post("/api/events/", json=body["data"], headers=token(bob, "events") | heads)
    assert (made.status_code, made.json.get("id")) == (201, read_as), made.json


@pytest.mark.parametrize("written_as", ["%ff%fe", "caf\xe9"])
def test_a_header_field_that_is_not_utf_8_is_refused_by_name(client, bob, alice, token, written_as):
    body = factories.event_body(recipients=[alice.email])
    heads = {f"ce-{name}": body[name] for name in ("specversion", "source", "type")} | {"ce-id": written_as}
    response = client.post("/api/events/", json=body["data"], headers=token(bob, "events") | heads)
    assert error_fields(response) == ["id"]
    assert row_counts() == NOTHING


def test_an_empty_body_in_binary_mode_is_an_event_without_data(client, bob, token):
    body = factories.event_body()
    heads = {f"ce-{name}": body[name] for name in ("specversion", "source", "type", "id")}
    response = client.post(
        "/api/events/", data=b"", content_type="application/json", headers=token(bob, "events") | heads
    )
    assert set(error_fields(response)) == {
        f"data.{each.name}" for each in catalog.EVENTS[body["type"]].data if each.required
    }


@pytest.mark.parametrize(("number", "status"), [(2**63, 422), (-(2**63) - 1, 422), (2**63 - 1, 201)])
def test_numbers_in_metadata_must_fit_in_64_bits(report, alice, number, status):
    body = factories.event_body(recipients=[alice.email])
    body["data"]["metadata"] = {"deep": [{"number": number}]}
    response = report(body)
    assert response.status_code == status
    if status == 422:
        assert error_fields(response) == ["data.metadata"]


def test_the_same_id_from_a_different_source_is_a_different_event(report, alice):
    body = factories.event_body(recipients=["alice@example.test"])
    assert report(body).status_code == 201
    assert report(body | {"source": "/elsewhere"}).status_code == 201


def test_a_recipient_listed_twice_gets_one_notification(report, alice):
    response = report(factories.event_body(recipients=["alice@example.test", " ALICE@Example.test "]))
    assert len(response.json["notifications"]) == 1
    assert row_counts()["notifications"] == 1


def test_a_dry_run_returns_the_result_and_writes_nothing(report, alice):
    response = report(factories.event_body(recipients=["alice@example.test"]), "?dry_run=true")
    assert response.status_code == 200
    assert response.json["is_dry_run"] is True
    [would] = response.json["notifications"]
    assert would["id"] is None
    assert {each["channel"] for each in would["deliveries"]} == {"email", "in_app"}
    assert all(each["reason"] for each in would["deliveries"])
    assert row_counts() == NOTHING


@pytest.mark.parametrize("kind", ["job.created", "candidate.added", "system.alert"])
def test_broadcast_events_without_recipients_go_to_every_active_recruiter(report, alice, charlie, kind):
    factories.user("gone@example.test", is_enabled=False)
    response = report(factories.event_body(kind))
    assert sorted(each["recipient"] for each in response.json["notifications"]) == [
        "alice@example.test",
        "charlie@example.test",
    ]


@pytest.mark.parametrize(
    "kind", [name for name, event in catalog.EVENTS.items() if not event.goes_to_everyone]
)
def test_other_events_without_recipients_are_refused(report, kind):
    assert error_fields(report(factories.event_body(kind))) == ["data.recipients"]
    assert row_counts() == NOTHING


@pytest.mark.parametrize("stranger", ["nobody@example.test", "gone@example.test"])
def test_an_unknown_or_inactive_recipient_is_named_and_nothing_is_written(report, alice, stranger):
    factories.user("gone@example.test", is_enabled=False)
    response = report(factories.event_body(recipients=["alice@example.test", stranger]))
    assert error_fields(response) == ["data.recipients.1"]
    assert response.json["errors"][0]["pointer"] == "#/data/recipients/1"
    assert stranger in response.json["errors"][0]["detail"]
    assert row_counts() == NOTHING


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field.name) for kind, event in catalog.EVENTS.items() for field in event.data if field.required],
)
def test_a_missing_field_is_named_and_nothing_is_written(report, alice, kind, field):
    body = factories.event_body(kind, ["alice@example.test"])
    del body["data"][field]
    assert error_fields(report(body)) == [f"data.{field}"]
    assert row_counts() == NOTHING


@pytest.mark.parametrize("attribute", ["specversion", "id", "source", "type"])
def test_a_missing_attribute_is_named_and_nothing_is_written(report, alice, attribute):
    body = factories.event_body(recipients=["alice@example.test"])
    del body[attribute]
    assert error_fields(report(body)) == [attribute]
    assert row_counts() == NOTHING


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
    assert error_fields(report(body)) == [attribute]
    assert row_counts() == NOTHING


def test_optional_attributes_and_extensions_of_cloudevents_are_accepted(client, bob, alice, token):
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


def test_reporting_events_requires_the_events_scope(client, alice, token):
    response = client.post("/api/events/", json=factories.event_body(), headers=token(alice, "read", "write"))
    assert (response.status_code, response.json["scope"]) == (403, "events")
    assert 'scope="events"' in response.headers["WWW-Authenticate"]
    assert row_counts() == NOTHING


def test_an_admins_session_can_report_events_and_a_recruiters_cannot(alice, bob, browser_of):
    body = factories.event_body(recipients=["alice@example.test"])
    admin, recruiter = browser_of(bob), browser_of(alice)
    assert recruiter.post("/api/events/", json=body, headers=recruiter.csrf).status_code == 403
    assert admin.post("/api/events/", json=body).status_code == 403  # no CSRF token
    assert row_counts() == NOTHING
    assert admin.post("/api/events/", json=body, headers=admin.csrf).status_code == 201


def test_fifty_concurrent_identical_events_create_one_event(any_app: Flask):
    """Uses real threads and connections, on each database."""
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


def test_a_batch_returns_a_result_for_each_event(client, alice, admin_headers):
    good = factories.event_body(recipients=[alice.email])
    batch = [good, good, {"specversion": "1.0"}, factories.event_body(recipients=["nobody@example.test"])]
    results = client.post("/api/events/batch/", json=batch, headers=admin_headers).json["results"]
    assert [each["status"] for each in results] == [201, 200, 422, 422]
    assert results[3]["errors"][0]["field"] == "data.recipients.0"
    assert client.post("/api/events/batch/", json=[good] * 1001, headers=admin_headers).status_code == 422
    assert db.session.query(Notification).count() == 1


def test_a_dry_run_of_a_batch_recognises_duplicates(client, alice, admin_headers):
    good = factories.event_body(recipients=[alice.email])
    tried, done = (
        client.post(f"/api/events/batch/{query}", json=[good, good], headers=admin_headers).json["results"]
        for query in ("?dry_run=true", "")
    )
    assert [each["event"]["is_duplicate"] for each in tried] == [False, True]
    assert [each["event"]["is_duplicate"] for each in done] == [False, True]


def test_a_batch_reports_each_event_if_the_database_fails_midway(client, alice, admin_headers, monkeypatch):
    batch = [factories.event_body("job.created", [alice.email]) for _ in range(3)]
    publish, calls = event_publish.publish, []

    def fail_once(event, **options):
        calls.append(event)
        if len(calls) == 2:
            raise OperationalError("INSERT", None, Exception("deadlock"))
        return publish(event, **options)

    monkeypatch.setattr(event_publish, "publish", fail_once)
    results = client.post("/api/events/batch/", json=batch, headers=admin_headers).json["results"]
    assert [each["status"] for each in results] == [201, 503, 201]
    assert results[1]["errors"][0]["pointer"] == "#/1"
    calls.clear()
    again = client.post("/api/events/batch/", json=batch, headers=admin_headers | {"Idempotency-Key": "k"})
    assert again.status_code == 503, "with a key the batch is one transaction"
    results = client.post(
        "/api/events/batch/", json=batch, headers=admin_headers | {"Idempotency-Key": "k"}
    ).json["results"]
    assert [each["status"] for each in results] == [200, 201, 200]
    assert db.session.query(Notification).count() == 3


def test_an_invalid_entry_of_a_batch_does_not_affect_the_others(client, alice, admin_headers):
    good = factories.event_body(recipients=[alice.email])
    deep: list = []
    for _level in range(40):
        deep = [deep]
    odd = [
        None,
        5,
        "x",
        [],
        good | {"id": "half \ud800"},
        good | {"data": {"text": "\0"}},
        good | {"data": deep},
    ]
    answer = client.post("/api/events/batch/", json=[*odd, good], headers=admin_headers)
    assert answer.status_code == 200, answer.json
    assert [each["status"] for each in answer.json["results"]] == [422] * 7 + [201]
    pointers = [each["errors"][0]["pointer"] for each in answer.json["results"][:7]]
    assert pointers == ["#/0", "#/1", "#/2", "#/3", "#/4/id", "#/5/data/text", "#/6"]
    assert all(each["errors"][0]["detail"] for each in answer.json["results"][:7])


def test_binary_and_structured_mode_report_the_same_event(client, alice, admin_headers):
    body = factories.event_body("job.created", recipients=[alice.email])
    heads = {f"ce-{name}": body[name] for name in ("specversion", "id", "source", "type", "time")}
    first = client.post("/api/events/", json=body["data"], headers=admin_headers | heads)
    assert first.status_code == 201, first.json
    again = client.post("/api/events/", json=body, headers=admin_headers)
    assert (again.status_code, again.json["is_duplicate"]) == (200, True)
