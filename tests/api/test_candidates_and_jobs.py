"""The ids of candidates and jobs: from an event to lists, searches, templates and stacks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.models import Event, Notification, NotificationTemplate
from app.services.accounts import tokens
from app.services.interviews import reminders
from tests.api.conftest import error_fields
from tests.support import factories

IDS = {"candidate_id": "C-1", "job_id": "J:7", "is_confidential": True, "hiring_team": ["alice@example.test"]}


@pytest.fixture
def report(client, bob, token):
    headers = token(bob, "events")
    return lambda body, query="": client.post(f"/api/events/{query}", json=body, headers=headers)


@pytest.mark.parametrize("kind", [name for name, kind in catalog.EVENTS.items() if kind.notification_type])
def test_every_event_keeps_its_ids_and_goes_to_the_hiring_team_only(
    report, client, alice, charlie, token, kind
):
    response = report(factories.event_body(kind, **IDS))
    assert [row["recipient"] for row in response.json["notifications"]] == ["alice@example.test"]
    (shown,) = client.get("/api/notifications/", headers=token(alice)).json["results"]
    assert {name: shown[name] for name in IDS} == IDS
    assert client.get("/api/notifications/", headers=token(charlie)).json["results"] == []
    explained = client.get(f"/api/notifications/{shown['id']}/explain/", headers=token(alice)).json
    assert explained["recipient_reason"] == "On the hiring team."


@pytest.mark.parametrize("kind", ["job.created", "candidate.added", "system.alert"])
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_what_is_confidential_is_never_sent_to_everyone(report, alice, kind, query):
    response = report(factories.event_body(kind, is_confidential=True, hiring_team=[]), query)
    assert error_fields(response) == ["data.recipients"]
    assert "confidential" in response.json["errors"][0]["detail"]
    assert db.session.scalars(select(Event)).all() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("candidate_id", 7),
        ("candidate_id", "x" * 201),
        ("job_id", "a\nb"),
        ("is_confidential", "yes"),
        ("hiring_team", "alice@example.test"),
        ("hiring_team", ["alice"]),
        ("hiring_team", ["alice@example.test"] * 101),
        ("hiring_team", ["nobody@example.test"]),
    ],
)
def test_unusable_ids_are_refused_by_name(report, alice, field, value):
    (named,) = error_fields(report(factories.event_body("candidate.added", **{field: value})))
    assert named.startswith(f"data.{field}")


def test_lists_and_searches_find_candidates_and_jobs_by_name_and_id(any_app):
    alice = factories.user("alice@example.test")
    bob = factories.user("bob@example.test", role="admin")
    client = any_app.test_client()
    _, text = tokens.create(bob, "test", ["events"])
    _, own = tokens.create(alice, "test", ["read"])
    people = [("C-1", "Priya Raman", "J-1", "Data Engineer"), ("C-10", "Zoë Quinn", "J-2", "Designer")]
    for candidate_id, name, job_id, title in people:
        body = factories.event_body(
            "candidate.added",
            ["alice@example.test"],
            candidate_id=candidate_id,
            job_id=job_id,
            candidate_name=name,
            job_title=title,
        )
        assert (
            client.post("/api/events/", json=body, headers={"Authorization": f"Bearer {text}"}).status_code
            == 201
        )

    def found(**query):
        response = client.get(
            "/api/notifications/", query_string=query, headers={"Authorization": f"Bearer {own}"}
        )
        return [row["candidate_id"] for row in response.json["results"]]

    assert found(candidate_id="C-1") == ["C-1"]
    assert found(candidate_id="c-1") == found(candidate_id="C-1", job_id="J-2") == []
    assert found(job_id="J-2") == ["C-10"]
    for search in (
        "candidate:C-1",
        "candidate:raman",
        'candidate:"priya ram"',
        "job:J-1",
        "-candidate:quinn",
    ):
        assert found(search=search) == ["C-1"], search
    assert (
        found(search="candidate:zoe") == found(search="-job:J-1") == found(search="candidate:qui") == ["C-10"]
    )
    # The name of a candidate is not the name of a job, and the reverse.
    assert found(search="candidate:data") == found(search="job:priya") == found(search="candidate:done") == []
    assert found(search="candidate:raman candidate:quinn job:designer") == ["C-10"]
    # Marks in the index are not words.
    assert found(search="qcpriya") == found(search="qc") == []


def test_reminders_carry_the_ids_of_their_interview(report, alice):
    start = utc_now() + timedelta(hours=2)
    times = {
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(hours=1)).isoformat(),
        "id": "iv-1",
    }
    report(factories.event_body("interview.scheduled", ["alice@example.test"], **times, **IDS))
    report(factories.event_body("interview.rescheduled", ["alice@example.test"], **times))
    reminders.remind_due(start - timedelta(minutes=60))
    rows = db.session.scalars(select(Notification)).all()
    assert {row.notification_type for row in rows} >= {"interview_rescheduled", "interview_reminder"}
    assert {(row.candidate_id, row.job_id, row.is_confidential) for row in rows} == {("C-1", "J:7", True)}


def test_templates_may_use_the_ids(report, alice):
    template = db.session.scalar(select(NotificationTemplate).filter_by(name="candidate_added"))
    template.message_template = "{{candidate_id}} for {{job_id}}"
    db.session.commit()
    report(factories.event_body("candidate.added", **IDS))
    assert db.session.scalar(select(Notification.message)) == "C-1 for J:7"


def test_candidates_for_two_jobs_of_one_title_are_two_stacks(report, alice):
    for job_id in ("J-1", "J-1", "J-2"):
        report(factories.event_body("candidate.added", ["alice@example.test"], job_id=job_id))
    keys = db.session.scalars(select(Notification.stack_key).order_by(Notification.id)).all()
    assert keys[0] == keys[1] != keys[2]


def test_announcements_take_the_ids_and_the_hiring_team_too(client, alice, charlie, bob, token):
    headers = token(bob, "admin")
    words = {"title": "Note", "message": "Text"}

    def create(**body):
        return client.post("/api/notifications/create/", json=words | body, headers=headers)

    assert error_fields(create(everyone=True, is_confidential=True)) == ["is_confidential"]
    assert error_fields(create(hiring_team=["nobody@example.test"])) == ["hiring_team.0"]
    assert create(**IDS).status_code == 201
    (shown,) = client.get("/api/notifications/?job_id=J:7", headers=token(alice)).json["results"]
    assert {name: shown[name] for name in IDS} == IDS
    assert client.get("/api/notifications/", headers=token(charlie)).json["results"] == []
