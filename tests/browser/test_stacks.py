"""Stacks, days and selections in a real browser."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from tests.browser.conftest import Open
from tests.browser.inbox import SIZES, focused_title, press, visible_titles, wait_until
from tests.support import factories
from tests.support.browser import axe

KEY = "resume_processed-1-260312"


@pytest.fixture
def rows(alice: User) -> list[Notification]:
    """A single row, a stack of three, and a single row, the newest first."""
    return factories.stack(alice, ("", KEY, KEY, KEY, ""))


def is_done(rows: list[Notification]) -> list[bool]:
    db.session.rollback()
    return [db.session.get_one(Notification, row.id, populate_existing=True).is_done for row in rows]


def test_a_stack_expands_by_keyboard_and_actions_apply_to_all_its_rows(
    open_inbox: Open, rows: list[Notification]
) -> None:
    page = open_inbox()
    assert visible_titles(page) == ["Number 0", "Number 1", "Number 4"]
    press(page, "j", "j", "Enter")
    expect(page.locator(".row--member")).to_have_count(3)
    assert page.url.endswith(f"?stack={KEY}")
    expect(page.locator("[data-stack]")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("#say")).to_have_text("3 selected.")
    press(page, "Escape", "j", "u")
    expect(page.locator(f"#n-{rows[1].id}")).not_to_have_attribute("data-unread", "")
    press(page, "k", "e")
    expect(page.locator(".row")).to_have_count(2)
    assert focused_title(page) == "Number 4"
    expect(page.locator("#toasts")).to_contain_text("3 marked done")
    assert is_done(rows) == [False, True, True, True, False]
    page.keyboard.press("z")
    expect(page.locator(".row--member")).to_have_count(3)
    page.locator("[data-stack]").click()
    expect(page.locator(".row")).to_have_count(3)
    assert "stack=" not in page.url


def test_escape_collapses_the_open_stack_and_keeps_the_focus(
    open_inbox: Open, rows: list[Notification]
) -> None:
    page = open_inbox()
    press(page, "j", "j", "Enter")
    expect(page.locator(".row--member")).to_have_count(3)
    press(page, "j", "Escape")
    expect(page.locator(".row--member")).to_have_count(0)
    expect(page.locator("[data-stack]")).to_be_focused()
    assert page.url.endswith("/notifications")


def test_a_new_row_of_a_stack_waits_behind_the_pill_and_is_not_marked_done(
    open_inbox: Open, alice: User, rows: list[Notification]
) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    page.locator("[data-stack]").focus()
    late = factories.notification(alice, "Late", stack_key=KEY)
    expect(page.get_by_role("link", name="1 new")).to_be_visible()
    assert visible_titles(page) == ["Number 0", "Number 1", "Number 4"]
    page.keyboard.press("e")
    expect(page.locator(".row")).to_have_count(2)
    wait_until(lambda: is_done(rows) == [False, True, True, True, False])
    assert is_done([late]) == [False]


def test_a_day_is_marked_done_and_restored_with_one_click_each(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    for n in range(4):
        factories.notification(alice, f"Number {n}", created_at=now - timedelta(days=2 * (n // 2), minutes=n))
    page = open_inbox()
    head = page.locator(".day").nth(1)
    head.hover()
    head.get_by_role("button", name=re.compile("Mark .+day done")).click()
    expect(page.locator(".row")).to_have_count(2)
    assert visible_titles(page) == ["Number 0", "Number 1"]
    page.keyboard.press("z")
    expect(page.locator(".row")).to_have_count(4)


def test_all_matches_are_selected_counted_and_marked_done_beyond_the_page(
    open_inbox: Open, alice: User
) -> None:
    now = utc_now()
    rows = [
        factories.notification(alice, f"Number {n}", created_at=now - timedelta(seconds=n)) for n in range(53)
    ]
    page = open_inbox()
    tiles = page.locator(".tile")
    tiles.nth(2).click()
    tiles.nth(5).click(modifiers=["Shift"])
    expect(page.locator(".tile :checked")).to_have_count(4)
    page.get_by_label("All 53").check()
    expect(page.locator("#say")).to_have_text("53 selected.")
    page.get_by_role("form", name="Selected notifications").get_by_role("button", name="Done").click()
    expect(page.get_by_role("heading", name="You're all caught up")).to_be_visible()
    assert all(is_done(rows))
    page.keyboard.press("z")
    expect(page.locator(".row")).to_have_count(50)
    assert not any(is_done(rows))


@pytest.mark.parametrize(("size", "theme"), [("wide", "light"), ("phone", "dark")])
def test_axe_finds_nothing_about_an_open_stack(
    open_inbox: Open, rows: list[Notification], size: str, theme: str
) -> None:
    options: dict[str, Any] = SIZES[size]
    page = open_inbox(f"/notifications?stack={KEY}", color_scheme=theme, **options)
    page.locator(".tile--stack").click()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
