"""Authentication by bearer token with scopes, or by browser session with CSRF protection."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.clock import utc_now
from app.database.base import db
from app.services.accounts import sessions, tokens
from tests.support import factories

API = "/api/notifications"

LIST, MARK = "/api/notifications/", "/api/notifications/bulk-mark-read/"


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer bhp_" + "a" * 40,
        "Bearer " + "a" * 7000,
        "Bearer \u00fc\u00e4",
        "Basic YWxpY2U6c2VjcmV0",
        "bhp_" + "a" * 40,
    ],
)
def test_an_invalid_authorization_header_is_a_401(client, header):
    response = client.get(LIST, headers={"Authorization": header})
    assert (response.status_code, response.content_type) == (401, "application/problem+json")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_an_invalid_token_is_a_401_even_with_a_session(alice, sign_in):
    assert sign_in(alice).get(LIST, headers=bearer("wrong")).status_code == 401


def test_the_authorization_scheme_is_case_insensitive(client, alice):
    _row, text = tokens.create(alice, "test", ["read"])
    assert client.get(LIST, headers={"Authorization": f"bearer {text}"}).status_code == 200


def test_expired_and_revoked_tokens_and_tokens_of_deactivated_users_are_401(client, alice):
    def status(text: str) -> int:
        return client.get(LIST, headers=bearer(text)).status_code

    row, expiring = tokens.create(alice, "a", ["read"], days=1)
    assert status(expiring) == 200
    row.expires_at = utc_now() - timedelta(seconds=1)
    db.session.commit()
    row, revoked = tokens.create(alice, "b", ["read"])
    tokens.revoke(alice, row.id)
    _row, orphan = tokens.create(alice, "c", ["read"])
    alice.is_enabled = False
    db.session.commit()
    assert [status(text) for text in (expiring, revoked, orphan)] == [401, 401, 401]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [("GET", LIST, "read"), ("POST", MARK, "write"), ("POST", "/api/events/", "events")],
)
def test_a_missing_scope_is_a_403_that_names_it(client, bob, method, path, scope):
    others = [name for name in tokens.SCOPES if name != scope]
    _row, text = tokens.create(bob, "test", others)
    response = client.open(path, method=method, json={}, headers=bearer(text))
    assert (response.status_code, response.json["scope"]) == (403, scope)
    assert response.headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'


def test_the_admin_scope_on_a_recruiters_token_gets_a_403_without_a_challenge(client, alice):
    _row, text = tokens.create(alice, "test", list(tokens.SCOPES))
    response = client.get("/api/people/", headers=bearer(text))
    assert (response.status_code, response.json["detail"]) == (403, "Only admins can do this.")
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize(("days", "ends_with_it"), [(None, True), (90, True), (1, False)])
def test_a_token_cannot_create_a_token_that_outlives_it(client, alice, days, ends_with_it):
    row, text = tokens.create(alice, "a month", ["read", "write"], days=30)
    asked = {"name": "its child", "scopes": ["read"], "days": days}
    child = client.post("/api/tokens/", json=asked, headers=bearer(text))
    ends_at = datetime.fromisoformat(child.json["expires_at"])
    assert (ends_at == row.expires_at) == ends_with_it
    assert ends_at <= row.expires_at


def test_sessions_need_a_csrf_token_and_bearer_tokens_do_not(client, alice, browser_of):
    _row, text = tokens.create(alice, "test", ["write"])
    body = {"notification_ids": []}
    assert client.post(MARK, json=body, headers=bearer(text)).status_code == 200
    browser = browser_of(alice)
    assert browser.post(MARK, json=body).status_code == 403
    assert browser.post(MARK, json=body, headers={"X-CSRFToken": "made up"}).status_code == 403
    assert browser.post(MARK, json=body, headers=browser.csrf).status_code == 200


def test_an_ended_session_is_a_401(alice, browser_of):
    browser = browser_of(alice)
    assert browser.get(LIST).status_code == 200
    sessions.end_all(alice)
    db.session.commit()
    assert browser.get(LIST).status_code == 401


def test_a_token_lists_only_its_owners_notifications(client, alice, charlie, token):
    mine, foreign = factories.notification(alice), factories.notification(charlie)
    for user, row in ((alice, mine), (charlie, foreign)):
        seen = client.get(LIST, headers=token(user)).json["results"]
        assert [each["id"] for each in seen] == [row.id]


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
def test_admin_calls_are_403_for_recruiters(client, alice, token, method, path):
    response = client.open(path, method=method, json={}, headers=token(alice, *tokens.SCOPES))
    assert (response.status_code, response.json["scope"]) == (403, "admin")
