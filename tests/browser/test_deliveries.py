"""The delivery log, a captured email and unsubscribing, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from app.clock import utc_now
from app.models import Delivery, User
from app.services.preferences import unsubscribe
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from tests.browser.conftest import Open
from tests.support import factories
from tests.support.browser import axe, sign_in_browser

LOOKS = [(width, scheme) for width in (1440, 390) for scheme in ("light", "dark")]


@pytest.fixture
def captured(app: Flask, alice: User) -> Delivery:
    """An interview email captured without a mail server, beside one that is retried and one that failed."""
    interview = factories.interview(alice)
    row = factories.delivery(factories.notification(alice, interview_id=interview.id, interview_sequence=0))
    DeliveryWorker(SiteIdentity("http://bellhop.test", "Bellhop <bellhop@example.test>", "k")).deliver_due()
    later = utc_now() + timedelta(hours=1)
    factories.delivery(factories.notification(alice), state="retry_wait", reason="deferred", due_at=later)
    factories.delivery(factories.notification(alice), state="failed", reason="refused")
    return row


@pytest.fixture
def open_log(
    page_factory: Open,
    live_server: str,
    sign_in: Callable[[User], FlaskClient],
    bob: User,
    captured: Delivery,
) -> Open:
    """Open the delivery log in Bob's signed-in browser."""

    def opened(**options: Any) -> Page:
        page = page_factory(live_server, **options)
        sign_in_browser(page, sign_in(bob), live_server)
        page.goto("/admin/deliveries")
        return page

    return opened


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_log_and_a_captured_email_are_accessible(open_log: Open, width: int, scheme: str) -> None:
    page = open_log(width=width, color_scheme=scheme)
    assert axe(page) == []
    page.get_by_role("link", name="Interview Scheduled for Priya Raman").last.click()
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("heading", name="Interview Scheduled for Priya Raman")).to_be_visible()
    # The email's own styles apply inside its frame.
    expect(mail.locator(".card")).to_have_css("border-top-left-radius", "14px")
    assert axe(page) == []


def test_search_and_chips_filter_the_log_in_place(open_log: Open) -> None:
    page = open_log()
    rows = page.locator("#results .log__entry")
    expect(rows).to_have_count(3)
    page.get_by_role("checkbox", name="Not sent (no server)").check()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Not sent (no mail server)")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("nobody")
    expect(page.locator("#results")).to_contain_text("No matches")
    inbox = page.locator(".side [data-place=inbox]")
    expect(inbox).not_to_have_attribute("aria-current", "page")
    expect(inbox).to_have_attribute("href", "/notifications")
    expect(page.get_by_role("checkbox", name="Not sent (no server)")).to_be_checked()
    assert axe(page) == []
    page.get_by_role("link", name="Clear filters").click()
    expect(rows).to_have_count(3)
    # Bars are links to their day.
    page.locator(".chart__days a").first.click()
    expect(page.locator("#results")).to_contain_text("No matches")


def test_the_sheet_of_days_closes_when_they_are_applied(open_log: Open) -> None:
    page = open_log()
    page.get_by_role("button", name="Days").click()
    page.get_by_label("From").fill("2026-01-01")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#days")).to_be_hidden()
    expect(page.locator("#results")).to_contain_text("from Thursday 1 January")


def test_the_failure_of_a_filter_is_gone_once_it_is_tried_again(open_log: Open) -> None:
    page = open_log()
    page.route("**/admin/deliveries?*", lambda route: route.abort())
    # Not `check`: the failure reverts the checkbox at once.
    page.get_by_role("checkbox", name="Failed").click()
    toasts = page.locator("#toasts")
    expect(toasts).to_contain_text("Couldn't load")
    page.unroute("**/admin/deliveries?*")
    toasts.get_by_role("button", name="Try again").click()
    expect(page.locator("#results .log__entry")).to_have_count(1)
    expect(toasts).not_to_contain_text("Couldn't load")
    expect(page.locator("#main")).to_be_focused()
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("Failed to fetch")


@pytest.mark.parametrize("width", [1440, 390])
def test_attempts_open_in_the_next_row_and_are_resent_there(open_log: Open, width: int) -> None:
    page = open_log(width=width)
    entry = page.locator(".log__entry", has_text="Rejected").first
    toggle = entry.get_by_role("button", name="Details")
    toggle.focus()
    page.keyboard.press("Enter")
    expect(entry.get_by_text("No attempts.")).to_be_visible()
    expect(entry.locator("[aria-expanded=true]")).to_be_focused()
    assert axe(page) == []
    entry.get_by_role("button", name="Resend").click()
    # The server of these tests sends nothing: it waits.
    expect(page.locator("#toasts")).to_contain_text("Queued for resending.")
    expect(page.locator(".log__detail")).to_have_count(1)
    page.locator(".log__entry [aria-expanded=true]").click()
    expect(page.locator(".log__detail")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_unsubscribing_and_undo_take_one_click_each_without_scripts(
    app: Flask, page_factory: Callable[..., Page], live_server: str, alice: User, width: int, scheme: str
) -> None:
    page = page_factory(live_server, width=width, color_scheme=scheme)
    plain = page_factory(live_server, width=width, java_script_enabled=False)
    link = unsubscribe.unsubscribe_link(alice, "interview", app.config["SECRET_KEY"], "")
    page.goto(link)
    assert axe(page) == []
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="You're unsubscribed")).to_be_visible()
    assert axe(page) == []
    plain.goto(link)
    plain.get_by_role("button", name="Subscribe again").click()
    expect(plain.get_by_role("heading", name="You're subscribed again")).to_be_visible()
