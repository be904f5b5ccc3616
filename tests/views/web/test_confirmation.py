"""Tokens, webhooks and rooms need a password that was typed a short time ago."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from app.clock import utc_now
from app.database.base import Base, db
from app.models import ApiToken, BrowserSession, Room, User, Webhook
from app.services.accounts import sessions, tokens, webhooks
from app.services.accounts.sessions import SessionLimits
from app.services.rooms import management as rooms
from tests.support import factories
from tests.support.audit import audit_entries
from tests.views.forms import send

TOKEN = {"token_name": "CI", "token_scopes": ["read", "write"], "token_days": "30"}
HOOK = {"url": "https://hooks.example.com/"}


@pytest.fixture
def old(sign_in: Callable[[User], FlaskClient], alice: User) -> FlaskClient:
    """A session in which the password was typed sixteen minutes ago."""
    client = sign_in(alice)
    db.session.execute(update(BrowserSession).values(confirmed_at=utc_now() - timedelta(minutes=16)))
    db.session.commit()
    return client


def count(model: type[Base]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def fields_of(page: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page):
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize(
    ("page", "path", "fields", "model"),
    [
        ("/account", "/account/tokens", TOKEN, ApiToken),
        ("/account/devices", "/account/devices/webhooks", HOOK, Webhook),
    ],
)
def test_an_old_session_confirms_the_password_and_keeps_its_input(
    old: FlaskClient, page: str, path: str, fields: dict[str, Any], model: type[Base]
) -> None:
    asked = send(old, page, path, **fields)
    assert (asked.status_code, count(model)) == (403, 0)
    assert not audit_entries("access.forbidden")
    carried = fields_of(asked.text)
    for name, value in fields.items():
        assert carried[name] == (value if isinstance(value, list) else [value])
    wrong = old.post(path, data=carried | {"confirm_password": "a guess"})
    assert (wrong.status_code, count(model)) == (422, 0)
    assert "That is not your current password." in wrong.text
    assert "a guess" not in wrong.text
    done = old.post(path, data=fields_of(wrong.text) | {"confirm_password": factories.PASSWORD})
    assert (done.status_code, count(model)) == (200, 1)
    # For a while it is not required again.
    assert send(old, page, path, **fields).status_code == 200


def test_a_new_secret_and_turning_a_webhook_on_need_the_password(old: FlaskClient, alice: User) -> None:
    hook, _secret = webhooks.create(alice, HOOK["url"], secret="s")
    webhooks.change(alice, hook.id, is_enabled=False)
    for action in ("secret", "activation"):
        assert send(old, "/account", f"/account/devices/webhooks/{hook.id}/{action}").status_code == 403
    # Revoking access needs none.
    assert send(old, "/account", f"/account/devices/webhooks/{hook.id}/removal").status_code == 302


def test_a_room_is_added_and_changed_only_after_the_password(old: FlaskClient, alice: User) -> None:
    alice.role = "admin"
    db.session.commit()
    room = rooms.create("#a", "webhook", HOOK["url"], ["*"], actor=alice, secret="s")
    other = {"name": "#b", "channel": "webhook", "address": "https://other.example.com/", "subjects": ["*"]}
    page = "/admin/rooms"
    assert send(old, page, page, **other).status_code == 403
    assert send(old, page, f"{page}/{room.id}/settings", **other).status_code == 403
    found = re.search(r'name="csrf_token" value="([^"]+)"', old.get(page).text)
    assert found is not None
    for method, path in (("POST", "/api/rooms/"), ("PATCH", f"/api/rooms/{room.id}/")):
        body = other if method == "POST" else {"address": other["address"]}
        refused = old.open(path, method=method, json=body, headers={"X-CSRFToken": found[1]})
        assert refused.status_code == 403
        assert "password" in refused.json["detail"]
    assert (count(Room), rooms.address_of(room, "s")) == (1, HOOK["url"])
    # Pausing needs none.
    assert send(old, page, f"{page}/{room.id}/pause").status_code == 303


def test_typing_the_password_renews_the_key_of_the_session(old: FlaskClient, alice: User) -> None:
    page = "/account/security"
    form = fields_of(old.get(page).text)
    thief = old.application.test_client()
    thief.set_cookie("bellhop", old.get_cookie("bellhop").value)
    assert thief.get(page).status_code == 200
    send(old, page, f"{page}/sessions/others/removal", confirm_password=factories.PASSWORD)
    assert thief.get(page).status_code == 302
    # A page that was open before still works.
    assert old.post("/account/profile", data={**form, "name": "Alice"}).status_code in {302, 422}
    assert db.session.scalars(select(BrowserSession.user_id)).all() == [alice.id]


def test_a_stolen_session_cannot_end_those_of_the_owner(old: FlaskClient, alice: User) -> None:
    page, key = "/account/security", sessions.start(alice)
    newest = db.session.scalar(select(func.max(BrowserSession.id)))
    for which in (newest, "others"):
        assert send(old, page, f"{page}/sessions/{which}/removal").status_code == 403
    assert sessions.find(key, SessionLimits.from_config(old.application.config)) is not None


def test_a_new_session_need_not_confirm_the_password(sign_in, alice: User) -> None:
    assert send(sign_in(alice), "/account", "/account/tokens", **TOKEN).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"), [("/api/tokens/", {"name": "x", "scopes": ["read"]}), ("/api/webhooks/", HOOK)]
)
def test_api_calls_of_an_old_session_are_refused_and_those_with_a_token_are_not(
    old: FlaskClient, client: FlaskClient, alice: User, path: str, body: dict[str, Any]
) -> None:
    found = re.search(r'name="csrf_token" value="([^"]+)"', old.get("/account").text)
    assert found is not None
    refused = old.post(path, json=body, headers={"X-CSRFToken": found[1]})
    assert refused.status_code == 403
    assert "password" in refused.json["detail"]
    _row, text = tokens.create(alice, "a script", ["read", "write"], now=utc_now() - timedelta(days=300))
    answer = client.post(path, json=body, headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 201


def test_wrong_passwords_are_limited(old: FlaskClient) -> None:
    path = "/account/tokens"
    for _attempt in range(10):
        send(old, "/account", path, **TOKEN, confirm_password="a guess")
    answer = send(old, "/account", path, **TOKEN, confirm_password=factories.PASSWORD)
    assert (answer.status_code, count(ApiToken)) == (429, 0)
