"""The inbox by keyboard."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import expect

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from tests.browser.conftest import Open
from tests.browser.inbox import (
    focused_title,
    held_request,
    hold_requests,
    press,
    reloaded,
    row,
    visible_titles,
    wait_until,
)
from tests.support import factories


def test_every_action_has_a_shortcut(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    assert focused_title(page) == "Number 0"
    press(page, "j", "k", "ArrowDown")
    assert focused_title(page) == "Number 1"
    page.keyboard.press("u")
    expect(row(page, "Number 1")).not_to_have_attribute("data-unread", "")
    assert focused_title(page) == "Number 1"
    page.keyboard.press("u")
    expect(row(page, "Number 1")).to_have_attribute("data-unread", "")
    page.keyboard.press("Enter")
    expect(page.locator("#pane").get_by_role("heading", name="Number 1")).to_be_visible()
    page.keyboard.press("e")
    expect(page.locator("#pane").get_by_role("heading", name="Number 2")).to_be_visible()
    expect(row(page, "Number 1")).to_have_count(0)
    assert focused_title(page) == "Number 2"
    page.keyboard.press("Escape")
    expect(page.locator("#pane")).to_be_hidden()
    page.keyboard.press("z")
    expect(row(page, "Number 1")).to_have_count(1)
    press(page, "k", "x", "j", "j", "Shift+X")
    expect(page.locator(".tile :checked")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(page.locator(".tile :checked")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("je?")
    expect(page.get_by_label("Search notifications")).to_have_value("je?")
    press(page, "Escape", "Escape", "?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


def test_no_key_is_lost_when_many_are_pressed_at_once(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    rows = [
        factories.notification(alice, f"Row {n:02}", created_at=now - timedelta(minutes=n)) for n in range(12)
    ]
    page = open_inbox()
    page.keyboard.press("j")
    for _ in range(12):
        page.keyboard.press("e")
    expect(page.locator(".row")).to_have_count(0)
    expect(page.get_by_role("heading", name="You're all caught up")).to_be_visible()
    wait_until(lambda: all(reloaded(row).is_done for row in rows))
    assert page.evaluate("document.activeElement.id") == "list"


def test_focus_is_never_lost(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    for key in ("u", "e", "x", "e", "z", "Enter", "e", "e"):
        page.keyboard.press(key)
        expect(page.locator(".htmx-request, .htmx-swapping, [aria-busy=true]")).to_have_count(0)
        assert page.evaluate("document.activeElement !== document.body"), key


def test_focus_stays_in_the_list_when_all_rows_leave(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    for n in range(60):
        factories.notification(alice, f"Row {n:02}", created_at=now - timedelta(minutes=n))
    page = open_inbox()
    press(page, "j", "x")
    page.locator("#every").focus()
    expect(page.locator("#total")).to_have_text("All 60")
    press(page, "Space", "e")
    expect(page.get_by_role("heading", name="You're all caught up")).to_be_visible()
    wait_until(lambda: page.evaluate("document.activeElement.id") == "list")
    page.keyboard.press("z")
    expect(page.locator(".row")).to_have_count(50)
    assert focused_title(page) == "Row 00"


def test_escape_clears_a_search_and_then_leaves_it(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.keyboard.press("/")
    page.keyboard.type("number 3")
    expect(page.locator(".row")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#q")).to_have_value("")
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator(".row")).to_have_count(5)
    assert page.url.endswith("/notifications")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "list"


def test_a_key_pressed_again_before_the_response_does_the_opposite(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    held = hold_requests(page, "**/reading")
    press(page, "j", "u", "u")
    expect(row(page, "Number 0")).not_to_have_attribute("data-unread", "")
    for number in (1, 2):
        route = held_request(page, held, number)
        with page.expect_response(route.request.url):
            route.continue_()
    expect(row(page, "Number 0")).to_have_attribute("data-unread", "")
    assert not reloaded(five[0]).is_read


def test_rows_selected_while_a_request_is_pending_are_done_too(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    held = hold_requests(page, "**/changes")
    page.keyboard.press("j")
    for _ in range(3):
        press(page, "x", "e")
    expect(page.locator("#list .row:not([aria-busy])")).to_have_count(2)
    held_request(page, held).continue_()
    expect(page.locator(".row")).to_have_count(2)
    assert visible_titles(page) == ["Number 3", "Number 4"]
    wait_until(lambda: [reloaded(one).is_done for one in five] == [True, True, True, False, False])


def test_enter_in_a_check_box_does_nothing(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(java_script_enabled=False)
    page.get_by_role("checkbox", name="Select: Number 1").check()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Pick a time.")).to_be_visible()
    assert not any(reloaded(one).is_read or one.snoozed_until for one in five)
    page.watch.forgive("422")


def test_enter_in_the_date_field_of_the_menu_chooses_that_date(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.get_by_role("checkbox", name="Select: Number 1").focus()
    press(page, "Enter", "Alt+l")
    day = (utc_now() + timedelta(days=9)).strftime("%Y-%m-%dT14:30")
    page.locator("#later").get_by_label("Date and time").fill(day)
    page.keyboard.press("Enter")
    expect(row(page, "Number 1")).to_have_count(0)
    assert f"{reloaded(five[1]).snoozed_until:%Y-%m-%dT%H:%M}" == day
    assert not any(reloaded(one).is_read or one.snoozed_until for one in five if one is not five[1])


def test_disabled_shortcuts_do_nothing(open_inbox: Open, alice: User, five: list[Notification]) -> None:
    alice.preference.single_key_shortcuts = False
    db.session.commit()
    page = open_inbox()
    row(page, "Number 0").get_by_role("link").focus()
    press(page, "l", "Alt+l")
    expect(page.locator("#later")).to_be_visible()
    assert reloaded(five[0]).snoozed_until is None


def test_caps_lock_does_not_change_shortcuts(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    # With Caps Lock: capitals without Shift, small letters with it.
    press(page, "J", "X", "J", "J", "Shift+x")
    expect(page.locator("#list .tile :checked")).to_have_count(3)
    page.keyboard.press("E")
    expect(page.locator(".row")).to_have_count(2)
    page.keyboard.press("Z")
    expect(page.locator(".row")).to_have_count(5)


def test_escape_in_the_date_field_closes_the_menu_and_restores_focus(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    press(page, "j", "Alt+l")
    page.locator("#later").get_by_label("Date and time").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#later")).to_be_hidden()
    assert focused_title(page) == "Number 0"


def test_arrows_move_to_the_first_visible_row_when_nothing_has_focus(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    for n in range(50):
        factories.notification(alice, f"Row {n:02}", created_at=now - timedelta(seconds=n))
    page = open_inbox()
    page.keyboard.press("ArrowDown")
    assert focused_title(page) == "Row 00"
    page.keyboard.press("ArrowDown")
    assert focused_title(page) == "Row 01"
    page.evaluate("document.activeElement.blur()")
    page.locator("#list").evaluate("list => list.scrollTo(0, 1000)")
    page.keyboard.press("ArrowDown")
    assert 5 < int(focused_title(page).removeprefix("Row ")) < 40
    expect(page.locator(".row:focus-within")).to_be_in_viewport(ratio=1)


def test_deselecting_is_announced(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    press(page, "j", "x", "j", "x")
    expect(page.locator("#say")).to_have_text("2 selected.")
    page.keyboard.press("Escape")
    expect(page.locator("#say")).to_have_text("0 selected.")


def test_the_current_place_shows_in_a_low_window(open_inbox: Open, alice: User) -> None:
    page = open_inbox("/account", height=300)
    expect(page.locator(".side [aria-current=page]")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
