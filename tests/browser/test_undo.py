"""Failed actions are reported and can be retried; undo is exact."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from app.database.base import db
from app.models import Notification
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

BUSY = """<div class="toast toast--error"><span>Bellhop is busy. Nothing is lost.</span>
  <button type="button" data-again>Try again</button></div>"""
REMEMBERED = "JSON.parse(sessionStorage.getItem('undos') ?? '[]').length"


def test_a_failed_action_is_rolled_back(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.route("**/archival", lambda route: route.abort())
    row(page, "Number 0").hover()
    page.get_by_role("button", name="Mark done: Number 0").click()
    expect(row(page, "Number 0")).to_have_attribute("data-failed", "")
    expect(page.locator("#toasts")).to_contain_text(
        "Couldn't save. The server didn't respond. It's back in your list."
    )
    expect(page.locator("#offline")).to_be_visible()
    page.unroute("**/archival")
    page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(row(page, "Number 0")).to_have_count(0)
    expect(page.locator("#offline")).to_be_hidden()
    assert reloaded(five[0]).is_done
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("Failed to fetch")


def test_a_failed_load_is_reported_and_can_be_retried(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    retry, pane = page.locator("#toasts").get_by_role("button", name="Try again"), page.locator("#pane")
    page.context.set_offline(True)
    page.get_by_role("link", name="Number 2").click()
    expect(page.locator("#toasts")).to_contain_text("Couldn't load. You're offline.")
    expect(pane).to_be_hidden()
    assert "open=" not in page.url
    page.context.set_offline(False)
    retry.click()
    expect(pane.get_by_role("heading", name="Number 2")).to_be_visible()
    page.context.set_offline(True)
    page.locator("#q").fill("number 3")
    expect(page.locator("#toasts")).to_contain_text("Couldn't load")
    page.context.set_offline(False)
    retry.click()
    expect(page.locator(".row")).to_have_count(1)
    page.watch.forgive("ERR_INTERNET_DISCONNECTED")
    page.watch.forgive("Failed to fetch")


def test_an_error_page_of_a_proxy_is_reported_and_can_be_retried(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.route("**/archival", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    press(page, "j", "e")
    expect(row(page, "Number 0")).to_have_attribute("data-failed", "")
    expect(page.locator("#toasts")).to_contain_text("Couldn't save. The server returned an error (502).")
    expect(page.locator("body")).not_to_contain_text("Bad Gateway")
    assert focused_title(page) == "Number 1"
    page.unroute("**/archival")
    page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(row(page, "Number 0")).to_have_count(0)
    page.watch.forgive("status of 502")


@pytest.mark.parametrize("words", ["", "Bellhop is busy"])
def test_a_failed_filter_changes_neither_address_nor_chips(
    open_inbox: Open, five: list[Notification], words: str
) -> None:
    page = open_inbox("/notifications?priority=low&category=interview")
    chips = {name: page.get_by_role("checkbox", name=name) for name in ("Jobs", "Interviews")}
    address, body = (
        page.url,
        f'<div id="toasts" hx-swap-oob="innerHTML">{BUSY}</div>' if words else "<h1>No</h1>",
    )
    page.route("**/notifications?*job*", lambda route: route.fulfill(status=503, body=body))
    chips["Jobs"].click()  # not check(): it may be unchecked again by then
    expect(page.locator("#toasts")).to_contain_text(
        words or "Couldn't load. The server returned an error (503)."
    )
    expect(chips["Jobs"]).not_to_be_checked()
    expect(chips["Interviews"]).to_be_checked()
    assert page.url == address
    page.unroute("**/notifications?*job*")
    page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(page).to_have_url(re.compile("category=interview&category=job"))
    expect(chips["Jobs"]).to_be_checked()
    page.watch.forgive("status of 503")


def test_an_error_is_shown_in_the_servers_words(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    db.session.delete(five[0])
    db.session.commit()
    press(page, "j", "e")
    expect(page.locator("#toasts")).to_contain_text("Notification not found.")
    page.watch.forgive("404")


def test_an_action_can_be_undone_after_a_reload_and_on_another_page(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    for path in ("/notifications", "/preferences"):
        row(page, "Number 1").hover()
        page.get_by_role("button", name="Mark done: Number 1").click()
        wait_until(lambda: page.evaluate(REMEMBERED) == 1)
        page.goto(path)
        assert reloaded(five[1]).is_done
        page.keyboard.press("z")
        expect(page.locator("#toasts")).to_contain_text("Undone")
        expect(page.locator(".row")).to_have_count(5)
        assert not reloaded(five[1]).is_done


@pytest.mark.parametrize("way", ["the button", "the key"])
@pytest.mark.parametrize("fault", ["no answer", "an error"])
def test_a_failed_undo_is_reported_and_can_be_retried(
    open_inbox: Open, five: list[Notification], way: str, fault: str
) -> None:
    page = open_inbox()
    press(page, "j", "e")
    expect(page.locator("#toasts")).to_contain_text("Marked done")
    fail = {"no answer": lambda route: route.abort(), "an error": lambda route: route.fulfill(status=503)}
    page.route("**/undo", fail[fault])
    if way == "the key":
        page.keyboard.press("z")
    else:
        page.get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Couldn't undo.")
    expect(page.locator("#toasts")).not_to_contain_text("back in your list")
    page.unroute("**/undo")
    if way == "the key":
        page.keyboard.press("z")
    else:
        page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(row(page, "Number 0")).to_have_count(1)
    assert not reloaded(five[0]).is_done
    page.watch.forgive("ERR_FAILED" if fault == "no answer" else "503")
    if fault == "no answer":
        page.watch.forgive("Failed to fetch")


def test_z_undoes_step_by_step_until_nothing_is_left(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    for key in ("u", "e", "l"):
        page.keyboard.press(key)
        expect(page.locator(".htmx-request, .htmx-swapping, [aria-busy=true]")).to_have_count(0)
    assert visible_titles(page) == ["Number 2", "Number 3", "Number 4"]
    # The button undoes its own change; the key continues with the one before it.
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "Number 1")).to_have_count(1)
    page.reload()
    page.keyboard.press("z")
    expect(row(page, "Number 0")).to_have_count(1)
    expect(row(page, "Number 0")).not_to_have_attribute("data-unread", "")
    page.keyboard.press("z")
    expect(row(page, "Number 0")).to_have_attribute("data-unread", "")
    expect(page.locator("#toasts")).to_contain_text("Undone")
    page.keyboard.press("z")
    expect(page.locator("#toasts")).to_contain_text("Nothing left to undo")
    assert visible_titles(page) == [f"Number {n}" for n in range(5)]
    assert not any(reloaded(one).is_done or one.is_read or one.snoozed_until for one in five)


def test_actions_older_than_ten_minutes_are_not_undone(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    press(page, "j", "e")
    expect(page.locator("#toasts")).to_contain_text("Marked done")
    page.evaluate("now => { Date.now = () => now + 600_001; }", page.evaluate("Date.now()"))
    page.keyboard.press("z")
    expect(page.locator("#toasts")).to_contain_text("Nothing left to undo")
    assert reloaded(five[0]).is_done


def mark_first_done(open_inbox: Open) -> tuple[Page, list[Route]]:
    """Mark the first row done, and hold the requests of all further rows."""
    page = open_inbox()
    held = hold_requests(page, "**/archival")
    press(page, "j", "e")
    held_request(page, held).continue_()
    expect(page.locator("#toasts")).to_contain_text("Marked done")
    return page, held


def test_z_waits_for_pending_responses_and_undoes_the_last_action(
    open_inbox: Open, five: list[Notification]
) -> None:
    page, held = mark_first_done(open_inbox)
    press(page, "e", "e", "z")
    # Its response arrives first, although it was done last.
    for number in (3, 2):
        route = held_request(page, held, number)
        with page.expect_response(route.request.url):
            route.continue_()
    expect(page.locator("#toasts")).to_contain_text("Undone")
    assert [reloaded(one).is_done for one in five] == [True, True, False, False, False]
    page.unroute("**/archival")
    press(page, "z", "z")
    expect(page.locator(".row")).to_have_count(5)
    assert not any(reloaded(one).is_done for one in five)


def test_z_undoes_nothing_older_when_the_pending_action_fails(
    open_inbox: Open, five: list[Notification]
) -> None:
    page, held = mark_first_done(open_inbox)
    press(page, "e", "z")
    held_request(page, held, 2).fulfill(status=502)
    expect(row(page, "Number 1")).to_have_attribute("data-failed", "")
    expect(page.locator("#toasts")).to_contain_text("Couldn't save")
    assert reloaded(five[0]).is_done
    page.watch.forgive("status of 502")


def test_a_load_error_disappears_once_loading_succeeds(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.route("**/notifications/*", lambda route: route.fulfill(status=500))
    press(page, "j", "Enter")
    expect(page.locator("#toasts")).to_contain_text("Couldn't load")
    page.unroute("**/notifications/*")
    page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(page.locator("#pane").get_by_role("heading", name="Number 0")).to_be_visible()
    expect(page.locator(".toast")).to_have_count(0)
    assert focused_title(page) == "Number 0"
    page.watch.forgive("status of 500")


def test_all_failed_actions_are_retried_together(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.route("**/archival", lambda route: route.fulfill(status=500))
    for n in range(2):
        press(page, "j", "e")
        expect(page.locator("[data-failed]")).to_have_count(n + 1)
    page.unroute("**/archival")
    page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(page.locator(".row")).to_have_count(3)
    wait_until(lambda: sum(reloaded(one).is_done for one in five) == 2)
    page.watch.forgive("status of 500")


def test_focus_moves_to_the_list_when_the_offline_banner_disappears(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    page.context.set_offline(True)
    banner = page.locator("#offline")
    expect(banner).to_be_visible()
    banner.get_by_role("button", name="Try again").focus()
    page.context.set_offline(False)
    expect(banner).to_be_hidden()
    expect(page.locator("#list")).to_be_focused()
    # The stream and other pending requests notice it later.
    page.watch.console.clear()
