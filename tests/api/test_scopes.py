"""A token can do only what its scopes allow: every call of the API with every scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from app.models import User
from app.services.accounts import tokens

# Resources that only admins and the platform may change; everything else belongs to the caller.
OF_ADMINS = (
    "/api/deliveries",
    "/api/people",
    "/api/rooms",
    "/api/sources",
    "/api/subscriptions",
    "/api/notifications/templates",
    "/api/notifications/announcements",
)
CREATE = "/api/notifications/create/"
# A webhook reads its owner's notifications, so changing where it points to is reading, too.
READS_TOO = ("POST", "PATCH", "PUT")
DOCUMENTS = {"/api/openapi.json", "/api/docs", "/api/docs/events"}


def calls(app: Flask) -> Iterator[tuple[str, Rule]]:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/") and rule.rule not in DOCUMENTS:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, rule


def needed(method: str, rule: Rule) -> set[str]:
    """The scopes that a call should need, by what it does."""
    if rule.rule.startswith("/api/events"):
        return {"events"}
    if rule.rule.startswith(OF_ADMINS) or rule.rule == CREATE:
        return {"admin"}
    if rule.rule.startswith("/api/webhooks") and method in READS_TOO:
        return {"read", "write"}
    return {"read"} if method == "GET" else {"write"}


def path(rule: Rule) -> str:
    with_ids = [part if not is_variable else "999999" for is_variable, part in rule._trace]
    return "".join(with_ids).removeprefix("|")


@pytest.fixture
def headers(bob: User) -> Callable[[set[str]], dict[str, str]]:
    made: dict[frozenset[str], str] = {}

    def header(scopes: set[str]) -> dict[str, str]:
        key = frozenset(scopes)
        if key not in made:
            made[key] = tokens.create(bob, "test", sorted(scopes))[1]
        return {"Authorization": f"Bearer {made[key]}"}

    return header


def test_every_call_needs_exactly_its_scopes(
    app: Flask, client: FlaskClient, headers: Callable[[set[str]], dict[str, str]]
) -> None:
    app.extensions["api_limits"].calls = 10**6
    wrong, count = [], 0
    for method, rule in calls(app):
        scopes, url = needed(method, rule), path(rule)
        refused = [set(tokens.SCOPES) - {scope} for scope in sorted(scopes)]
        refused += [{scope} for scope in tokens.SCOPES if not scopes <= {scope}]
        for given in refused:
            answer = client.open(url, method=method, json={}, headers=headers(given))
            count += 1
            if answer.status_code != 403:
                wrong.append((method, url, given, answer.status_code))
        answer = client.open(url, method=method, json={}, headers=headers(scopes))
        if answer.status_code in {401, 403}:
            wrong.append((method, url, scopes, answer.status_code))
        if client.open(url, method=method, json={}).status_code != 401:
            wrong.append((method, url, "anonymous"))
    assert wrong == []
    assert count > 150


def test_a_recruiters_token_with_every_scope_reaches_nothing_of_admins(
    app: Flask, client: FlaskClient, alice: User
) -> None:
    app.extensions["api_limits"].calls = 10**6
    _row, text = tokens.create(alice, "test", ["read", "write", "admin"])
    for method, rule in calls(app):
        if needed(method, rule) == {"admin"}:
            answer = client.open(
                path(rule), method=method, json={}, headers={"Authorization": f"Bearer {text}"}
            )
            assert answer.status_code == 403, (method, rule.rule)


def test_pages_do_not_take_tokens(app: Flask, client: FlaskClient, bob: User) -> None:
    _row, text = tokens.create(bob, "test", list(tokens.SCOPES))
    for url in ("/notifications", "/account", "/account/security", "/admin/users", "/notifications/stream"):
        answer = client.get(url, headers={"Authorization": f"Bearer {text}"})
        assert (answer.status_code, answer.location.partition("?")[0]) == (302, "/sign-in"), url


def test_a_call_without_declared_scopes_does_not_exist(app: Flask) -> None:
    for _method, rule in calls(app):
        spec = getattr(app.view_functions[rule.endpoint], "_spec", {})
        assert spec.get("security"), rule.rule


def test_a_write_token_cannot_read_through_a_webhook(client: FlaskClient, alice: User) -> None:
    _row, text = tokens.create(alice, "write only", ["write"])
    body = {"url": "https://evil.example.com/"}
    answer = client.post("/api/webhooks/", json=body, headers={"Authorization": f"Bearer {text}"})
    assert (answer.status_code, answer.json["scope"]) == (403, "read")
