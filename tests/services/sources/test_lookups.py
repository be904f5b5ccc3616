"""What calls lack is looked up over the other system's API, where a key is configured."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.database.base import db
from app.jobs import tasks
from app.models import AuditEntry, Source, User
from app.services.base.errors import Invalid
from app.services.sources import connections, lookups, mapping
from app.services.sources.lookups import Lookups
from tests.support import source_calls as shapes
from tests.support.source_calls import NOW
from tests.support.sources import KEY, call, connect, inbox, outcome
from tests.support.web import Reply, WebServer

API_KEY = "key-of-the-api"
APPLICATION = {
    "id": "application-1",
    "candidate": {"id": "candidate-1", "name": "Priya Raman"},
    "job": {"id": "job-1", "title": "Staff Data Engineer"},
    "hiringTeam": [{"email": "alice@example.test", "role": "Recruiter"}],
}
OPPORTUNITY = {
    "id": "opportunity-1",
    "name": "Priya Raman",
    "stage": {"id": "s2", "text": "On-site interview"},
    "owner": {"id": "u1", "name": "Alice Moreau", "email": "alice@example.test"},
    "applications": [{"id": "a1", "posting": {"id": "job-1", "text": "Staff Data Engineer"}}],
}


def lever_call(event: str = "candidateStageChange") -> dict[str, Any]:
    return {
        "event": event,
        "data": {"opportunityId": "opportunity-1", "candidateId": "c1", "toStageId": "s2"},
    }


def with_key(kind: str, bob: User) -> Source:
    return connect(kind, bob, api_key=API_KEY)


def map_all(server: WebServer) -> None:
    mapping.map_due(NOW + timedelta(minutes=1), Lookups(KEY, server.url))


def answer(document: Any) -> Reply:
    return Reply(body=json.dumps(document).encode())


def test_an_ashby_interview_gets_its_names_from_the_application(
    app: Flask, alice: User, bob: User, web_server: WebServer
) -> None:
    web_server.usual = answer({"success": True, "results": APPLICATION})
    source = with_key("ashby", bob)
    call(source, shapes.ashby_interview())
    map_all(web_server)
    assert inbox(alice) == [("interview_scheduled", "Interview Scheduled for Priya Raman")]
    (asked,) = web_server.calls
    assert asked.path == "/application.info"
    assert json.loads(asked.body) == {"applicationId": "application-1"}
    assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")) == f"{API_KEY}:".encode()
    call(source, shapes.ashby_interview(hours=3, happening="h2", updated=NOW + timedelta(minutes=5)))
    map_all(web_server)
    # Known by now.
    assert len(web_server.calls) == 1


def test_a_lever_stage_change_gets_its_name_its_stage_and_its_owner(
    app: Flask, alice: User, bob: User, web_server: WebServer
) -> None:
    web_server.usual = answer({"data": OPPORTUNITY})
    source = with_key("lever", bob)
    call(source, lever_call())
    map_all(web_server)
    ((kind, title),) = inbox(alice)
    assert kind == "candidate_stage_changed"
    assert "Priya Raman" in title
    assert "On-site interview" in title
    assert web_server.calls[0].path.startswith("/v1/opportunities/opportunity-1?")
    # The stage is asked for each time, because it has changed.
    web_server.usual = answer({"data": OPPORTUNITY | {"stage": {"id": "s3", "text": "Offer"}}})
    call(source, lever_call())
    map_all(web_server)
    assert "Offer" in inbox(alice)[1][1]


def test_a_confidential_opportunity_does_not_reach_everyone(
    app: Flask, alice: User, charlie: User, bob: User, web_server: WebServer
) -> None:
    found = {**OPPORTUNITY, "owner": {}, "confidentiality": "confidential"}
    web_server.usual = answer({"data": found})
    received = call(with_key("lever", bob), lever_call("applicationCreated"))
    map_all(web_server)
    assert inbox(alice) == inbox(charlie) == []
    assert outcome(received) == ("unmapped_people", "no_people")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(401, b"unauthorized"), "401"),
        (Reply(429, b"slow down"), "429"),
        (Reply(200, b"<html>"), "not JSON"),
        (Reply(200, b'{"success": false, "errors": ["no_permission"]}'), "no_permission"),
        (Reply(302, headers={"Location": "http://127.0.0.1:1/"}), "302"),
        (Reply(after=30), "No response"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_without_an_answer_the_notification_says_what_is_known_and_the_admin_why(
    app: Flask,
    alice: User,
    bob: User,
    web_server: WebServer,
    monkeypatch: pytest.MonkeyPatch,
    reply: Reply,
    said: str,
) -> None:
    monkeypatch.setattr(lookups, "SECONDS", 0.3)
    web_server.usual = reply
    source = with_key("ashby", bob)
    call(source, shapes.ashby_interview())
    call(source, shapes.ashby_interview(happening="h2", number=2))
    map_all(web_server)
    assert [kind for kind, _title in inbox(alice)] == ["interview_scheduled"] * 2
    # After a failure the source is left alone for the rest of the run.
    assert len(web_server.calls) == 1
    kept = connections.get(source.id)
    assert said in kept.api_error
    web_server.usual = answer({"success": True, "results": APPLICATION})
    call(source, shapes.ashby_interview(hours=1, happening="h3", updated=NOW + timedelta(minutes=5)))
    map_all(web_server)
    assert connections.get(source.id).api_error == ""


def test_nothing_is_asked_without_a_key_and_no_transaction_is_open_meanwhile(
    app: Flask, alice: User, bob: User, web_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(connect("ashby", bob), shapes.ashby_interview())
    map_all(web_server)
    assert web_server.calls == []
    ask = Lookups._ask

    def watched(*arguments: Any) -> Any:
        assert not db.session().in_transaction()
        return ask(*arguments)

    monkeypatch.setattr(Lookups, "_ask", watched)
    web_server.usual = answer({"success": True, "results": APPLICATION})
    call(with_key("ashby", bob), shapes.ashby_interview())
    map_all(web_server)
    assert len(web_server.calls) == 1


def test_the_job_asks_the_stand_in_of_the_settings(
    app: Flask, alice: User, bob: User, web_server: WebServer
) -> None:
    app.config["SOURCES_BASE_URL"] = web_server.url
    web_server.usual = answer({"success": True, "results": APPLICATION})
    call(with_key("ashby", bob), shapes.ashby_interview())
    tasks.map_sources(NOW + timedelta(minutes=1))
    assert "Priya Raman" in inbox(alice)[0][1]


def test_a_key_is_encrypted_replaced_removed_and_refused_where_there_is_no_api(app: Flask, bob: User) -> None:
    source = with_key("ashby", bob)
    assert API_KEY not in " ".join(str(value) for value in vars(source).values())
    connections.change(source.id, actor=bob, secret=KEY, api_key="another")
    assert connections.get(source.id).has_api_key
    connections.change(source.id, actor=bob, secret=KEY, api_key="")
    assert not connections.get(source.id).has_api_key
    audited = " ".join(str(row.detail) for row in db.session.scalars(select(AuditEntry)))
    assert API_KEY not in audited
    assert "another" not in audited
    with pytest.raises(Invalid) as caught:
        with_key("calcom", bob)
    assert list(caught.value.errors) == ["api_key"]
