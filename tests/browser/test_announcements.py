"""Announcements in a real browser."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from app.models import User
from tests.support import factories
from tests.support.browser import axe


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
