"""The examples in the OpenAPI document are correct: each command runs and returns what its example shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import timedelta

import jsonschema_rs
import pytest

from app.clock import utc_now
from app.database.base import db
from app.models import DeliveryAttempt, Notification, Reminder, Room, SavedView, Webhook
from app.services.accounts import direct_messages, tokens, webhooks
from app.services.announcements import management as announcement_management
from app.services.announcements.validation import AnnouncementRequest
from app.services.deliveries import room_log, webhook_calls
from app.services.follows import management as follows
from app.services.notifications import actions, saved_views
from app.services.notifications.saved_views import SavedFilter
from app.services.preferences import editing as preference_editing
from app.services.routing import wording
from app.services.subscriptions import management as subscriptions
from app.services.templates import drafts as template_drafts
from app.services.templates import publishing as template_publishing
from app.services.templates.drafts import TemplateContent
from tests.support import factories
from tests.support.rooms import add_room
from tests.support.source_calls import standard_event
from tests.support.sources import call, connect


@pytest.fixture
def document(client):
    return client.get("/api/openapi.json").json


def _operations(document):
    return [operation for item in document["paths"].values() for operation in item.values()]


def _shown(operation, status):
    return operation["responses"][status]["content"]["application/json"]["example"]


def test_every_response_has_an_example_that_matches_its_schema(document):
    seen = 0
    for operation in _operations(document):
        for status in {"200", "201"} & set(operation["responses"]):
            content = operation["responses"][status]["content"]["application/json"]
            whole = content["schema"] | {"components": document["components"]}
            jsonschema_rs.validate(whole, content["example"], validate_formats=True)
            seen += 1
    assert seen >= 50


def test_every_body_has_an_example(document):
    for operation in _operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert document["components"]["schemas"][name]["examples"]


def test_every_command_runs_and_returns_what_its_example_shows(
    client, live_server, document, alice, bob, token, monkeypatch
):
    # Each command gets a webhook with a test call.
    monkeypatch.setattr(direct_messages, "MAX_TESTS", 1000)
    monkeypatch.setattr(subscriptions, "MAX_TESTS", 1000)
    monkeypatch.setattr(room_log, "MAX_TESTS", 1000)
    headers = token(bob, *tokens.SCOPES)
    preference_editing.change(bob, {"matrix": {"job": {"email": False}}, "quiet_hours": {"days": [4, 5]}})
    seen = 0
    for operation in _operations(document):
        [sample] = operation["x-codeSamples"]
        ids = _one_of_each(client, headers, alice, bob)
        command = _with_real_ids(sample["source"], operation["operationId"], ids)
        status, body = _run(command.replace(*_here(document, live_server)), headers)
        assert status in operation["responses"], (command, body)
        assert status in {"200", "201", "204"}, (command, body)
        if status != "204":
            assert list(_unlike(_shown(operation, status), json.loads(body))) == [], command
        seen += 1
    assert seen >= 56


def _here(document, live_server):
    [server] = document["servers"]
    return server["url"], live_server


def _with_real_ids(command, name, ids):
    in_address = re.sub(r"/(\w+)/123(?=/)", lambda noun: f"/{noun[1]}/{ids.get(name, ids[noun[1]])}", command)
    # The remaining ids are in the body.
    return re.sub(r"\b12[34]\b", str(ids.get(name, ids["notifications"])), in_address)


def _run(command, headers):
    """Run a command and return the status and the body of the response."""
    done = subprocess.run(
        [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            f"{command} --silent --show-error --write-out '\\n%{{http_code}}'",
        ],
        env={**os.environ, "TOKEN": headers["Authorization"].removeprefix("Bearer ")},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    body, _newline, status = done.stdout.rpartition("\n")
    return status, body


def _unlike(shown, real, where="#"):
    """Yield the differences in names and types, and lists that are empty in only one of the two."""
    if isinstance(shown, dict) and isinstance(real, dict):
        yield from (f"{where}/{name}" for name in shown.keys() ^ real.keys())
        for name in shown.keys() & real.keys():
            yield from _unlike(shown[name], real[name], f"{where}/{name}")
    elif isinstance(shown, list) and isinstance(real, list) and bool(shown) == bool(real):
        for first, other in zip(shown[:1], real[:1], strict=True):
            yield from _unlike(first, other, f"{where}/0")
    # A nullable value may be null in only one of the two.
    elif None not in (shown, real) and type(shown) is not type(real):
        yield f"{where}: {shown!r}, {real!r}"


def _one_of_each(client, headers, alice, bob):
    """Return the id of one row of each type, by the noun in its URL, or by the call that needs a special state."""
    # Their number is limited, and reordering must name all views of a user.
    for earlier in (Webhook, SavedView, Room):
        db.session.query(earlier).delete()
    db.session.commit()
    now = utc_now()
    row, waiting = _notified(client, headers, bob, now)
    read = factories.notification(bob, read_at=now, priority="high")
    hook, _secret = webhooks.create(bob, "https://example.com/", secret="a key")
    webhook_calls.send_test(bob, hook.id)
    subscription, _secret = subscriptions.create(
        "https://example.com/", ["notification.created"], actor=bob, secret="a key"
    )
    subscriptions.send_test(subscription.id)
    room = add_room(bob)
    room_log.send_test(room.id, bob)
    deleted = saved_views.create(bob, "Deleted", SavedFilter())
    saved_views.delete(bob, deleted.id)
    view = saved_views.create(bob, "An example", SavedFilter(category=("interview",)))
    source_call = call(connect("standard", bob), standard_event(), unique=factories.unique())
    content = {"roles": ["recruiter"], "title": "Audit", "message": "It begins."}
    later = AnnouncementRequest(**content, deliver_at=now + timedelta(days=1))
    return {
        "notifications": row.id,
        "changes": actions.change(bob, "saved", ids=[read.id]).id,
        "announcements": announcement_management.create(bob, AnnouncementRequest(**content)).id,
        "cancel_announcement": announcement_management.create(bob, later).id,
        "deliveries": waiting.id,
        "people": alice.id,
        "templates": _template(client, headers, bob),
        "reset_template": wording.by_name("job_created").id,
        "tokens": tokens.create(bob, "An example", ["read"])[0].id,
        "views": view.id,
        "order_views": view.id,
        "restore_view": deleted.id,
        "rooms": room.id,
        "webhooks": hook.id,
        "subscriptions": subscription.id,
        "sources": source_call.source_id,
        "calls": source_call.id,
        "events": row.event_id,
        "follows": follows.set_mode(bob, "candidate:another", "follow")[0].id,
    }


def _notified(client, headers, user, now):
    """Create a notification from an event, with a reminder and a delivery that waits for a retry."""
    event = factories.event_body("interview.scheduled", [user.email])
    [made] = client.post("/api/events/", json=event, headers=headers).json["notifications"]
    row = db.session.get_one(Notification, made["id"])
    of_it = {"interview_id": row.interview_id, "user_id": user.id, "starts_at": now, "lead_minutes": 60}
    db.session.add(Reminder(**of_it, outcome="sent", decided_at=now))
    factories.delivery(row, address="sent@example.test", state="sent", sent_at=now)
    factories.delivery(row, address="failed@example.test", state="failed")
    waiting = factories.delivery(row, address="waiting@example.test", state="retry_wait")
    took = {"started_at": now, "finished_at": now, "outcome": "retry_wait", "response": "450 greylisted"}
    db.session.add(DeliveryAttempt(delivery_id=waiting.id, number=1, **took))
    db.session.commit()
    return row, waiting


def _template(client, headers, author):
    """Create a custom template with three versions and a different draft; return its id."""
    body = {"name": factories.unique(), "notification_type": "job_created"}
    made = client.post("/api/notifications/templates/", json=body, headers=headers).json["id"]
    for title in ("Second", "Third"):
        template_publishing.rewrite(made, TemplateContent(title, "As an example"), actor=author, note=title)
    template_drafts.save(made, TemplateContent("Drafted", "As an example"), 3, author=author)
    return made
