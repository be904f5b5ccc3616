"""Searching and saved views in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from app.models import User
from app.services.notifications import actions, recent_searches, saved_views
from app.services.notifications.saved_views import Filter
from tests.browser.conftest import Open
from tests.browser.inbox import SIZES, wait_until
from tests.support import factories
from tests.support.browser import axe


def titles(page: Page) -> list[str]:
    return [text.rpartition(": ")[2] for text in page.locator(".row__link").all_text_contents()]


@pytest.mark.parametrize("size", SIZES)
def test_a_search_is_typed_understood_explained_and_offered_again(
    open_inbox: Open, alice: User, size: str
) -> None:
    factories.notification(alice, "Zoë Ångström")
    factories.notification(alice, "Priya Raman", priority="urgent")
    page = open_inbox(**SIZES[size])
    box, rows, words = page.locator("#q"), page.locator(".row"), page.locator(".empty p:visible")
    if size == "phone":
        page.locator(".search__open").click()
    else:
        page.keyboard.press("/")
    expect(box).to_be_focused()
    hint = page.get_by_role("link", name=re.compile("^priority:urgent"))
    expect(hint).to_be_visible()
    assert axe(page) == []
    page.keyboard.type("zoe")
    expect(rows).to_have_count(1)
    expect(page.locator(".row mark")).to_have_text("Zoë")
    page.keyboard.press("Enter")
    wait_until(lambda: recent_searches.recent_searches(alice) == ["zoe"])
    expect(page.locator("#recent a")).to_have_text(["zoe"])
    box.fill("is:unred")
    expect(words).to_contain_text("“is:unred” is not known. Possible are is:unread, is:read")
    assert axe(page) == []
    box.fill("zoe " * 51)
    expect(words).to_contain_text("Too long: write at most 200 characters.")
    assert len(recent_searches.recent_searches(alice)) == 1
    box.fill("")
    expect(rows).to_have_count(2)
    hint.click()
    expect(box).to_have_value("priority:urgent")
    expect(box).to_be_focused()
    expect(rows).to_have_count(1)
    assert page.url.endswith("?q=priority%3Aurgent")
    expect(hint).to_be_hidden()


def test_enter_behind_an_answered_search_is_no_step_of_the_history(open_inbox: Open, alice: User) -> None:
    for title in ("Zoë Ångström", "Priya Raman"):
        factories.notification(alice, title)
    page = open_inbox()
    rows = page.locator(".row")
    page.keyboard.press("/")
    page.keyboard.type("zoe")
    expect(rows).to_have_count(1)
    with page.expect_response("**/notifications?q=zoe"):
        page.keyboard.press("Enter")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.go_back()
    expect(rows).to_have_count(2)
    assert page.url.endswith("/notifications")


def test_a_view_is_saved_followed_moved_deleted_and_brought_back(open_inbox: Open, alice: User) -> None:
    row = factories.notification(alice, "Priya Raman", priority="urgent")
    factories.notification(alice, "Zoë Ångström")
    saved_views.create(alice, "First", Filter(search="zoe"))
    page = open_inbox()
    page.locator(".chip", has_text="Urgent").click()
    expect(page.locator(".row")).to_have_count(1)
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_label("View name")).to_be_focused()
    assert axe(page) == []
    page.keyboard.type("Hers")
    page.keyboard.press("Enter")
    link = page.locator("#views").get_by_role("link", name=re.compile("^Hers"))
    expect(link).to_have_text("Hers1")
    expect(link).to_have_attribute("aria-current", "true")
    assert page.url.endswith("/notifications?priority=urgent")
    actions.change(alice, "done", ids=[row.id])
    expect(link).to_have_text("Hers")
    page.get_by_role("link", name="Edit views").click()
    assert axe(page) == []
    up = page.get_by_role("button", name="Move up: Hers")
    up.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".views__entry").first.get_by_label("View name")).to_have_value("Hers")
    expect(up).to_be_focused()
    page.get_by_role("button", name="Delete: Hers").click()
    expect(link).to_have_count(0)
    page.keyboard.press("z")
    expect(link).to_have_count(1)
    assert [view.name for view in saved_views.list_views(alice)] == ["Hers", "First"]
