"""Webhooks over the API."""

from __future__ import annotations

import pytest

from app.database.base import db
from app.models import Webhook
from app.services.accounts import webhooks
from app.services.base import signed_webhooks
from tests.api.conftest import error_fields
from tests.support import factories

API = "/api/webhooks"
URL = "https://hooks.example.com/bellhop"


@pytest.fixture
def hook(alice):
    return webhooks.create(alice, URL, secret="a key for tests only")[0]


def test_a_webhook_is_created_and_its_secret_shown_once(client, alice, alice_headers):
    keyed = alice_headers | {"Idempotency-Key": "one"}
    first, again = (client.post(f"{API}/", json={"url": URL}, headers=keyed) for _ in "ab")
    assert (first.status_code, first.json["url"], first.json["is_enabled"]) == (201, URL, True)
    assert first.json["secret"].startswith("whsec_")
    assert again.json == first.json | {"secret": None}
    shown = client.get(f"{API}/{first.json['id']}/", headers=alice_headers).json
    assert shown == {name: value for name, value in first.json.items() if name != "secret"}
    assert client.get(f"{API}/", headers=alice_headers).json["results"] == [shown]
    db.session.expire_all()
    assert alice.preference.webhook_enabled


def test_rotating_returns_a_new_secret(client, alice_headers, hook):
    old = signed_webhooks.signing_secrets(hook, "a key for tests only", hook.created_at)
    made = client.post(f"{API}/{hook.id}/rotate-secret/", headers=alice_headers)
    assert made.status_code == 200
    assert made.json["secret"] not in old
    assert made.json["rotated_at"] is not None


def test_a_webhook_is_moved_disabled_and_enabled(client, alice_headers, hook):
    path = f"{API}/{hook.id}/"
    moved = client.patch(path, json={"url": URL + "/new"}, headers=alice_headers).json
    assert (moved["url"], moved["is_enabled"]) == (URL + "/new", True)
    off = client.patch(path, json={"is_enabled": False}, headers=alice_headers).json
    assert (off["is_enabled"], off["disabled_reason"]) == (False, "by its owner")
    on = client.patch(path, json={"is_enabled": True}, headers=alice_headers).json
    assert (on["is_enabled"], on["disabled_at"], on["url"]) == (True, None, URL + "/new")


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://169.254.169.254/", "https://0x7f.1/", "x"]
)
def test_a_private_url_is_refused_on_create_and_on_change(client, alice_headers, hook, url):
    assert error_fields(client.post(f"{API}/", json={"url": url}, headers=alice_headers)) == ["url"]
    assert error_fields(client.patch(f"{API}/{hook.id}/", json={"url": url}, headers=alice_headers)) == [
        "url"
    ]
    assert [row.url for row in db.session.query(Webhook)] == [URL]


def test_a_test_call_is_listed_among_the_calls(client, alice, alice_headers, hook):
    factories.delivery(factories.notification(alice, "Booked"), "webhook", address=hook.address)
    sent = client.post(f"{API}/{hook.id}/test/", headers=alice_headers)
    assert (sent.status_code, sent.json["kind"], sent.json["state"]) == (201, "test", "pending")
    first = client.get(f"{API}/{hook.id}/calls/?limit=1", headers=alice_headers)
    assert first.json["results"] == [sent.json]
    assert first.headers["Link"] == f'<{first.json["next"]}>; rel="next"'
    second = client.get(first.json["next"].removeprefix("http://bellhop.test"), headers=alice_headers).json
    assert ([call["title"] for call in second["results"]], second["next"]) == (["Booked"], None)
    back = client.get(second["previous"].removeprefix("http://bellhop.test"), headers=alice_headers).json
    assert (back["results"], back["previous"]) == (first.json["results"], None)


def test_a_webhook_is_deleted(client, alice_headers, hook):
    assert client.delete(f"{API}/{hook.id}/", headers=alice_headers).status_code == 204
    assert client.delete(f"{API}/{hook.id}/", headers=alice_headers).status_code == 404
