"""The page of phones, browsers and webhooks."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.channels import CONNECTORS
from app.channels.webhook import WebhookChannel
from app.clock import utc_now
from app.database.base import db
from app.models import CapturedMail, Delivery, PushSubscription, User, Webhook
from app.services.accounts import browsers, webhooks
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from tests.channels.test_push import Browser
from tests.support import factories
from tests.support.browser import axe
from tests.support.waiting import wait_until
from tests.support.web import WebServer

SITE = SiteIdentity("http://bellhop.test", "a@example.test", "a key for tests only")
SignIn = Callable[[User], FlaskClient]


@pytest.fixture
def mine(alice: User, sign_in: SignIn) -> FlaskClient:
    return sign_in(alice)


def post(client: FlaskClient, path: str, **form: str) -> Any:
    page = client.get("/account/devices").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    return client.post(f"/account/devices{path}", data={"csrf_token": token[1], **form})


def test_devices_need_sign_in_and_get_changes_nothing(app: Flask, client: FlaskClient) -> None:
    assert client.get("/account/devices").status_code == 302
    for path in ("/phone", "/phone/verification", "/browsers", "/webhooks", "/webhooks/1/secret"):
        assert client.get(f"/account/devices{path}").status_code == 405


def test_a_number_is_verified_with_its_code(mine: FlaskClient, alice: User) -> None:
    assert post(mine, "/phone", phone="+44 20 7946 0958").status_code == 302
    DeliveryWorker(SITE).deliver_due()
    code = db.session.scalars(select(CapturedMail)).one().raw.decode().rpartition("\n")[2].split()[0]
    wrong = post(mine, "/phone/verification", code=f"{(int(code) + 1) % 1_000_000:06d}")
    assert wrong.status_code == 422
    assert "Attempts left: 4" in wrong.text
    assert post(mine, "/phone/verification", code=code).status_code == 302
    assert "Verified" in mine.get("/account/devices").text


def test_every_field_has_a_label(mine: FlaskClient) -> None:
    page = mine.get("/account/devices").text
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert sorted(ids) == sorted(set(ids)), "a label leads to the first of two"


def test_a_secret_is_shown_once_and_never_in_the_cookie(mine: FlaskClient, alice: User) -> None:
    made = post(mine, "/webhooks", url="https://hooks.example.com/<b>")
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", made.text.replace("&#43;", "+"))
    assert secret
    assert "&lt;b&gt;" in made.text
    assert "<b>" not in made.text
    assert "whsec_" not in mine.get("/account/devices").text
    hook = db.session.scalars(select(Webhook)).one()
    again = post(mine, f"/webhooks/{hook.id}/secret")
    assert "whsec_" in again.text
    assert secret[0] not in again.text
    assert "24 hours" in again.text
    db.session.expire_all()
    reloaded = post(mine, f"/webhooks/{hook.id}/secret")
    assert (reloaded.status_code, hook.rotation) == (409, 2)
    assert "within the last 24 hours" in reloaded.text


def test_an_invalid_url_is_an_error_and_stays_in_the_field(mine: FlaskClient) -> None:
    answer = post(mine, "/webhooks", url="https://169.254.169.254/")
    assert answer.status_code == 422
    assert "not on the public internet" in answer.text
    assert 'value="https://169.254.169.254/"' in answer.text


def test_a_test_call_shows_its_response(
    mine: FlaskClient, alice: User, web_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECTORS, "webhook", lambda: WebhookChannel(lambda address: address.is_loopback))
    hook = Webhook(user_id=alice.id, url=web_server.url, secret_salt="s")
    db.session.add(hook)
    db.session.commit()
    assert post(mine, f"/webhooks/{hook.id}/test").status_code == 302
    assert "Waiting" in mine.get("/account/devices").text
    DeliveryWorker(SITE).deliver_due()
    assert json.loads(web_server.calls[0].body)["type"] == "webhook.test"
    assert "200 ok" in mine.get("/account/devices").text


def test_a_disabled_webhook_is_not_tested(mine: FlaskClient, alice: User) -> None:
    hook = Webhook(user_id=alice.id, url="https://hooks.example.com/", secret_salt="s", disabled_at=utc_now())
    db.session.add(hook)
    db.session.commit()
    answer = post(mine, f"/webhooks/{hook.id}/test")
    assert answer.status_code == 409
    assert "Turn it on before you test it." in answer.text
    assert db.session.scalars(select(Delivery)).all() == []


def test_browsers_and_webhooks_of_other_people_are_not_found(
    mine: FlaskClient, alice: User, charlie: User, sign_in: SignIn
) -> None:
    hook, _secret = webhooks.create(alice, "https://hooks.example.com/", secret="s")
    keys = Browser()
    browser = browsers.subscribe(alice, "https://p.example.com/1", keys.p256dh, keys.auth, "Firefox")
    theirs = sign_in(charlie)
    assert "hooks.example.com" not in theirs.get("/account/devices").text
    for path in (
        f"/webhooks/{hook.id}/secret",
        f"/webhooks/{hook.id}/test",
        f"/webhooks/{hook.id}/removal",
        f"/webhooks/{hook.id}/activation",
        f"/browsers/{browser.id}/removal",
        f"/browsers/{browser.id}/test",
    ):
        assert post(theirs, path).status_code == 404
    assert post(mine, f"/webhooks/{hook.id}/removal").status_code == 302
    assert post(mine, f"/browsers/{browser.id}/removal").status_code == 302


@pytest.mark.parametrize(
    "fields",
    [
        {"endpoint": "https://127.0.0.1:22/"},
        {"endpoint": "https://192.168.1.1/push"},
        {"endpoint": "https://push.internal/1"},
        {"endpoint": "http://push.example.com/"},
        {"endpoint": "javascript:alert(1)"},
        {"p256dh": "short"},
        {"auth": ""},
        {"p256dh": "\u202e"},
    ],
)
def test_invalid_push_subscriptions_are_refused(mine: FlaskClient, fields: dict[str, str]) -> None:
    keys = Browser()
    good = {"endpoint": "https://p.example.com/1", "p256dh": keys.p256dh, "auth": keys.auth, "label": "x"}
    assert post(mine, "/browsers", **(good | fields)).status_code == 422
    assert db.session.scalars(select(PushSubscription)).all() == []


def test_the_short_link_of_an_sms_opens_the_notification(mine: FlaskClient, alice: User) -> None:
    note = factories.notification(alice)
    assert mine.get(f"/n/{note.id}").headers["Location"] == f"/notifications/{note.id}"


def test_the_service_worker_is_served_at_the_root_and_not_cached(client: FlaskClient) -> None:
    answer = client.get("/service-worker.js")
    assert (answer.status_code, answer.mimetype) == (200, "text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_button_asks_for_permission_and_registers_the_browser(
    page_factory: Callable[..., Page],
    live_server: str,
    mine: FlaskClient,
    alice: User,
    width: int,
    scheme: str,
) -> None:
    keys = Browser()
    page = page_factory(live_server, width=width, color_scheme=scheme, permissions=["notifications"])
    cookie = mine.get_cookie("bellhop")
    assert cookie is not None
    page.context.add_cookies([{"name": "bellhop", "value": cookie.value, "url": live_server}])
    # Chromium's push service cannot be reached here, so its response is simulated.
    answer = {"endpoint": "https://p.example.com/1", "keys": {"p256dh": keys.p256dh, "auth": keys.auth}}
    page.add_init_script(
        "window.asked = 0; PushManager.prototype.subscribe = async options => { window.asked += 1;"
        f" window.options = options; return {{ toJSON: () => ({json.dumps(answer)}) }} }}"
    )
    page.goto("/account/devices")
    button = page.get_by_role("button", name="Notify me in this browser")
    expect(button).to_be_visible()
    assert page.evaluate("window.asked") == 0
    assert axe(page) == []
    button.click()
    expect(page.get_by_text(re.compile("now shows your notifications"))).to_be_visible()
    row = db.session.scalars(select(PushSubscription)).one()
    assert (row.user_id, row.endpoint) == (alice.id, "https://p.example.com/1")
    assert base64.urlsafe_b64decode(row.p256dh + "=")
    scope = page.evaluate("navigator.serviceWorker.ready.then(found => found.scope)")
    assert scope == f"{live_server}/"
    assert axe(page) == []


def test_pushed_notifications_are_shown(
    page_factory: Callable[..., Page], live_server: str, mine: FlaskClient
) -> None:
    page = page_factory(live_server, permissions=["notifications"])
    cookie = mine.get_cookie("bellhop")
    assert cookie is not None
    page.context.add_cookies([{"name": "bellhop", "value": cookie.value, "url": live_server}])
    page.goto("/account/devices")
    devtools = page.context.new_cdp_session(page)
    registrations: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(one["registrationId"] for one in event["registrations"]),
    )
    devtools.send("ServiceWorker.enable")
    page.evaluate(
        "navigator.serviceWorker.register('/service-worker.js').then(() => navigator.serviceWorker.ready)"
    )
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    # A browser without a window has no place for notifications.
    worker = page.context.service_workers[0]
    worker.evaluate(
        "self.registration.showNotification = async (title, options) => { self.shown = [title, options] }"
    )
    data = json.dumps(
        {"title": "Booked <b>", "message": "On Thursday", "url": "/notifications/1", "tag": "d1"}
    )

    def is_shown() -> bool:
        # A worker that is still waking up misses it.
        for number in set(registrations):
            message = {"origin": live_server, "registrationId": number, "data": data}
            devtools.send("ServiceWorker.deliverPushMessage", message)
        page.wait_for_timeout(100)
        return bool(worker.evaluate("'shown' in self"))

    wait_until(is_shown)
    shown = worker.evaluate("[self.shown[0], self.shown[1].body, self.shown[1].data.url, self.shown[1].tag]")
    assert shown == ["Booked <b>", "On Thursday", "/notifications/1", "d1"]


def test_a_person_connects_tests_and_removes_teams(mine: FlaskClient) -> None:
    path = "/account/devices"
    wrong = post(mine, "/teams", teams_url="http://example.com/x")
    assert wrong.status_code == 422
    assert "The URL must start with https://." in wrong.text
    url = "https://prod-1.westeurope.logic.azure.com/workflows/1?sig=planted-secret"
    post(mine, "/teams", teams_url=url)
    page = mine.get(path).text
    assert "https://prod-1.westeurope.logic.azure.com/…cret" in page
    assert "planted" not in page
    post(mine, "/teams/test")
    assert "Sending a test message." in mine.get(path).text
    post(mine, "/teams/removal")
    assert "Teams disconnected." in mine.get(path).text
