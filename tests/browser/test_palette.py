"""The palette: everything from one field, by keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from app.database.base import db
from app.models import Notification, User
from tests.browser.conftest import Open
from tests.browser.inbox import SIZES, focused_title, press, reloaded, row, wait_until
from tests.support import factories
from tests.support.browser import axe, sign_in_browser


def open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-list [role=option]").first).to_be_visible()


def test_the_palette_goes_anywhere_and_keeps_recent_entries_first(
    page_factory: Open, live_server: str, sign_in: Callable[[User], FlaskClient], bob: User
) -> None:
    page = page_factory(live_server)
    sign_in_browser(page, sign_in(bob), live_server)
    page.goto("/preferences")
    open_palette(page)
    expect(page.get_by_role("combobox", name="Search or go to")).to_be_focused()
    assert axe(page) == []
    page.keyboard.type("audit")
    active = page.locator("#palette-list [aria-selected=true]")
    expect(active).to_have_text("Audit log")
    active_id = active.get_attribute("id")
    assert page.locator("#palette-q").get_attribute("aria-activedescendant") == active_id
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/audit")
    open_palette(page)
    expect(active).to_have_text("Audit log")
    press(page, "ArrowDown", "ArrowUp", "ArrowUp")
    expect(active).to_contain_text("Keyboard shortcuts")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_admins_find_people_and_recruiters_find_candidates(
    page_factory: Open, live_server: str, sign_in: Callable[[User], FlaskClient], alice: User, bob: User
) -> None:
    facts = {"candidate_name": "Priya Raman", "job_title": "Staff Data Engineer"}
    for person in (alice, bob):
        factories.notification(
            person, "Interview Scheduled for Priya Raman", facts=facts, words="qcpriya qcraman"
        )
    for person, found in ((alice, ["Priya Raman"]), (bob, ["Priya Person", "Priya Raman"])):
        if person is bob:
            factories.user("priya@example.test", "Priya Person")
        page = page_factory(live_server)
        sign_in_browser(page, sign_in(person), live_server)
        page.goto("/notifications")
        open_palette(page)
        page.keyboard.type("priy")
        expect(page.locator("#palette-found [role=option] > span")).to_have_text(
            [*found, "Search notifications for “priy”"]
        )
        page.locator("#palette-found").get_by_role("option", name="Priya Raman").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Priya Raman")


def test_the_palette_acts_on_the_row_that_had_the_focus(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    press(page, "j", "j")
    open_palette(page)
    page.keyboard.type("done")
    press(page, "Enter")
    expect(row(page, "Number 1")).to_have_count(0)
    assert focused_title(page) == "Number 2"
    wait_until(lambda: reloaded(five[1]).is_done)


def test_the_palette_switches_the_theme(open_inbox: Open, alice: User) -> None:
    page = open_inbox()
    open_palette(page)
    page.keyboard.type("dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def _theme(user: User) -> str:
    db.session.refresh(user.preference)
    return user.preference.theme


def test_a_theme_that_is_chosen_before_htmx_knows_its_button_is_kept(open_inbox: Open, alice: User) -> None:
    page = open_inbox()
    open_palette(page)
    page.evaluate(
        """() => {
            const known = document.querySelector("#theme-dark");
            const unknown = known.cloneNode(true);
            unknown.removeAttribute("hx-post");
            known.replaceWith(unknown);
        }"""
    )
    page.keyboard.type("dark")
    page.keyboard.press("Enter")
    wait_until(lambda: _theme(alice) == "dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_slash_key_searches_on_every_page(
    page_factory: Open, live_server: str, sign_in: Callable[[User], FlaskClient], bob: User
) -> None:
    page = page_factory(live_server)
    sign_in_browser(page, sign_in(bob), live_server)
    for path, box in (
        ("/notifications", "Search notifications"),
        ("/admin/users", "Search people"),
        ("/preferences", "Search or go to"),
    ):
        page.goto(path)
        page.keyboard.press("/")
        expect(page.get_by_label(box).and_(page.locator("input"))).to_be_focused()


def test_the_list_of_shortcuts_names_only_those_of_the_page(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("Select a range")
    for path, is_listed in ((f"/notifications/{five[0].id}", True), ("/preferences", False)):
        page.goto(path)
        page.keyboard.press("?")
        keys = page.locator("#keys")
        expect(keys).to_be_visible()
        assert ("Snooze until…" in keys.inner_text()) is is_listed
        assert "Select a range" not in keys.inner_text()


def test_the_list_is_one_stop_of_the_tab_key(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    # The link that skips to the list, the button of the day, and the first row.
    press(page, "Tab", "Enter", "Tab", "Tab")
    assert focused_title(page) == "Number 0"
    press(page, "j", "Tab", "Shift+Tab")
    assert focused_title(page) == "Number 1"
    expect(page.locator("#list [tabindex='0']")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Mark done: Number 1")).to_be_focused()
    press(page, "ArrowLeft", "ArrowLeft")
    expect(page.get_by_role("checkbox", name="Select: Number 1")).to_be_focused()
    page.keyboard.press("ArrowDown")
    assert focused_title(page) == "Number 2"


@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_in_the_palette(open_inbox: Open, five: list[Notification], size: str) -> None:
    page = open_inbox(**SIZES[size], color_scheme="dark")
    page.locator("[data-palette]").first.dispatch_event("click")
    expect(page.locator("#palette-list [role=option]").first).to_be_visible()
    page.keyboard.type("num")
    expect(page.locator("#search-all")).to_be_visible()
    assert axe(page) == []
