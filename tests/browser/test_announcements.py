"""Announcements in a real browser."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Dialog, Page, expect
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Announcement, User
from app.services.announcements import management
from app.services.announcements.validation import AnnouncementRequest
from tests.support import factories
from tests.support.browser import axe, sign_in_browser


def sign_in_by_form(page: Any, user: User) -> Any:
    page.goto("/sign-in")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/notifications")
    return page


def check_page(page: Any, name: str) -> None:
    assert axe(page) == []
    if folder := os.environ.get("BELLHOP_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_an_admin_writes_previews_sends_and_follows_an_announcement(
    page_factory: Callable[..., Any], live_server: str, alice: User, bob: User, width: int, scheme: str
) -> None:
    page = sign_in_by_form(page_factory(live_server, width=width, color_scheme=scheme), bob)
    page.goto("/admin/announcements")
    check_page(page, f"empty_{width}_{scheme}")
    page.get_by_role("link", name="New announcement").click()
    page.get_by_label("Title").fill("Maintenance tonight")
    page.get_by_label("Message", exact=True).fill("Bellhop sleeps from 22:00 to 22:30.\n\nNothing is lost.")
    page.get_by_text("Audience: 2 people").wait_for()
    page.frame_locator("iframe[name=mail]").get_by_role("heading", name="Maintenance tonight").wait_for()
    page.get_by_text("Roles", exact=True).click()
    page.get_by_label("Recruiter").check()
    page.get_by_text("Audience: 1 person").wait_for()
    page.frame_locator("iframe[name=mail]").get_by_role("heading", name="Maintenance tonight").wait_for()
    check_page(page, f"new_{width}_{scheme}")
    page.get_by_text("Schedule", exact=True).click()
    page.get_by_label("Date and time").fill("2100-11-30T09:00")
    page.get_by_role("button", name="Schedule for Tue 30 Nov, 09:00 (UTC) · 1 person").wait_for()
    check_page(page, f"scheduled_{width}_{scheme}")
    page.get_by_text("Now", exact=True).click()
    page.get_by_role("button", name="Send to 1 person").click()
    page.wait_for_url(re.compile(r"/admin/announcements/\d+$"))
    page.get_by_text("1 of 1 people have it.").wait_for()
    check_page(page, f"show_{width}_{scheme}")
    page.goto("/admin/announcements")
    check_page(page, f"list_{width}_{scheme}")


def test_the_email_is_not_loaded_for_a_form_that_changed_since_its_preview(
    page_factory: Callable[..., Any], live_server: str, bob: User
) -> None:
    page = sign_in_by_form(page_factory(live_server), bob)
    page.goto("/admin/announcements/new")
    page.evaluate(
        """() => {
            document.querySelector('[name=message]').value = 'Soon.';
            const roles = document.querySelector('[name=audience][value=roles]');
            document.addEventListener('htmx:before:swap', ({detail: {ctx}}) => {
                if (ctx.sourceElement.id === 'announcement' && !roles.checked) roles.click();
            });
        }"""
    )
    emails: list[str] = []
    page.on("request", lambda request: request.url.endswith("/mail") and emails.append(request.url))
    page.get_by_label("Title").fill("Maintenance tonight")
    page.get_by_role("list", name="Still missing").wait_for()
    assert emails == []


def test_an_announcement_is_sent_without_javascript(
    page_factory: Callable[..., Any], live_server: str, alice: User, bob: User
) -> None:
    page = sign_in_by_form(page_factory(live_server, java_script_enabled=False), bob)
    page.goto("/admin/announcements/new")
    page.get_by_label("Title").fill("Maintenance tonight")
    page.get_by_label("Message", exact=True).fill("Soon.")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Show email").click()
    page.frame_locator("iframe[name=mail]").get_by_text("Maintenance tonight").first.wait_for()
    page.get_by_role("button", name="Send to 2 people").click()
    page.get_by_text("2 of 2 people have it.").wait_for()


def test_an_announcement_is_still_there_and_previewed_after_going_back(
    page_factory: Callable[..., Any], live_server: str, alice: User, bob: User
) -> None:
    page = sign_in_by_form(page_factory(live_server), bob)
    page.goto("/admin/announcements/new")
    page.get_by_label("Title").fill("Maintenance tonight")
    page.get_by_label("Message", exact=True).fill("Nothing is lost.")
    page.get_by_text("Roles", exact=True).click()
    page.get_by_label("Recruiter").check()
    page.get_by_role("button", name="Send to 1 person").wait_for()
    page.goto("/admin")
    page.go_back()
    page.get_by_role("button", name="Send to 1 person").wait_for()
    page.frame_locator("iframe[name=mail]").get_by_role("heading", name="Maintenance tonight").wait_for()


@pytest.fixture
def admins_page(
    page_factory: Callable[..., Page], live_server: str, sign_in: Callable[[User], FlaskClient], bob: User
) -> Page:
    page = page_factory(live_server)
    sign_in_browser(page, sign_in(bob), live_server)
    return page


def test_what_was_typed_is_a_draft_when_the_page_is_left(admins_page: Page) -> None:
    page = admins_page
    page.goto("/admin/announcements/new")
    page.get_by_label("Title").fill("Maintenance tonight")
    page.goto("/admin")
    page.goto("/admin/announcements")
    expect(page.locator(".item", has_text="Maintenance tonight")).to_have_count(1)
    page.get_by_role("link", name="Maintenance tonight").click()
    page.get_by_label("Message", exact=True).fill("Soon.")
    page.goto("/admin")
    page.goto("/admin/announcements")
    page.get_by_role("link", name="Maintenance tonight").click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("Soon.")
    page.goto("/admin/announcements/new")
    page.goto("/admin/announcements")
    expect(page.locator(".item")).to_have_count(1)


def test_what_is_typed_is_saved_until_it_is_sent(admins_page: Page) -> None:
    page = admins_page
    page.goto("/admin/announcements/new")
    page.get_by_label("Title").fill("Maintenance tonight")
    expect(page.locator("#saved")).to_contain_text("Draft saved at")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator("#saved")).to_be_visible()
    page.get_by_label("Message", exact=True).fill("Soon.")
    expect(page.get_by_role("button", name="Send to 1 person")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Message", exact=True)).to_have_value("Soon.")
    page.get_by_label("Message", exact=True).fill("At 22:00.")
    page.get_by_role("button", name="Send to 1 person").click()
    expect(page.get_by_text("1 of 1 people have it.")).to_be_visible()
    assert db.session.scalars(select(Announcement.message)).all() == ["At 22:00."]
    page.goto("/admin/announcements")
    expect(page.get_by_role("heading", name="Your drafts")).to_have_count(0)


def test_a_draft_that_could_not_be_saved_is_saved_but_not_sent_by_trying_again(admins_page: Page) -> None:
    page = admins_page
    page.goto("/admin/announcements/new")
    page.get_by_label("Title").fill("Maintenance tonight")
    page.get_by_label("Message", exact=True).fill("Soon.")
    expect(page.get_by_role("button", name="Send to 1 person")).to_be_visible()
    page.route("**/drafts", lambda route: route.abort())
    page.get_by_label("Message", exact=True).fill("Half of a sen")
    expect(page.locator("#toasts")).to_contain_text("Couldn't save")
    page.unroute("**/drafts")
    with page.expect_response("**/drafts"):
        page.get_by_role("button", name="Try again").click()
    expect(page.locator(".row__preview")).to_have_text("Half of a sen")
    expect(page.locator("#toasts")).not_to_contain_text("Couldn't save")
    expect(page.locator("#main")).to_be_focused()
    assert db.session.scalars(select(Announcement)).all() == []
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("Failed to fetch")


def test_the_browser_asks_before_changes_to_a_scheduled_announcement_are_lost(
    admins_page: Page, bob: User
) -> None:
    wanted = AnnouncementRequest(
        everyone=True,
        title="Later",
        message="Soon.",
        channels=("in_app",),
        deliver_at=utc_now() + timedelta(days=2),
    )
    announcement = management.create(bob, wanted)
    page = admins_page
    page.goto(f"/admin/announcements/{announcement.id}/edit")
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    page.goto("/admin")
    assert asked == []
    page.goto(f"/admin/announcements/{announcement.id}/edit")
    page.get_by_label("Title").press_sequentially(" still")
    page.goto("/admin")
    assert asked == ["beforeunload"]
    page.goto(f"/admin/announcements/{announcement.id}/edit")
    page.get_by_label("Title").press_sequentially(" still")
    page.get_by_role("button", name=re.compile("Schedule for")).click()
    page.wait_for_url(f"**/admin/announcements/{announcement.id}")
    assert asked == ["beforeunload"]
