"""Ids of another user, in every documented call and for every role, are 404 and change nothing."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import Base, db
from app.models import Source, SourceCall, Webhook
from app.services.accounts import tokens
from app.services.announcements import management as announcement_management
from app.services.announcements.validation import AnnouncementRequest
from app.services.events import data as event_data
from app.services.events.publish import IncomingEvent, publish
from app.services.follows import management as follows
from app.services.notifications import actions, saved_views
from app.services.notifications.saved_views import SavedFilter
from app.services.rooms import management as rooms
from app.services.routing import wording
from app.services.templates import drafts as template_drafts
from app.services.templates.drafts import TemplateContent
from tests.support import factories
from tests.support.source_calls import standard_event
from tests.support.sources import call, connect

API = "/api/notifications"
NOBODYS = 2**63 - 1


def _change(user):
    row = factories.notification(user)
    return actions.change(user, "read", ids=[row.id]).id


def _webhook(user):
    hook = Webhook(user_id=user.id, url="https://example.com/", secret_salt="salt")
    db.session.add(hook)
    db.session.commit()
    return hook.id


def _subscription(_user):
    hook = Webhook(url="https://example.com/", types=["notification.created"], secret_salt="salt")
    db.session.add(hook)
    db.session.commit()
    return hook.id


def _room(user):
    return rooms.create("#hiring", "webhook", "https://example.com/", ["*"], actor=user, secret="key").id


def _draft(user):
    live = wording.by_name("job_created")
    template_drafts.save(live.id, TemplateContent("Drafted", "Anew"), live.version, author=user)
    return live.id


def _announcement(user):
    tomorrow = utc_now() + timedelta(days=1)
    wanted = AnnouncementRequest(everyone=True, title="Away", message="On Friday.", deliver_at=tomorrow)
    return announcement_management.create(user, wanted).id


def _event(user):
    checked = event_data.validate("system.alert", {})
    event = IncomingEvent("/tests", factories.unique(), "system.alert", None, checked, [user.email])
    return publish(event).event_id


def _view(user):
    return saved_views.create(user, f"View {factories.unique()}", SavedFilter()).id


def _source_call(user):
    found = call(connect("standard", user), standard_event(), unique=factories.unique())
    return found.id


# Creates a private resource of a user: a 404 for everyone else, including admins.
PERSONAL: dict[str, Callable[[Any], int | None]] = {
    "notification_id": lambda user: factories.notification(user).id,
    "change_id": _change,
    "token_id": lambda user: tokens.create(user, "a script", ["read"])[0].id,
    "webhook_id": _webhook,
    "view_id": _view,
    "follow_id": lambda user: follows.set_mode(user, "candidate:cand-77", "follow")[0].id,
}
# Creates a resource that all admins can access and no one else.
SHARED: dict[str, Callable[[Any], int | None]] = {
    "template_id": _draft,
    "announcement_id": _announcement,
    "person_id": lambda _user: factories.user(f"{factories.unique()}@example.test").id,
    "delivery_id": lambda user: factories.delivery(factories.notification(user)).id,
    "source_id": lambda user: db.session.get_one(SourceCall, _source_call(user)).source_id,
    "call_id": _source_call,
    "room_id": _room,
    "subscription_id": _subscription,
}
# Creates a resource of the platform, for which the scope `events` is enough.
REPORTED: dict[str, Callable[[Any], int | None]] = {"event_id": _event}
# The platform's own ids, which belong to no one here.
OF_PLATFORM = {("create_notification", "candidate_id"), ("create_notification", "job_id")}
# The other id in a path that has two.
NEWEST: dict[str, Any] = {"source_id": Source, "call_id": SourceCall}
# The ids that a body can contain, and the response if they are another user's. In lists these are ignored.
IN_BODIES = {
    ("mark_read", "notification_id"): 404,
    ("bulk_mark_read", "notification_ids"): {"updated": 0},
    ("order_views", "view_ids"): 422,
    ("change_notifications", "notification_ids"): {"id": None, "action": "done", "updated": 0},
}


@pytest.fixture
def document(client):
    return client.get("/api/openapi.json").json


def _calls(document) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Yield method, path, operation and example body of every documented call."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "requestBody" not in operation:
                yield method, path, operation, {}
                continue
            media_type, content = next(iter(operation["requestBody"]["content"].items()))
            schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            body = {"data": json.dumps(schema["examples"][0]), "content_type": media_type}
            yield method, path, operation, body


def _calls_with_ids(document, known) -> list[tuple[str, str, str, str, dict[str, Any]]]:
    found = []
    for method, path, operation, body in _calls(document):
        for name in re.findall(r"{(\w+)}", path):
            assert name in PERSONAL | SHARED | REPORTED, f"Define how to create another user's {name}"
            if name in known:
                found.append((method, path, name, operation["operationId"], body))
    return found


def _address(path: str, name: str, number: int) -> str:
    """Put an id into a path. If the path has another one, it is that of the newest row."""
    filled = path.replace(f"{{{name}}}", str(number))
    for other in re.findall(r"{(\w+)}", filled):
        newest = db.session.scalar(select(func.max(NEWEST[other].id)))
        filled = filled.replace(f"{{{other}}}", str(newest))
    return filled


def _everything() -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, except what refused calls may leave: when a token was used, and their audit."""
    db.session.rollback()
    rows = {}
    for table in Base.metadata.sorted_tables:
        query = select(*(column for column in table.columns if column.name != "last_used_at"))
        if table.name == "audit_entries":
            query = query.where(table.c.action != "access.forbidden")
        rows[table.name] = sorted(db.session.execute(query).all(), key=str)
    return rows


@pytest.mark.parametrize("role", ["recruiter", "admin"])
def test_another_users_id_is_a_404_and_changes_nothing(client, document, alice, bob, charlie, token, role):
    caller = token(bob if role == "admin" else charlie, *tokens.SCOPES)
    calls = [(*call, PERSONAL[call[2]](alice)) for call in _calls_with_ids(document, PERSONAL)]
    assert len(calls) >= 10
    before = _everything()
    for method, path, name, operation, body, number in calls:
        address = _address(path, name, number)
        answer = client.open(address, method=method, headers=caller, **body)
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json"), operation
        unknown = client.open(_address(path, name, NOBODYS), method=method, headers=caller, **body)
        assert unknown.data == answer.data, f"{operation} distinguishes another user's id from an unknown one"
    assert _everything() == before


def test_another_users_id_is_a_404_for_browser_sessions_too(document, alice, bob, charlie, browser_of):
    calls = [(*call, PERSONAL[call[2]](alice)) for call in _calls_with_ids(document, PERSONAL)]
    browsers = [browser_of(charlie), browser_of(bob)]
    before = _everything()
    for browser, (method, path, name, operation, body, number) in itertools.product(browsers, calls):
        answer = browser.open(_address(path, name, number), method=method, headers=browser.csrf, **body)
        assert answer.status_code == 404, operation
    assert _everything() == before


def test_admin_resources_are_403_for_others_and_404_if_unknown(client, document, alice, bob, charlie, token):
    calls = [(*call, SHARED[call[2]](bob)) for call in _calls_with_ids(document, SHARED)]
    assert len(calls) >= 10
    outsider, lapsed, admin = (
        token(charlie, *tokens.SCOPES),
        token(bob, "read", "write", "events"),
        token(bob, *tokens.SCOPES),
    )
    before = _everything()
    for method, path, name, operation, body, number in calls:
        for headers, address, status in (
            (outsider, number, 403),
            (lapsed, number, 403),
            (outsider, NOBODYS, 403),
            (admin, NOBODYS, 404),
        ):
            answer = client.open(_address(path, name, address), method=method, headers=headers, **body)
            assert answer.status_code == status, (operation, status)
    assert _everything() == before


def test_own_ids_without_the_scope_are_403_and_change_nothing(client, document, alice, token):
    calls = [(*call, PERSONAL[call[2]](alice)) for call in _calls_with_ids(document, PERSONAL)]
    others = {
        scope: token(alice, *(each for each in tokens.SCOPES if each != scope)) for scope in tokens.SCOPES
    }
    before = _everything()
    for method, path, name, operation, body, number in calls:
        scope = document["paths"][path][method]["security"][0]["bearer"][0]
        address = _address(path, name, number)
        answer = client.open(address, method=method, headers=others[scope], **body)
        assert (answer.status_code, answer.json["scope"]) == (403, scope), operation
        assert client.open(address, method=method, **body).status_code == 401, operation
    assert _everything() == before


def test_the_ids_in_these_tests_exist(client, document, bob, token):
    headers = token(bob, *tokens.SCOPES)
    makers = PERSONAL | SHARED | REPORTED
    for method, path, name, operation, body in _calls_with_ids(document, makers):
        number = makers[name](bob)
        if operation == "restore_view":
            saved_views.delete(bob, number)
        answer = client.open(_address(path, name, number), method=method, headers=headers, **body)
        assert answer.status_code in {200, 201, 204, 403, 409}, (operation, answer.data)


def test_another_users_ids_in_a_body_have_no_effect(client, document, alice, charlie, token):
    named = {
        (operation["operationId"], field)
        for _method, _path, operation, body in _calls(document)
        for field in re.findall(r'"(\w*_ids?|ids)"', json.dumps(_schema(document, operation)) if body else "")
    }
    assert named - OF_PLATFORM == set(IN_BODIES), "Define the response to another user's id"
    headers = token(charlie, *tokens.SCOPES)
    numbers = {name: make(alice) for name, make in PERSONAL.items()}
    before = _everything()
    for method, path, operation, _body in _calls(document):
        for (name, field), expected in IN_BODIES.items():
            if name != operation["operationId"]:
                continue
            number = numbers[field.removesuffix("s")]
            body = {field: [number] if field.endswith("s") else number}
            if name == "change_notifications":
                body["action"] = "done"
            answer = client.open(path, method=method, json=body, headers=headers)
            assert expected in (answer.status_code, answer.json), operation
    assert _everything() == before


def _schema(document, operation) -> Any:
    content = next(iter(operation["requestBody"]["content"].values()))
    return document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]].get("properties")


def test_another_users_cursor_lists_only_own_notifications(client, alice, charlie, token):
    for _ in range(3):
        factories.notification(alice)
    mine = factories.notification(charlie)
    theirs = client.get(f"{API}/?limit=1&fields=id", headers=token(alice)).json["next"]
    found = client.get(theirs.removeprefix("http://bellhop.test"), headers=token(charlie)).json["results"]
    assert [row["id"] for row in found] in ([], [mine.id])
