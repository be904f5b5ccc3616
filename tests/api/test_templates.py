"""The calls beside reading: changes and undo, templates, deliveries, people, tokens, announcements, batches, limits."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy.exc import OperationalError

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.models import ApiToken, Delivery, Notification, NotificationTemplate
from app.services.accounts import tokens, webhooks
from app.services.events import publish as event_publish
from app.services.notifications import saved_views
from app.services.routing import wording
from tests.api.conftest import fields
from tests.support import factories

API = "/api/notifications"


@pytest.fixture
def admin(bob, token):
    return token(bob, *tokens.SCOPES)


def test_a_filter_changes_all_that_it_finds_and_undo_brings_them_back(client, alice, token):
    rows = [factories.notification(alice) for _ in range(3)]
    factories.notification(alice, notification_type="job_created")
    headers = token(alice)
    body = {"action": "done", "filter": {"category": ["interview"]}}
    made = client.post(f"{API}/changes/", json=body, headers=headers).json
    assert (made["action"], made["updated"]) == ("done", 3)
    done = client.get(f"{API}/?place=done&fields=id", headers=headers).json["results"]
    assert {row["id"] for row in done} == {row.id for row in rows}
    undone = [client.post(f"{API}/changes/{made['id']}/undo/", headers=headers) for _ in "ab"]
    assert [(each.status_code, each.json["updated"]) for each in undone] == [(200, 3)] * 2
    assert client.get(f"{API}/?place=done", headers=headers).json["results"] == []


def test_a_filter_changes_what_the_list_shows_for_it(client, alice, token):
    done = factories.notification(alice, "Zebra", archived_at=utc_now())
    headers = token(alice)
    shown = client.get(f"{API}/?search=zebra&fields=id", headers=headers).json["results"]
    made = client.post(
        f"{API}/changes/", json={"action": "saved", "filter": {"search": "zebra"}}, headers=headers
    )
    assert [row["id"] for row in shown] == [done.id]
    assert made.json["updated"] == 1


@pytest.mark.parametrize(
    ("action", "place"), [("saved", "saved"), ("snooze", "later"), ("done", "done"), ("read", "inbox")]
)
def test_each_action_by_ids(client, alice, token, action, place):
    row, headers = factories.notification(alice), token(alice)
    until = {"until": (utc_now() + timedelta(days=1)).isoformat()} if action == "snooze" else {}
    body = {"action": action, "notification_ids": [row.id], **until}
    assert client.post(f"{API}/changes/", json=body, headers=headers).json["updated"] == 1
    assert [each["id"] for each in client.get(f"{API}/?place={place}", headers=headers).json["results"]] == [
        row.id
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"action": "done"},
        {"action": "done", "notification_ids": [1], "filter": {}},
        {"action": "explode", "filter": {}},
        {"action": "snooze", "filter": {}},
    ],
)
def test_a_change_that_cannot_be_is_a_422(client, alice, token, body):
    factories.notification(alice)
    assert client.post(f"{API}/changes/", json=body, headers=token(alice)).status_code == 422


def test_anothers_ids_change_nothing_and_are_nobodys(client, alice, charlie, token):
    row, headers = factories.notification(alice), token(charlie, *tokens.SCOPES)
    mine = client.post(
        f"{API}/changes/", json={"action": "read", "notification_ids": [row.id]}, headers=token(alice)
    )
    change = mine.json["id"]
    body = {"action": "done", "notification_ids": [row.id]}
    assert client.post(f"{API}/changes/", json=body, headers=headers).json == {
        "id": None,
        "action": "done",
        "updated": 0,
    }
    for method, path in (
        ("GET", f"{API}/{row.id}/explain/"),
        ("GET", f"{API}/{row.id}/"),
        ("POST", f"{API}/changes/{change}/undo/"),
        ("DELETE", f"/api/tokens/{db.session.query(ApiToken.id).filter_by(user_id=alice.id).first()[0]}/"),
    ):
        assert client.open(path, method=method, headers=headers).status_code == 404, path
    db.session.refresh(row)
    assert (row.read_at is not None, row.archived_at) == (True, None)


def test_explain_says_for_each_channel_what_was_decided(client, alice, bob, admin, token):
    body = factories.event_body(recipients=[alice.email])
    made = client.post("/api/events/", json=body, headers=admin).json["notifications"][0]
    found = client.get(f"{API}/{made['id']}/explain/", headers=token(alice)).json
    assert found["event"]["id"] == body["id"]
    said = {way["channel"]: way["state"] for way in found["channels"]}
    assert (said["in_app"], said["email"]) == ("sent", "pending")
    assert all(way["words"] for way in found["channels"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{API}/templates/"),
        ("POST", f"{API}/templates/"),
        ("PUT", f"{API}/templates/1/"),
        ("DELETE", f"{API}/templates/1/"),
        ("GET", "/api/deliveries/"),
        ("POST", "/api/deliveries/1/retry/"),
        ("GET", "/api/people/"),
        ("PATCH", "/api/people/1/"),
        ("POST", f"{API}/create/"),
        ("GET", f"{API}/announcements/"),
        ("GET", f"{API}/announcements/1/"),
        ("POST", f"{API}/announcements/1/cancel/"),
        ("POST", f"{API}/templates/1/publish/"),
        ("GET", f"{API}/templates/1/draft/"),
    ],
)
def test_what_is_for_admins_is_a_403_for_everybody_else(client, alice, token, method, path):
    response = client.open(path, method=method, json={}, headers=token(alice, *tokens.SCOPES))
    assert (response.status_code, response.json["scope"]) == (403, "admin")


def test_a_template_is_changed_only_as_its_editor_has_seen_it(client, admin):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    seen = client.get(path, headers=admin)
    etag = {"If-Match": seen.headers["ETag"]}
    changed = client.patch(path, json={"title_template": "Job: {{job_title}}"}, headers=admin | etag)
    assert (changed.status_code, changed.json["version"]) == (200, seen.json["version"] + 1)
    late = client.patch(path, json={"title_template": "Late"}, headers=admin | etag)
    assert late.status_code == 412
    assert client.get(path, headers=admin).json["title_template"] == "Job: {{job_title}}"
    assert client.get(path, headers=admin | {"If-None-Match": changed.headers["ETag"]}).status_code == 304
    versions = client.get(f"{path}versions/", headers=admin).json["results"]
    assert [each["number"] for each in versions] == [2, 1]


def test_a_template_that_was_read_can_be_edited_and_put_back_whole(client, admin):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    read = client.get(path, headers=admin).json
    put = client.put(path, json=read | {"title_template": "Now: {{job_title}}"}, headers=admin)
    assert (put.status_code, put.json["title_template"], put.json["version"]) == (
        200,
        "Now: {{job_title}}",
        2,
    )
    assert client.put(path, json=read, headers=admin).status_code == 412, "it was read before that"
    for other in ({"name": "another"}, {"id": 999}, {"is_builtin": False}):
        refused = client.put(path, json=put.json | other, headers=admin)
        assert fields(refused) == list(other)
    assert client.get(path, headers=admin).json == put.json


@pytest.mark.parametrize("path", ["/api/tokens/", f"{API}/views/", f"{API}/templates/", "/api/webhooks/"])
def test_short_lists_have_pages_too(client, bob, admin, path):
    for n in range(4):
        tokens.create(bob, f"Token {n}", ["read"])
        saved_views.create(bob, f"View {n}", saved_views.Filter("inbox", (), (), f"word{n}"))
        webhooks.create(bob, f"https://example.com/{n}", secret="x")
    whole = [row["id"] for row in client.get(path, headers=admin).json["results"]]
    assert len(whole) >= 4
    found, pages, url = [], [], f"{path}?limit=2"
    while url:
        page = client.get(url.removeprefix("http://bellhop.test"), headers=admin)
        found += [row["id"] for row in page.json["results"]]
        pages.append(page)
        url = page.json["next"]
    assert found == whole
    assert f'<{pages[0].json["next"]}>; rel="next"' in pages[0].headers["Link"]
    back = client.get(pages[1].json["previous"].removeprefix("http://bellhop.test"), headers=admin).json
    assert [row["id"] for row in back["results"]] == whole[:2]
    assert back["previous"] is None
    assert fields(client.get(f"{path}?cursor=n999999", headers=admin)) == ["cursor"]
    assert fields(client.get(f"{path}?limit=0", headers=admin)) == ["limit"]


def test_versions_have_pages_too(client, admin):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    for n in range(3):
        client.patch(path, json={"title_template": f"Title {n}"}, headers=admin)
    first = client.get(f"{path}versions/?limit=2", headers=admin).json
    second = client.get(first["next"].removeprefix("http://bellhop.test"), headers=admin).json
    assert [row["number"] for page in (first, second) for row in page["results"]] == [4, 3, 2, 1]
    assert second["next"] is None


def test_an_old_version_comes_back_as_a_draft_and_goes_live_when_it_is_published(client, admin, bob, token):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    old = client.get(path, headers=admin).json["title_template"]
    client.patch(path, json={"title_template": "Job: {{job_title}}"}, headers=admin)
    assert client.get(f"{path}draft/", headers=admin).status_code == 404
    draft = client.post(f"{path}restore/", json={"version": 1}, headers=admin)
    assert (draft.status_code, draft.json["title_template"], draft.json["base_version"]) == (200, old, 2)
    assert client.get(f"{path}draft/", headers=admin).json == draft.json
    assert client.get(path, headers=admin).json["title_template"] == "Job: {{job_title}}", (
        "nothing is live yet"
    )
    dana = token(factories.user("dana@example.test", role="admin"), *tokens.SCOPES)
    assert client.get(f"{path}draft/", headers=dana).status_code == 404, "each admin has a draft of their own"
    assert client.post(f"{path}publish/", json={}, headers=dana).status_code == 409
    live = client.post(f"{path}publish/", json={"note": "back"}, headers=admin).json
    assert (live["version"], live["title_template"]) == (3, old)
    newest = client.get(f"{path}versions/", headers=admin).json["results"][0]
    assert (newest["number"], newest["author"], newest["note"]) == (3, bob.email, "back")
    assert client.post(f"{path}restore/", json={"version": 3}, headers=admin).status_code == 409
    assert client.post(f"{path}restore/", json={"version": 99}, headers=admin).status_code == 404


def test_a_restored_version_gives_up_no_draft_and_overtakes_no_one_unasked(client, admin, token):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    for title in ("A", "B"):
        client.patch(path, json={"title_template": title}, headers=admin)
    assert client.post(f"{path}restore/", json={"version": 1}, headers=admin).status_code == 200
    assert client.post(f"{path}restore/", json={"version": 2}, headers=admin).status_code == 409
    body = {"version": 2, "replaces_draft": True}
    assert client.post(f"{path}restore/", json=body, headers=admin).json["title_template"] == "A"
    dana = token(factories.user("dana@example.test", role="admin"), *tokens.SCOPES)
    client.patch(path, json={"title_template": "Dana's"}, headers=dana)
    assert client.post(f"{path}publish/", json={}, headers=admin).status_code == 409
    assert client.get(f"{path}draft/", headers=admin).json["title_template"] == "A", "nothing is lost"
    assert client.get(path, headers=admin).json["title_template"] == "Dana's"
    assert client.delete(f"{path}draft/", headers=admin).status_code == 204
    assert client.get(f"{path}draft/", headers=admin).status_code == 404


def test_a_custom_template_asks_its_callers_for_more_only_when_its_editor_says_so(client, admin):
    words = {"title_template": "Hello {{who}}", "message_template": "Welcome"}
    body = {"name": "greeting", "notification_type": "system_alert", **words}
    path = f"{API}/templates/{client.post(f'{API}/templates/', json=body, headers=admin).json['id']}/"
    slip = {"message_template": "Welcome, {{whoo}}"}
    refused = client.patch(path, json=slip, headers=admin)
    assert refused.status_code == 422
    assert (refused.json["errors"][0]["field"], "whoo" in refused.json["errors"][0]["detail"]) == (
        "brings",
        True,
    )
    assert client.get(path, headers=admin).json["version"] == 1
    assert client.patch(path, json=slip | {"brings": ["whoo"]}, headers=admin).json["version"] == 2
    assert (
        client.patch(path, json=slip | {"title_template": "Hi {{who}}"}, headers=admin).json["version"] == 3
    )


def test_a_template_of_ones_own_is_made_used_and_deleted(client, alice, admin):
    words = {"title_template": "Hello {{who}}", "message_template": "From {{whom}}"}
    body = {"name": "greeting", "notification_type": "system_alert", **words}
    made = client.post(f"{API}/templates/", json=body, headers=admin)
    assert made.status_code == 201, made.json
    send = {"recipients": [alice.email], "template_name": "greeting", "context": {"who": "you", "whom": "us"}}
    sent = client.post(f"{API}/create/", json=send, headers=admin)
    assert sent.status_code == 201, sent.json
    assert db.session.get_one(Notification, sent.json["notifications"][0]["id"]).title == "Hello you"
    path = f"{API}/templates/{made.json['id']}/"
    assert client.delete(path, headers=admin).status_code == 204
    assert client.get(path, headers=admin).status_code == 404


def test_a_template_with_words_that_cannot_go_live_is_not_made(client, admin):
    body = {"name": "broken", "notification_type": "job_created", "title_template": "{% for x in y %}"}
    assert client.post(f"{API}/templates/", json=body, headers=admin).status_code == 422
    assert not db.session.query(NotificationTemplate).filter_by(name="broken").count()


def test_a_built_in_template_is_reset_not_deleted(client, admin):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    assert client.delete(path, headers=admin).status_code == 403
    client.patch(path, json={"title_template": "X"}, headers=admin)
    assert client.post(f"{path}reset/", headers=admin).json["title_template"] == "New Job: {{job_title}}"


def test_a_preview_shows_the_words_and_keeps_nothing(client, admin):
    path = f"{API}/templates/{wording.by_name('job_created').id}/preview/"
    body = {"title_template": "Now: {{job_title}}", "context": {"job_title": "Cook", "company_name": "Inn"}}
    assert client.post(path, json=body, headers=admin).json["title"] == "Now: Cook"
    assert client.post(path, json={"context": {"starts_at": "nonsense"}}, headers=admin).status_code == 422
    assert wording.by_name("job_created").version == 1


def test_a_preview_with_part_of_the_values_says_which_are_missing(client, admin):
    path = f"{API}/templates/{wording.by_name('interview_scheduled').id}/preview/"
    whole = catalog.sample_context("interview_scheduled")
    del whole["interviewer"]
    assert client.post(path, json={"context": whole}, headers=admin).json["problem"] == "", (
        "it may be missing"
    )
    found = client.post(path, json={"context": {"candidate_name": "Priya"}}, headers=admin).json
    assert found["title"] == "Interview Scheduled for Priya"
    assert "job_title" in found["problem"]
    assert "candidate_name" not in found["problem"]
    assert {(each[0]["tone"], each[0]["text"]) for each in found["checks"].values()} == {
        ("bad", found["problem"])
    }


def test_deliveries_are_listed_retried_and_cancelled(client, alice, admin):
    row = factories.delivery(factories.notification(alice), state="failed", reason="refused")
    other = factories.delivery(factories.notification(alice))
    page = client.get("/api/deliveries/?limit=1", headers=admin).json
    assert page["results"][0]["id"] == other.id
    following = client.get(page["next"].removeprefix("http://bellhop.test"), headers=admin).json
    assert following["results"][0]["id"] == row.id
    back = client.get(following["previous"].removeprefix("http://bellhop.test"), headers=admin).json
    assert (back["results"], back["next"], back["previous"]) == (page["results"], page["next"], None)
    assert client.post(f"/api/deliveries/{row.id}/retry/", headers=admin).json["state"] == "pending"
    assert client.post(f"/api/deliveries/{other.id}/cancel/", headers=admin).json["state"] == "cancelled"
    assert client.post(f"/api/deliveries/{other.id}/cancel/", headers=admin).status_code == 409
    assert db.session.get_one(Delivery, other.id, populate_existing=True).state == "cancelled"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("recipient=ALICE", {"mine"}),
        ("recipient=%25", set()),
        ("notification_type=job_created", {"theirs"}),
        ("notification_type=job_created,interview_scheduled&channel=email", {"mine", "theirs"}),
        ("created_after=2026-03-12T10:00:00Z", {"mine"}),
        ("created_before=2026-03-12T10:00:00Z", {"theirs"}),
        ("created_after=2026-03-12T10:00:00Z&recipient=charlie", set()),
    ],
)
def test_deliveries_are_found_by_person_type_and_time(client, alice, charlie, admin, query, expected):
    noon = datetime(2026, 3, 12, 12, tzinfo=UTC)
    theirs = factories.notification(charlie, notification_type="job_created")
    found = {
        factories.delivery(factories.notification(alice), created_at=noon).id: "mine",
        factories.delivery(theirs, created_at=noon - timedelta(days=1)).id: "theirs",
    }
    page = client.get(f"/api/deliveries/?{query}", headers=admin).json
    assert {found[row["id"]] for row in page["results"]} == expected


@pytest.mark.parametrize(
    "query", ["notification_type=x", "created_after=yesterday", "recipient=%00", "since=1"]
)
def test_a_filter_of_deliveries_that_cannot_be_is_a_422(client, admin, query):
    assert client.get(f"/api/deliveries/?{query}", headers=admin).status_code == 422


def test_an_announcement_is_read_watched_and_taken_back(client, alice, bob, admin):
    later = (utc_now() + timedelta(days=1)).isoformat()
    body = {
        "recipients": [alice.email, bob.email],
        "title": "Down on Friday",
        "message": "M",
        "deliver_at": later,
    }
    made = client.post(f"{API}/create/", json=body, headers=admin).json
    assert (made["state"], made["written"]) == ("scheduled", 2)
    now = client.post(
        f"{API}/create/", json={"everyone": True, "title": "T", "message": "M"}, headers=admin
    ).json
    assert now["state"] == "written"
    page = client.get(f"{API}/announcements/?limit=1", headers=admin).json
    assert [row["id"] for row in page["results"]] == [now["id"]]
    following = client.get(page["next"].removeprefix("http://bellhop.test"), headers=admin).json
    assert [row["id"] for row in following["results"]] == [made["id"]]
    path = f"{API}/announcements/{made['id']}/"
    found = client.get(path, headers=admin).json
    assert (found["state"], found["author"], found["named"], found["everyone"]) == (
        "scheduled",
        bob.email,
        2,
        False,
    )
    assert found["deliveries"] == {"email": {"waiting": 2}, "in_app": {"waiting": 2}}
    for _twice in range(2):
        cancelled = client.post(f"{path}cancel/", headers=admin)
        assert (cancelled.status_code, cancelled.json["state"], cancelled.json["written"]) == (
            200,
            "cancelled",
            0,
        )
    assert cancelled.json["deliveries"] == {"email": {"withheld": 2}, "in_app": {"withheld": 2}}
    assert client.post(f"{API}/announcements/{now['id']}/cancel/", headers=admin).status_code == 409
    assert client.get(f"{API}/announcements/999/", headers=admin).status_code == 404


def test_what_is_announced_for_later_does_not_exist_for_its_reader_until_then(client, alice, admin, token):
    body = {"recipients": [alice.email], "title": "Secret", "message": "M"}
    body["deliver_at"] = (utc_now() + timedelta(hours=1)).isoformat()
    [row] = client.post(f"{API}/create/", json=body, headers=admin).json["notifications"]
    path, hers = f"{API}/{row['id']}/", token(alice)
    for answer in (
        client.get(path, headers=hers),
        client.get(f"{path}?peek=true", headers=hers),
        client.get(f"{path}explain/", headers=hers),
        client.post(f"{API}/mark-read/", json={"notification_id": row["id"]}, headers=hers),
    ):
        assert answer.status_code == 404
    change = {"action": "done", "notification_ids": [row["id"]]}
    assert client.post(f"{API}/changes/", json=change, headers=hers).json["updated"] == 0
    with time_machine.travel(utc_now() + timedelta(hours=2)):
        assert client.get(path, headers=token(alice)).json["title"] == "Secret"


def test_people_are_invited_changed_and_switched_off(client, alice, bob, admin, token):
    made = client.post("/api/people/", json={"email": "dana@example.test", "name": "Dana"}, headers=admin)
    assert (made.status_code, made.json["role"]) == (201, "recruiter")
    path, hers = f"/api/people/{alice.id}/", token(alice)
    assert client.patch(path, json={"role": "admin"}, headers=admin).json["role"] == "admin"
    assert client.patch(path, json={"is_enabled": False}, headers=admin).json["is_enabled"] is False
    assert client.get(f"{API}/", headers=hers).status_code == 401
    assert (
        client.patch(f"/api/people/{bob.id}/", json={"role": "recruiter"}, headers=admin).status_code == 403
    )
    first = client.get("/api/people/?limit=1", headers=admin).json
    second = client.get(first["next"].removeprefix("http://bellhop.test"), headers=admin).json
    back = client.get(second["previous"].removeprefix("http://bellhop.test"), headers=admin).json
    assert back["results"] == first["results"] != second["results"]


def test_a_token_makes_no_token_that_may_do_more_and_its_text_is_told_once(client, alice, token):
    headers = token(alice)
    refused = client.post("/api/tokens/", json={"name": "x", "scopes": ["events"]}, headers=headers)
    assert refused.status_code == 422
    keyed = headers | {"Idempotency-Key": "once"}
    first, second = (
        client.post("/api/tokens/", json={"name": "x", "scopes": ["read"]}, headers=keyed) for _ in "ab"
    )
    assert first.json["token"].startswith("bhp_")
    assert second.json == first.json | {"token": None}
    fresh = {"Authorization": f"Bearer {first.json['token']}"}
    assert client.get(f"{API}/", headers=fresh).status_code == 200
    assert client.delete(f"/api/tokens/{first.json['id']}/", headers=headers).status_code == 204
    assert client.get(f"{API}/", headers=fresh).status_code == 401


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        (f"{API}/templates/1/", "TemplateChange"),
        (f"{API}/views/1/", "ViewChange"),
        ("/api/webhooks/1/", "WebhookChange"),
        ("/api/people/1/", "PersonChange"),
    ],
)
def test_a_null_in_a_change_is_refused_and_not_passed_over(client, admin, path, schema):
    known = client.get("/api/openapi.json").json["components"]["schemas"][schema]["properties"]
    response = client.patch(path, json=dict.fromkeys(known), headers=admin)
    assert set(fields(response)) == set(known)


def test_a_batch_gives_each_event_its_own_verdict(client, alice, admin):
    good = factories.event_body(recipients=[alice.email])
    batch = [good, good, {"specversion": "1.0"}, factories.event_body(recipients=["nobody@example.test"])]
    results = client.post("/api/events/batch/", json=batch, headers=admin).json["results"]
    assert [each["status"] for each in results] == [201, 200, 422, 422]
    assert results[3]["errors"][0]["field"] == "data.recipients.0"
    assert client.post("/api/events/batch/", json=[good] * 1001, headers=admin).status_code == 422
    assert db.session.query(Notification).count() == 1


def test_a_batch_says_in_a_dry_run_what_it_would_do(client, alice, admin):
    good = factories.event_body(recipients=[alice.email])
    tried, done = (
        client.post(f"/api/events/batch/{query}", json=[good, good], headers=admin).json["results"]
        for query in ("?dry_run=true", "")
    )
    assert [each["event"]["is_duplicate"] for each in tried] == [False, True]
    assert [each["event"]["is_duplicate"] for each in done] == [False, True]


def test_a_batch_whose_database_fails_half_way_says_of_each_event_what_became_of_it(
    client, alice, admin, monkeypatch
):
    batch = [factories.event_body("job.created", [alice.email]) for _ in range(3)]
    publish, calls = event_publish.publish, []

    def fail_once(event, **options):
        calls.append(event)
        if len(calls) == 2:
            raise OperationalError("INSERT", None, Exception("deadlock"))
        return publish(event, **options)

    monkeypatch.setattr(event_publish, "publish", fail_once)
    results = client.post("/api/events/batch/", json=batch, headers=admin).json["results"]
    assert [each["status"] for each in results] == [201, 503, 201]
    assert results[1]["errors"][0]["pointer"] == "#/1"
    calls.clear()
    again = client.post("/api/events/batch/", json=batch, headers=admin | {"Idempotency-Key": "k"})
    assert again.status_code == 503, "with a key it is all or nothing"
    results = client.post("/api/events/batch/", json=batch, headers=admin | {"Idempotency-Key": "k"}).json[
        "results"
    ]
    assert [each["status"] for each in results] == [200, 201, 200]
    assert db.session.query(Notification).count() == 3


def test_a_search_that_is_not_understood_is_pointed_at_within_the_filter(client, alice, token):
    body = {"action": "read", "filter": {"search": "is:nonsense"}}
    response = client.post(f"{API}/changes/", json=body, headers=token(alice))
    assert fields(response) == ["filter.search"]
    assert response.json["errors"][0]["pointer"] == "#/filter/search"


def test_an_odd_entry_of_a_batch_stops_no_other(client, alice, admin):
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
    answer = client.post("/api/events/batch/", json=[*odd, good], headers=admin)
    assert answer.status_code == 200, answer.json
    assert [each["status"] for each in answer.json["results"]] == [422] * 7 + [201]
    pointers = [each["errors"][0]["pointer"] for each in answer.json["results"][:7]]
    assert pointers == ["#/0", "#/1", "#/2", "#/3", "#/4/id", "#/5/data/text", "#/6"]
    assert all(each["errors"][0]["detail"] for each in answer.json["results"][:7])


def test_an_event_in_binary_mode_is_the_same_event(client, alice, admin):
    body = factories.event_body("job.created", recipients=[alice.email])
    heads = {f"ce-{name}": body[name] for name in ("specversion", "id", "source", "type", "time")}
    first = client.post("/api/events/", json=body["data"], headers=admin | heads)
    assert first.status_code == 201, first.json
    again = client.post("/api/events/", json=body, headers=admin)
    assert (again.status_code, again.json["is_duplicate"]) == (200, True)


def test_a_long_answer_is_gzipped_for_whoever_takes_it(client, alice, token):
    for _ in range(20):
        factories.notification(alice)
    plain = client.get(f"{API}/", headers=token(alice))
    squeezed = client.get(f"{API}/", headers=token(alice) | {"Accept-Encoding": "gzip"})
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(squeezed.data)) == plain.json
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_every_read_has_an_etag_and_is_a_304_while_nothing_changes(client, bob, admin):
    document = client.get("/api/openapi.json").json
    factories.notification(bob)
    reads = [path for path, item in document["paths"].items() if "get" in item and "{" not in path]
    assert len(reads) >= 8
    for path in reads:
        first = client.get(path, headers=admin)
        same = client.get(path, headers=admin | {"If-None-Match": first.headers["ETag"]})
        assert (same.status_code, same.data) == (304, b""), path
        assert client.head(path, headers=admin).headers["ETag"] == first.headers["ETag"]
    before = client.get(f"{API}/", headers=admin)
    factories.notification(bob)
    after = client.get(f"{API}/", headers=admin | {"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, len(after.json["results"])) == (200, 2)


def test_only_the_fields_asked_for_are_sent(client, alice, token):
    factories.notification(alice)
    page = client.get(f"{API}/?fields=id,title", headers=token(alice)).json
    assert set(page["results"][0]) == {"id", "title"}
    assert client.get(f"{API}/?fields=password", headers=token(alice)).status_code == 422
