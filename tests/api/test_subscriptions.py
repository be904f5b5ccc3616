"""Subscriptions over the API."""

from __future__ import annotations

import pytest

from app.database.base import db
from app.models import Webhook
from app.services.deliveries import delivery_log
from app.services.subscriptions.calls import TYPES
from tests.api.conftest import error_fields
from tests.support.templates import publish_event

API = "/api/subscriptions"
BODY = {"url": "https://hooks.example.com/bellhop", "types": ["notification.created"]}


@pytest.fixture
def headers(bob, token):
    return token(bob, "admin")


@pytest.fixture
def made(client, headers):
    return client.post(f"{API}/", json=BODY, headers=headers).json


def test_a_subscription_is_created_shown_changed_and_deleted(client, headers):
    keyed = headers | {"Idempotency-Key": "one"}
    first, again = (client.post(f"{API}/", json=BODY, headers=keyed) for _ in "ab")
    assert (first.status_code, first.json["is_enabled"]) == (201, True)
    assert first.json["secret"].startswith("whsec_")
    assert again.json == first.json | {"secret": None}
    path = f"{API}/{first.json['id']}/"
    shown = client.get(path, headers=headers).json
    assert shown == {name: value for name, value in first.json.items() if name != "secret"}
    assert client.get(f"{API}/", headers=headers).json["results"] == [shown]
    changed = client.patch(path, json={"types": list(TYPES), "is_enabled": False}, headers=headers).json
    assert (changed["types"], changed["is_enabled"]) == (list(TYPES), False)
    assert changed["disabled_reason"] == "by an admin"
    assert client.delete(path, headers=headers).status_code == 204
    assert client.get(path, headers=headers).status_code == 404
    assert db.session.query(Webhook).count() == 0


def test_a_type_that_nothing_emits_is_refused_with_those_that_exist(client, headers, made):
    for answer in (
        client.post(f"{API}/", json={**BODY, "types": ["action.taken"]}, headers=headers),
        client.patch(f"{API}/{made['id']}/", json={"types": ["action.taken"]}, headers=headers),
    ):
        assert answer.status_code == 422
        assert all(name in answer.text for name in TYPES)
    empty = client.post(f"{API}/", json={**BODY, "types": []}, headers=headers)
    assert error_fields(empty) == ["types"]


@pytest.mark.parametrize("url", ["http://hooks.example.com/", "https://169.254.169.254/", "x"])
def test_a_private_url_is_refused_on_create_and_on_change(client, headers, made, url):
    created = client.post(f"{API}/", json={**BODY, "url": url}, headers=headers)
    changed = client.patch(f"{API}/{made['id']}/", json={"url": url}, headers=headers)
    assert error_fields(created) == error_fields(changed) == ["url"]


def test_a_secret_is_replaced_once_a_day(client, headers, made):
    path = f"{API}/{made['id']}/rotate-secret/"
    rotated = client.post(path, headers=headers)
    assert rotated.json["secret"] not in {None, made["secret"]}
    assert client.post(path, headers=headers).status_code == 409


def test_calls_are_listed_there_and_not_in_the_log_of_peoples_deliveries(client, headers, alice, made):
    test = client.post(f"{API}/{made['id']}/test/", headers=headers)
    assert (test.status_code, test.json["kind"]) == (201, "test")
    publish_event("candidate.added", alice)
    first, second = client.get(f"{API}/{made['id']}/calls/", headers=headers).json["results"]
    assert (first["title"], first["state"]) == ("notification.created", "pending")
    assert second["id"] == test.json["id"]
    logged = client.get("/api/deliveries/?channel=webhook", headers=headers).json["results"]
    assert logged == []
    one = client.get(f"/api/deliveries/{first['id']}/", headers=headers).json
    assert (one["recipient"], one["title"]) == (None, "notification.created")
    cancelled = client.post(f"/api/deliveries/{first['id']}/cancel/", headers=headers).json
    assert cancelled["state"] == "cancelled"
    assert delivery_log.get(first["id"]).state == "cancelled"


def test_a_subscription_that_does_not_exist_is_not_found(client, headers):
    for method, path in (
        ("get", "1/"),
        ("delete", "1/"),
        ("get", "1/calls/"),
        ("post", "1/test/"),
        ("post", "1/rotate-secret/"),
    ):
        assert getattr(client, method)(f"{API}/{path}", headers=headers).status_code == 404
    assert client.patch(f"{API}/1/", json={"is_enabled": False}, headers=headers).status_code == 404
