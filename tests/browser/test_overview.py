"""The first ten minutes in a real browser: from the setup link to the first event."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask
from playwright.sync_api import Page, expect

from app.database.base import db
from app.models import User
from app.services.accounts import first_admin
from tests.support import factories
from tests.support.browser import axe

Open = Callable[..., Page]


def test_a_new_installation_is_set_up_and_notices_its_first_event(
    app: Flask, live_server: str, page_factory: Open
) -> None:
    page = page_factory(live_server)
    page.goto("/")
    expect(page.get_by_text("No accounts yet.")).to_be_visible()
    assert axe(page) == []
    page.goto(first_admin.make_setup_link(app.config["SECRET_KEY"], ""))
    assert axe(page) == []
    page.get_by_label("Name").fill("Nora Lind")
    page.get_by_label("Email").fill("nora@example.test")
    page.get_by_label("Password").fill("a quiet harbour at noon")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Get started")).to_be_visible()
    assert axe(page) == []
    expect(page.get_by_text("Waiting for your first event…")).to_be_visible()
    nora = db.session.query(User).one()
    page.get_by_role("button", name="Create a token").click()
    expect(page.get_by_text("Its token is new")).to_be_visible()
    with page.expect_response("**/admin"):  # The next check does not take the token away.
        pass
    assert axe(page) == []
    secret = re.search(r'Bearer (\S+)"', page.locator("#first-event").inner_text())[1]
    app.test_client().post(
        "/api/events/",
        json=factories.event_body("system.alert", [nora.email]),
        headers={"Authorization": f"Bearer {secret}"},
    )
    # Without a reload.
    expect(page.get_by_text("First event received: System alert")).to_be_visible()
    expect(page.get_by_text("1 of 5 done")).to_be_visible()
    page.get_by_role("link", name="Invite people").click()
    page.get_by_label("Email", exact=True).fill("sam@example.test")
    page.get_by_label("Name", exact=True).fill("Sam Ortiz")
    page.get_by_role("button", name="Create invite").click()
    expect(page.get_by_role("link", name="Sam Ortiz")).to_be_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#invite-link").inner_text()
    assert axe(page) == []
