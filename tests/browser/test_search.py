"""Searching and saved views in a real browser."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from app.clock import utc_now
from app.models import User
from app.search_text import index_text
from app.services.notifications import actions, recent_searches, saved_views
from app.services.notifications.saved_views import SavedFilter
from tests.browser.conftest import Open
from tests.browser.inbox import SIZES, press, wait_until
from tests.support import factories
from tests.support.browser import axe


def titles(page: Page) -> list[str]:
    return [text.rpartition(": ")[2] for text in page.locator(".row__link").all_text_contents()]


@pytest.mark.parametrize("size", SIZES)
def test_a_search_is_completed_explained_and_remembered(open_inbox: Open, alice: User, size: str) -> None:
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
    expect(words).to_contain_text("“is:unred” is not valid. Use one of is:unread, is:read")
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


def test_enter_after_a_completed_search_adds_no_history_entry(open_inbox: Open, alice: User) -> None:
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


def test_a_search_looks_everywhere_and_is_kept_across_places(open_inbox: Open, alice: User) -> None:
    rows = [factories.notification(alice, f"Priya {name}") for name in ("Raman", "Kaur", "Nair", "Shah")]
    factories.notification(alice, "Zoë Ångström")
    actions.change(alice, "done", ids=[rows[0].id, rows[1].id])
    actions.change(alice, "snooze", ids=[rows[2].id], until=utc_now() + timedelta(days=2))
    page = open_inbox("/notifications?place=done")
    page.keyboard.press("/")
    page.keyboard.type("priya")
    heading, found = page.get_by_role("heading", level=1), page.locator("#found a")
    expect(heading).to_have_text("4 results for “priya”")
    expect(page).to_have_title("4 results for “priya” · Bellhop")
    expect(found).to_have_text(["Inbox 1", "Everything 4", "Snoozed 1", "Done 2"])
    expect(page.locator("#found [aria-current]")).to_have_text("Everything 4")
    expect(page.locator("#list .row")).to_have_count(4)
    found.nth(3).click()
    page.wait_for_url("**/notifications?place=done&q=priya")
    expect(heading).to_have_text("2 results for “priya”")
    page.locator("#q").fill("priya kaur")
    expect(heading).to_have_text("1 result for “priya kaur”")
    page.locator(".nav--mail").get_by_role("link", name="Snoozed").click()
    page.wait_for_url("**/notifications?place=later&q=priya+kaur")
    expect(page.locator(".empty h2:visible")).to_have_text("No results")
    page.get_by_role("link", name="Search everything").click()
    expect(heading).to_have_text("1 result for “priya kaur”")
    page.keyboard.press("Escape")


def test_a_typo_is_forgiven_and_a_name_is_suggested(open_inbox: Open, alice: User) -> None:
    title, name = "Interview Scheduled for Priya Raman", "Priya Raman"
    factories.notification(
        alice, title, facts={"candidate_name": name}, words=index_text(title, "", candidate=name)
    )
    page = open_inbox()
    page.keyboard.press("/")
    page.keyboard.type("prya")
    page.get_by_role("link", name="Did you mean “Priya”?").click()
    expect(page.locator("#list .row")).to_have_count(1)
    page.locator("#q").fill("is:unread pri")
    option = page.locator("#names").get_by_role("option", name="Priya Raman")
    expect(option).to_be_visible()
    assert axe(page) == []
    press(page, "ArrowDown", "Enter")
    expect(page.locator("#q")).to_have_value('is:unread candidate:"Priya Raman"')
    expect(page.locator("#list .row")).to_have_count(1)


def test_a_view_is_saved_opened_moved_deleted_and_restored(open_inbox: Open, alice: User) -> None:
    row = factories.notification(alice, "Priya Raman", priority="urgent")
    factories.notification(alice, "Zoë Ångström")
    saved_views.create(alice, "First", SavedFilter(search="zoe"))
    page = open_inbox()
    page.locator(".chip", has_text="Urgent").click()
    expect(page.locator(".row")).to_have_count(1)
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_label("View name")).to_be_focused()
    expect(page.get_by_label("View name")).to_have_value("Urgent")
    assert axe(page) == []
    page.keyboard.type("Hers")
    page.keyboard.press("Enter")
    link = page.locator("#views").get_by_role("link", name=re.compile("^Hers"))
    expect(link).to_have_text("Hers1 unread")
    expect(link).to_have_attribute("aria-current", "true")
    assert page.url.endswith("/notifications?priority=urgent")
    expect(page).to_have_title("Hers (1 unread) · Bellhop")
    expect(page.locator(".side [aria-current]:visible")).to_have_text(["Hers1 unread"])
    page.locator(".chip", has_text="Interviews").click()
    expect(page.get_by_role("button", name="Save view")).to_be_visible()
    page.get_by_role("button", name="Update view").click()
    expect(page.locator("#toasts")).to_contain_text("“Hers” updated")
    assert page.url.endswith("/notifications?category=interview&priority=urgent")
    expect(link).to_have_attribute("aria-current", "true")
    press(page, "g", "1")
    expect(page.get_by_role("heading", level=1)).to_have_text("First")
    press(page, "g", "2")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hers")
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
