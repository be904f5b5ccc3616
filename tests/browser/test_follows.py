"""Following and muting with F and M: from a row, from its menu, from the pane and on a page of its own."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.database.base import db
from app.models import Follow, Notification, User
from tests.browser.conftest import Open
from tests.browser.inbox import focused_title, press
from tests.support import factories
from tests.support.browser import axe


@pytest.fixture
def row(alice: User) -> Notification:
    return factories.notification(alice, "Number 0", candidate_id="C-1", job_id="J-1")


def wishes() -> list[tuple[str, str]]:
    found = db.session.scalars(select(Follow).execution_options(populate_existing=True))
    return [(follow.subject, follow.mode) for follow in found]


def open_sheet(page: Page, key: str) -> None:
    page.keyboard.press(key)
    expect(page.locator("#follow-sheet")).to_be_visible()
    expect(page.locator("#follow-sheet [name=subject]:checked")).to_be_focused()


def toast(page: Page) -> str:
    expect(page.locator("#follow-sheet")).to_be_hidden()
    return page.locator("#toasts .toast span").first.inner_text()


def test_a_row_is_followed_muted_and_put_back_with_the_keyboard(open_inbox: Open, row: Notification) -> None:
    page = open_inbox()
    press(page, "j")
    open_sheet(page, "f")
    assert axe(page) == []
    page.keyboard.press("Enter")
    assert toast(page) == "You follow “C-1”"
    assert focused_title(page) == "Number 0"
    open_sheet(page, "m")
    expect(page.locator("#follow-sheet")).to_contain_text("Followed")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert toast(page) == "“J-1” is muted"
    assert wishes() == [("candidate:C-1", "follow"), ("job:J-1", "mute")]
    page.keyboard.press("z")
    expect(page.locator("#toasts")).to_contain_text("Undone")
    assert wishes() == [("candidate:C-1", "follow")]
    open_sheet(page, "m")
    page.keyboard.press("Escape")
    expect(page.locator("#follow-sheet")).to_be_hidden()
    assert focused_title(page) == "Number 0"


def test_the_menu_the_pane_and_the_own_page_lead_to_the_same_sheet(
    open_inbox: Open, row: Notification
) -> None:
    page = open_inbox()
    page.locator("#list .row").hover()
    page.locator("#list [data-act=menu]").click()
    page.locator("#later [data-menu=mute]").click()
    page.locator("#follow-sheet").get_by_label("For a week").check()
    page.locator("#follow-sheet").get_by_role("button", name="Mute", exact=True).click()
    assert toast(page) == "“C-1” is muted"
    assert db.session.scalars(select(Follow.until)).one() is not None
    page.locator("#list .row__link").click()
    expect(page.locator("#pane .pane__title")).to_be_visible()
    open_sheet(page, "f")
    page.keyboard.press("Escape")
    page.goto(f"/notifications/{row.id}")
    open_sheet(page, "f")
    page.locator("#follow-sheet").get_by_role("button", name="Mute instead").click()
    assert toast(page) == "“C-1” is muted"
