"""Templates over the API: versions, drafts, previews, and custom templates."""

from __future__ import annotations

from app import catalog
from app.database.base import db
from app.models import Notification, NotificationTemplate
from app.services.accounts import tokens
from app.services.routing import wording
from tests.api.conftest import error_fields
from tests.support import factories

API = "/api/notifications"


def test_if_match_prevents_changing_a_newer_version(client, admin_headers):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    seen = client.get(path, headers=admin_headers)
    etag = {"If-Match": seen.headers["ETag"]}
    changed = client.patch(path, json={"title_template": "Job: {{job_title}}"}, headers=admin_headers | etag)
    assert (changed.status_code, changed.json["version"]) == (200, seen.json["version"] + 1)
    late = client.patch(path, json={"title_template": "Late"}, headers=admin_headers | etag)
    assert late.status_code == 412
    assert client.get(path, headers=admin_headers).json["title_template"] == "Job: {{job_title}}"
    assert (
        client.get(path, headers=admin_headers | {"If-None-Match": changed.headers["ETag"]}).status_code
        == 304
    )
    versions = client.get(f"{path}versions/", headers=admin_headers).json["results"]
    assert [each["number"] for each in versions] == [2, 1]


def test_put_accepts_the_template_that_get_returned(client, admin_headers):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    read = client.get(path, headers=admin_headers).json
    put = client.put(path, json=read | {"title_template": "Now: {{job_title}}"}, headers=admin_headers)
    assert (put.status_code, put.json["title_template"], put.json["version"]) == (
        200,
        "Now: {{job_title}}",
        2,
    )
    assert client.put(path, json=read, headers=admin_headers).status_code == 412, "the version is outdated"
    for other in ({"name": "another"}, {"id": 999}, {"is_builtin": False}):
        refused = client.put(path, json=put.json | other, headers=admin_headers)
        assert error_fields(refused) == list(other)
    assert client.get(path, headers=admin_headers).json == put.json


def test_versions_are_paged(client, admin_headers):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    for n in range(3):
        client.patch(path, json={"title_template": f"Title {n}"}, headers=admin_headers)
    first = client.get(f"{path}versions/?limit=2", headers=admin_headers).json
    second = client.get(first["next"].removeprefix("http://bellhop.test"), headers=admin_headers).json
    assert [row["number"] for page in (first, second) for row in page["results"]] == [4, 3, 2, 1]
    assert second["next"] is None


def test_a_restored_version_is_a_draft_until_it_is_published(client, admin_headers, bob, token):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    old = client.get(path, headers=admin_headers).json["title_template"]
    client.patch(path, json={"title_template": "Job: {{job_title}}"}, headers=admin_headers)
    assert client.get(f"{path}draft/", headers=admin_headers).status_code == 404
    draft = client.post(f"{path}restore/", json={"version": 1}, headers=admin_headers)
    assert (draft.status_code, draft.json["title_template"], draft.json["base_version"]) == (200, old, 2)
    assert client.get(f"{path}draft/", headers=admin_headers).json == draft.json
    assert client.get(path, headers=admin_headers).json["title_template"] == "Job: {{job_title}}", (
        "the draft is not live"
    )
    dana = token(factories.user("dana@example.test", role="admin"), *tokens.SCOPES)
    assert client.get(f"{path}draft/", headers=dana).status_code == 404, "each admin has their own draft"
    assert client.post(f"{path}publish/", json={}, headers=dana).status_code == 409
    live = client.post(f"{path}publish/", json={"note": "back"}, headers=admin_headers).json
    assert (live["version"], live["title_template"]) == (3, old)
    newest = client.get(f"{path}versions/", headers=admin_headers).json["results"][0]
    assert (newest["number"], newest["author"], newest["note"]) == (3, bob.email, "back")
    assert client.post(f"{path}restore/", json={"version": 3}, headers=admin_headers).status_code == 409
    assert client.post(f"{path}restore/", json={"version": 99}, headers=admin_headers).status_code == 404


def test_restoring_keeps_an_existing_draft_and_publishing_keeps_a_newer_version(client, admin_headers, token):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    for title in ("A", "B"):
        client.patch(path, json={"title_template": title}, headers=admin_headers)
    assert client.post(f"{path}restore/", json={"version": 1}, headers=admin_headers).status_code == 200
    assert client.post(f"{path}restore/", json={"version": 2}, headers=admin_headers).status_code == 409
    body = {"version": 2, "replaces_draft": True}
    assert client.post(f"{path}restore/", json=body, headers=admin_headers).json["title_template"] == "A"
    dana = token(factories.user("dana@example.test", role="admin"), *tokens.SCOPES)
    client.patch(path, json={"title_template": "Dana's"}, headers=dana)
    assert client.post(f"{path}publish/", json={}, headers=admin_headers).status_code == 409
    assert client.get(f"{path}draft/", headers=admin_headers).json["title_template"] == "A", (
        "the draft is kept"
    )
    assert client.get(path, headers=admin_headers).json["title_template"] == "Dana's"
    assert client.delete(f"{path}draft/", headers=admin_headers).status_code == 204
    assert client.get(f"{path}draft/", headers=admin_headers).status_code == 404


def test_new_variables_of_a_custom_template_must_be_declared(client, admin_headers):
    words = {"title_template": "Hello {{who}}", "message_template": "Welcome"}
    body = {"name": "greeting", "notification_type": "system_alert", **words}
    path = f"{API}/templates/{client.post(f'{API}/templates/', json=body, headers=admin_headers).json['id']}/"
    slip = {"message_template": "Welcome, {{whoo}}"}
    refused = client.patch(path, json=slip, headers=admin_headers)
    assert refused.status_code == 422
    assert (refused.json["errors"][0]["field"], "whoo" in refused.json["errors"][0]["detail"]) == (
        "brings",
        True,
    )
    assert client.get(path, headers=admin_headers).json["version"] == 1
    assert client.patch(path, json=slip | {"brings": ["whoo"]}, headers=admin_headers).json["version"] == 2
    assert (
        client.patch(path, json=slip | {"title_template": "Hi {{who}}"}, headers=admin_headers).json[
            "version"
        ]
        == 3
    )


def test_a_custom_template_is_created_used_and_deleted(client, alice, admin_headers):
    words = {"title_template": "Hello {{who}}", "message_template": "From {{whom}}"}
    body = {"name": "greeting", "notification_type": "system_alert", **words}
    made = client.post(f"{API}/templates/", json=body, headers=admin_headers)
    assert made.status_code == 201, made.json
    send = {"recipients": [alice.email], "template_name": "greeting", "context": {"who": "you", "whom": "us"}}
    sent = client.post(f"{API}/create/", json=send, headers=admin_headers)
    assert sent.status_code == 201, sent.json
    assert db.session.get_one(Notification, sent.json["notifications"][0]["id"]).title == "Hello you"
    path = f"{API}/templates/{made.json['id']}/"
    assert client.delete(path, headers=admin_headers).status_code == 204
    assert client.get(path, headers=admin_headers).status_code == 404


def test_a_template_with_invalid_content_is_not_created(client, admin_headers):
    body = {"name": "broken", "notification_type": "job_created", "title_template": "{% for x in y %}"}
    assert client.post(f"{API}/templates/", json=body, headers=admin_headers).status_code == 422
    assert not db.session.query(NotificationTemplate).filter_by(name="broken").count()


def test_a_built_in_template_can_be_reset_but_not_deleted(client, admin_headers):
    path = f"{API}/templates/{wording.by_name('job_created').id}/"
    assert client.delete(path, headers=admin_headers).status_code == 403
    client.patch(path, json={"title_template": "X"}, headers=admin_headers)
    assert (
        client.post(f"{path}reset/", headers=admin_headers).json["title_template"] == "New job: {{job_title}}"
    )


def test_a_preview_renders_the_content_and_saves_nothing(client, admin_headers):
    path = f"{API}/templates/{wording.by_name('job_created').id}/preview/"
    body = {"title_template": "Now: {{job_title}}", "context": {"job_title": "Cook", "company_name": "Inn"}}
    assert client.post(path, json=body, headers=admin_headers).json["title"] == "Now: Cook"
    assert (
        client.post(path, json={"context": {"starts_at": "nonsense"}}, headers=admin_headers).status_code
        == 422
    )
    assert wording.by_name("job_created").version == 1


def test_a_preview_names_the_missing_variables(client, admin_headers):
    path = f"{API}/templates/{wording.by_name('interview_scheduled').id}/preview/"
    whole = catalog.sample_context("interview_scheduled")
    del whole["interviewer"]
    assert client.post(path, json={"context": whole}, headers=admin_headers).json["problem"] == "", (
        "interviewer is optional"
    )
    found = client.post(path, json={"context": {"candidate_name": "Priya"}}, headers=admin_headers).json
    assert found["title"] == "Interview Scheduled for Priya"
    assert "job_title" in found["problem"]
    assert "candidate_name" not in found["problem"]
    assert {(each[0]["tone"], each[0]["text"]) for each in found["checks"].values()} == {
        ("bad", found["problem"])
    }
