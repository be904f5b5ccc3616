"""What only the page knows stays when a response replaces a part of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, User
from app.services.accounts import webhooks
from app.services.deliveries import webhook_calls
from app.services.subscriptions import management
from tests.browser.conftest import Open
from tests.support import factories
from tests.support.browser import sign_in_browser


@pytest.fixture
def open_admin(
    page_factory: Open, live_server: str, sign_in: Callable[[User], FlaskClient], bob: User
) -> Open:
    """Open a page in Bob's signed-in browser."""

    def opened(path: str) -> Page:
        page = page_factory(live_server)
        sign_in_browser(page, sign_in(bob), live_server)
        page.goto(path)
        return page

    return opened


def wait_for_poll(page: Page, path: str) -> None:
    """Wait until the page has asked for itself again, and shows the response."""
    with page.expect_response(lambda response: response.url.endswith(path)):
        pass
    page.wait_for_timeout(100)


def test_a_url_is_typed_and_a_secret_is_copied_while_a_webhook_is_tested(
    app: Flask, open_inbox: Open, alice: User
) -> None:
    hook, _ = webhooks.create(alice, "https://example.org/hook", secret=app.config["SECRET_KEY"])
    webhook_calls.send_test(alice, hook.id)
    page = open_inbox("/account/devices")
    url = page.locator("#webhooks").get_by_label("URL")
    url.fill("https://example.com/hook")
    wait_for_poll(page, "/account/devices")
    expect(url).to_be_focused()
    expect(url).to_have_value("https://example.com/hook")
    page.get_by_role("button", name="Add webhook").click()
    expect(page.locator("#new-secret")).to_be_visible()
    wait_for_poll(page, "/account/devices")
    expect(page.locator("#new-secret")).to_be_visible()


def test_the_settings_of_a_subscription_stay_open_while_another_is_tested(
    app: Flask, open_admin: Open, bob: User
) -> None:
    for name in ("one", "two"):
        url, secret = f"https://example.org/{name}", app.config["SECRET_KEY"]
        hook, _ = management.create(url=url, types=["notification.created"], actor=bob, secret=secret)
    management.send_test(hook.id)
    page = open_admin("/admin/subscriptions")
    entry = page.locator("#subscriptions > ul > li").first
    entry.locator("summary", has_text="Settings").click()
    entry.get_by_label("URL").fill("https://example.org/changed")
    wait_for_poll(page, "/admin/subscriptions")
    expect(entry.get_by_label("URL")).to_be_focused()
    expect(entry.get_by_label("URL")).to_have_value("https://example.org/changed")


def test_an_open_delivery_is_asked_for_until_it_is_sent(open_admin: Open, alice: User) -> None:
    delivery = factories.delivery(factories.notification(alice), reason="queued", due_at=utc_now())
    page = open_admin("/admin/deliveries")
    page.locator(f"#toggle-{delivery.id}").click()
    entry = page.locator(f"#delivery-{delivery.id}")
    expect(entry).to_contain_text("No attempts")
    path = f"/admin/deliveries/{delivery.id}"
    wait_for_poll(page, path)
    wait_for_poll(page, path)
    db.session.get_one(Delivery, delivery.id).state = "sent"
    db.session.commit()
    wait_for_poll(page, path)
    expect(entry.locator(".tag")).to_have_text("Sent")
    expect(entry).not_to_have_attribute("hx-trigger", "every 2s")
