"""The admin page of subscriptions: add, change, test, turn off, replace the secret, remove."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.channels import CONNECTORS
from app.channels.webhook import WebhookChannel
from app.clock import utc_now
from app.models import User, Webhook
from app.services.subscriptions import management
from app.services.subscriptions.calls import CREATED, FAILED
from tests.support.delivery import deliver_due
from tests.support.templates import publish_event
from tests.support.web import WebServer
from tests.views.forms import send

PAGE = "/admin/subscriptions"
URL = "https://hooks.example.com/<b>"


@pytest.fixture
def admin(sign_in, bob: User) -> FlaskClient:
    client: FlaskClient = sign_in(bob)
    return client


def only() -> Webhook:
    (hook,) = management.all_subscriptions()
    return hook


def test_an_admin_adds_a_subscription_and_sees_its_secret_once(admin: FlaskClient) -> None:
    refused = send(admin, PAGE, PAGE, url="https://169.254.169.254/", types=[FAILED])
    assert refused.status_code == 422
    assert "not on the public internet" in refused.text
    assert 'value="https://169.254.169.254/"' in refused.text
    assert re.search(f'value="{FAILED}" checked', refused.text)
    assert not re.search(f'value="{CREATED}" checked', refused.text)
    nothing = send(admin, PAGE, PAGE, url=URL)
    assert "Choose at least one of" in nothing.text
    made = send(admin, PAGE, PAGE, url=URL, types=[CREATED])
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", html.unescape(made.text))
    assert secret
    assert "<b>" not in made.text
    assert "whsec_" not in admin.get(PAGE).text
    again = send(admin, PAGE, f"{PAGE}/{only().id}/secret")
    assert secret[0] not in html.unescape(again.text)
    assert "24 hours" in again.text
    reloaded = send(admin, PAGE, f"{PAGE}/{only().id}/secret")
    assert "within the last 24 hours" in admin.get(reloaded.location).text


def test_an_admin_changes_turns_off_and_removes_a_subscription(admin: FlaskClient) -> None:
    send(admin, PAGE, PAGE, url=URL, types=[CREATED])
    path = f"{PAGE}/{only().id}"
    refused = send(admin, PAGE, f"{path}/settings", url="http://x", types=[FAILED])
    assert refused.status_code == 422
    assert "must start with https://" in refused.text
    ids = re.findall(r'\sid="([^"]+)"', refused.text)
    assert sorted(ids) == sorted(set(ids)), "a label leads to the first of two"
    assert send(admin, PAGE, f"{path}/settings", url=f"{URL}2", types=[FAILED]).status_code == 303
    assert (only().url, only().types) == (f"{URL}2", [FAILED])
    send(admin, PAGE, f"{path}/pause")
    assert "by an admin" in admin.get(PAGE).text
    tested = send(admin, PAGE, f"{path}/test")
    assert "Turn it on before you test it." in admin.get(tested.location).text
    send(admin, PAGE, f"{path}/activation")
    assert only().is_enabled
    send(admin, PAGE, f"{path}/removal")
    assert management.all_subscriptions() == []


def test_the_page_shows_what_was_sent_and_what_came_back(
    admin: FlaskClient, alice: User, web_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECTORS, "webhook", lambda: WebhookChannel(lambda address: address.is_loopback))
    send(admin, PAGE, PAGE, url=URL, types=[CREATED])
    only().url = web_server.url
    send(admin, PAGE, f"{PAGE}/{only().id}/test")
    assert 'hx-trigger="every' in admin.get(PAGE).text
    publish_event("candidate.added", alice)
    deliver_due(utc_now() + timedelta(seconds=1))
    assert {json.loads(call.body)["type"] for call in web_server.calls} == {"webhook.test", CREATED}
    page = admin.get(PAGE).text
    assert page.count("200 ok") == 2
    assert 'hx-trigger="every' not in page
    (shown, _test) = re.findall(r'href="(/admin/deliveries/\d+)"', page)
    assert "notification.created" in admin.get(shown).text
