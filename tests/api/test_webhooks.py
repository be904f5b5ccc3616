"""Webhooks of one's own, from a script: made, tried, changed, and nobody else's."""

from __future__ import annotations

import pytest

from app.database.base import db
from app.models import Webhook
from app.services.accounts import webhooks
from tests.api.conftest import fields
from tests.support import factories

API = "/api/webhooks"
URL = "https://hooks.example.com/bellhop"


@pytest.fixture
def hers(alice, token):
    return token(alice)


@pytest.fixture
def hook(alice):
    return webhooks.create(alice, URL, secret="a key for tests only")[0]


def test_a_webhook_is_made_and_its_secret_told_once(client, alice, hers):
    keyed = hers | {"Idempotency-Key": "one"}
    first, again = (client.post(f"{API}/", json={"url": URL}, headers=keyed) for _ in "ab")
    assert (first.status_code, first.json["url"], first.json["is_enabled"]) == (201, URL, True)
    assert first.json["secret"].startswith("whsec_")
    assert again.json == first.json | {"secret": None}
    shown = client.get(f"{API}/{first.json['id']}/", headers=hers).json
    assert shown == {name: value for name, value in first.json.items() if name != "secret"}
    assert client.get(f"{API}/", headers=hers).json["results"] == [shown]
    db.session.expire_all()
    assert alice.preference.webhook_enabled


def test_a_new_secret_takes_the_place_of_the_one_before(client, hers, hook):
    old = webhooks.secrets_of(hook, "a key for tests only", hook.created_at)
    made = client.post(f"{API}/{hook.id}/rotate-secret/", headers=hers)
    assert made.status_code == 200
    assert made.json["secret"] not in old
    assert made.json["rotated_at"] is not None


def test_it_is_led_elsewhere_and_switched_off_and_on(client, hers, hook):
    path = f"{API}/{hook.id}/"
    moved = client.patch(path, json={"url": URL + "/new"}, headers=hers).json
    assert (moved["url"], moved["is_enabled"]) == (URL + "/new", True)
    off = client.patch(path, json={"is_enabled": False}, headers=hers).json
    assert (off["is_enabled"], off["disabled_reason"]) == (False, "by its owner")
    on = client.patch(path, json={"is_enabled": True}, headers=hers).json
    assert (on["is_enabled"], on["disabled_at"], on["url"]) == (True, None, URL + "/new")


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://169.254.169.254/", "https://0x7f.1/", "x"]
)
def test_an_address_within_is_refused_when_made_and_when_changed(client, hers, hook, url):
    assert fields(client.post(f"{API}/", json={"url": url}, headers=hers)) == ["url"]
    assert fields(client.patch(f"{API}/{hook.id}/", json={"url": url}, headers=hers)) == ["url"]
    assert [row.url for row in db.session.query(Webhook)] == [URL]


def test_a_test_waits_among_its_calls_page_by_page(client, alice, hers, hook):
    factories.delivery(factories.notification(alice, "Booked"), "webhook", address=hook.address)
    sent = client.post(f"{API}/{hook.id}/test/", headers=hers)
    assert (sent.status_code, sent.json["kind"], sent.json["state"]) == (201, "test", "pending")
    first = client.get(f"{API}/{hook.id}/calls/?limit=1", headers=hers)
    assert first.json["results"] == [sent.json]
    assert first.headers["Link"] == f'<{first.json["next"]}>; rel="next"'
    second = client.get(first.json["next"].removeprefix("http://bellhop.test"), headers=hers).json
    assert ([call["title"] for call in second["results"]], second["next"]) == (["Booked"], None)
    back = client.get(second["previous"].removeprefix("http://bellhop.test"), headers=hers).json
    assert (back["results"], back["previous"]) == (first.json["results"], None)


def test_it_is_removed_for_good(client, hers, hook):
    assert client.delete(f"{API}/{hook.id}/", headers=hers).status_code == 204
    assert client.delete(f"{API}/{hook.id}/", headers=hers).status_code == 404
