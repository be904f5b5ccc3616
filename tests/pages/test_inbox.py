"""The inbox in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, Route, expect

from app.clock import utc_now
from app.extensions import db
from app.models import Notification, User
from app.services import notifications, surfacing
from tests import factories
from tests.browser import axe
from tests.pages.conftest import Open

SIZES: dict[str, dict[str, Any]] = {
    "wide": {"width": 1440, "height": 900},
    "phone": {"width": 390, "height": 844, "has_touch": True, "is_mobile": True},
}
KINDS = (
    "interview_scheduled",
    "resume_processed",
    "candidate_added",
    "job_created",
    "evaluation_due",
    "system_alert",
)
# How many changes this tab can take back.
REMEMBERED = "JSON.parse(sessionStorage.getItem('undos') ?? '[]').length"

# What our own answer to an error brings.
BUSY = """<div class="toast toast--error"><span>Bellhop is busy. Nothing is lost.</span>
  <button type="button" data-again>Try again</button></div>"""


@pytest.fixture
def five(alice: User) -> list[Notification]:
    """Five unread rows, the newest first."""
    now = utc_now()
    return [
        factories.notification(alice, f"Number {n}", created_at=now - timedelta(minutes=n)) for n in range(5)
    ]


def row(page: Page, title: str) -> Locator:
    return page.locator(".row", has=page.get_by_role("link", name=title))


def shown(page: Page) -> list[str]:
    return [text.rpartition(": ")[2] for text in page.locator(".row__link").all_text_contents()]


def stored(notification: Notification) -> Notification:
    db.session.refresh(notification)
    return notification


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent")).rpartition(": ")[2]


def hold(page: Page, pattern: str) -> list[Route]:
    """What the page asks from now on there, to be answered by hand."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(pattern, keep)
    return held


def until(claim: Callable[[], bool], seconds: float = 3) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_signing_in_leads_to_the_inbox(
    page_factory: Open, live_server: str, alice: User, five: list[Notification]
) -> None:
    page = page_factory(live_server)
    page.goto("/")
    page.get_by_label("Email").fill("alice@example.test")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_title("Inbox (5 unread) · Bellhop")
    assert shown(page) == [f"Number {n}" for n in range(5)]


def test_opening_a_row_reads_it_beside_the_list(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.get_by_role("link", name="Number 2").click()
    expect(page.locator("#pane").get_by_role("heading", name="Number 2")).to_be_visible()
    expect(page).to_have_title("Inbox (4 unread) · Bellhop")
    expect(page.locator("#unread-count")).to_have_text("4 unread")
    expect(row(page, "Number 2")).not_to_have_attribute("data-unread", "")
    expect(page.get_by_role("link", name="Number 2")).to_have_attribute("aria-current", "true")
    until(lambda: stored(five[2]).is_read)
    page.reload()
    expect(page.locator("#pane").get_by_role("heading", name="Number 2")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#pane")).to_be_hidden()
    assert "open=" not in page.url


def test_on_a_phone_a_row_opens_as_its_own_page(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(**SIZES["phone"])
    page.get_by_role("link", name="Number 1").tap()
    page.wait_for_url(f"**/notifications/{five[1].id}")
    expect(page.get_by_role("heading", name="Number 1")).to_be_visible()
    expect(page.get_by_role("button", name="Mark unread")).to_be_visible()
    until(lambda: stored(five[1]).is_read)
    page.get_by_role("button", name="Done").tap()
    page.wait_for_url("**/notifications")
    assert "Number 1" not in shown(page)
    expect(page.locator("#toasts")).to_contain_text("Marked done")


def test_an_opened_row_in_the_address_leads_a_phone_to_its_page(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox(f"/notifications?open={five[3].id}", **SIZES["phone"])
    page.wait_for_url(f"**/notifications/{five[3].id}")
    expect(page.get_by_role("heading", name="Number 3")).to_be_visible()


def test_done_takes_the_row_away_and_undo_brings_it_back(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    row(page, "Number 1").hover()
    page.get_by_role("button", name="Mark done: Number 1").click()
    expect(row(page, "Number 1")).to_have_count(0)
    expect(page).to_have_title("Inbox (4 unread) · Bellhop")
    assert stored(five[1]).is_done
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "Number 1")).to_have_attribute("data-unread", "")
    assert shown(page) == [f"Number {n}" for n in range(5)]
    assert not stored(five[1]).is_done
    assert not five[1].is_read


def test_ticked_rows_are_done_together(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    for title in ("Number 0", "Number 3"):
        page.get_by_role("checkbox", name=f"Select: {title}").check()
    bar = page.get_by_role("form", name="Selected notifications")
    expect(bar).to_be_visible()
    bar.get_by_role("button", name="Done").click()
    expect(page.locator(".row")).to_have_count(3)
    expect(bar).to_be_hidden()
    expect(page.locator("#toasts")).to_contain_text("2 marked done")
    page.keyboard.press("z")
    expect(page.locator(".row")).to_have_count(5)


def test_mark_all_read_reaches_beyond_the_page(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    for n in range(60):
        factories.notification(alice, f"Row {n}", created_at=now - timedelta(minutes=n))
    page = open_inbox()
    page.get_by_role("button", name="Mark all read").first.click()
    expect(page).to_have_title("Inbox · Bellhop")
    expect(page.locator("#unread-words")).to_have_text("Nothing unread")
    expect(page.locator(".row[data-unread]")).to_have_count(0)
    expect(page.locator("#toasts")).to_contain_text("60 marked read")


def test_filters_work_at_once_and_the_address_says_so(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    factories.notification(alice, "A new job", notification_type="job_created")
    page = open_inbox()
    page.get_by_role("checkbox", name="Jobs").check()
    expect(page.locator(".row")).to_have_count(1)
    assert page.url.endswith("/notifications?category=job")
    page.reload()
    assert shown(page) == ["A new job"]
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.locator(".row")).to_have_count(6)
    page.get_by_label("Search notifications").fill("number 3")
    expect(page.locator(".row")).to_have_count(1)
    page.go_back()
    expect(page.locator(".row")).to_have_count(6)


@pytest.mark.parametrize("width", [390, 820])
def test_where_room_is_short_the_search_shows_when_asked_for(
    open_inbox: Open, five: list[Notification], width: int
) -> None:
    page = open_inbox(width=width)
    before = page.locator(".search").bounding_box()
    page.get_by_role("link", name="Search").click()
    expect(page.get_by_label("Search notifications")).to_be_focused()
    after = page.locator(".search").bounding_box()
    assert before is not None
    assert after is not None
    assert before["width"] < 2
    assert after["width"] > 200
    page.keyboard.type("number 2")
    expect(page.locator(".row")).to_have_count(1)
    assert axe(page) == []


def test_older_rows_join_the_list(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    for n in range(70):
        factories.notification(alice, f"Row {n:02}", created_at=now - timedelta(minutes=n))
    page = open_inbox()
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".row")).to_have_count(70)
    assert shown(page) == [f"Row {n:02}" for n in range(70)]
    assert focused(page) == "Row 50"


def test_a_new_notification_is_announced_within_three_seconds(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    started = time.monotonic()
    factories.notification(alice, "Just now")
    pill = page.get_by_role("link", name="1 new")
    expect(pill).to_be_visible(timeout=3000)
    expect(page).to_have_title("Inbox (6 unread) · Bellhop")
    assert time.monotonic() - started < 3
    pill.click()
    expect(page.get_by_role("link", name="Just now")).to_be_focused()
    assert shown(page)[0] == "Just now"


def test_an_empty_inbox_says_that_something_came(open_inbox: Open, alice: User) -> None:
    page = open_inbox()
    calm = page.get_by_role("heading", name="You're all caught up")
    expect(calm).to_be_visible()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    factories.notification(alice, "The first")
    expect(page.get_by_role("heading", name="Something new came")).to_be_visible(timeout=3000)
    expect(calm).to_be_hidden()
    assert axe(page) == []
    page.get_by_role("link", name="1 new").click()
    expect(page.get_by_role("link", name="The first")).to_be_focused()


def test_new_rows_wait_behind_the_pill_while_somebody_reads(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    page.keyboard.press("j")
    factories.notification(alice, "Waits")
    pill = page.get_by_role("link", name="1 new")
    expect(pill).to_be_visible(timeout=3000)
    expect(page).to_have_title("Inbox (6 unread) · Bellhop")
    assert "Waits" not in shown(page)
    pill.click()
    expect(page.get_by_role("link", name="Waits")).to_be_focused()
    expect(pill).to_be_hidden()


@pytest.mark.parametrize("fault", ["no answer", "an error"])
def test_new_rows_that_could_not_be_loaded_stay_behind_the_pill(
    open_inbox: Open, alice: User, five: list[Notification], fault: str
) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    factories.notification(alice, "Waits")
    pill = page.get_by_role("link", name="1 new")
    expect(pill).to_be_visible(timeout=3000)
    fail = {"no answer": lambda route: route.abort(), "an error": lambda route: route.fulfill(status=500)}
    page.route("**/notifications", fail[fault])
    pill.click()
    expect(page.locator("#toasts")).to_contain_text("Not loaded")
    expect(pill).to_be_visible()
    expect(pill).to_be_focused()
    page.unroute("**/notifications")
    page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name="Waits")).to_be_focused()
    expect(pill).to_be_hidden()
    page.watch.forgive("ERR_FAILED" if fault == "no answer" else "status of 500")
    if fault == "no answer":
        page.watch.forgive("Failed to fetch")


def test_a_server_that_is_gone_is_noticed_and_so_is_its_return(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    page = open_inbox("/account")
    tries: list[str] = []

    def end(route: Route) -> None:
        """Open once, then fail every two seconds, as where nobody listens any more."""
        tries.append(route.request.url)
        if len(tries) == 1:
            route.fulfill(content_type="text/event-stream", body="retry: 50\n\n")
        else:
            route.abort()

    page.clock.install()
    page.route("**/notifications/stream", end)
    page.goto("/notifications")
    expect(page.locator("#live[data-rows]")).to_be_attached()
    page.route("**/notifications/pulse*", lambda route: route.abort())
    for n in range(9):
        while len(tries) < n + 3:
            page.wait_for_timeout(10)
        page.clock.run_for(2000)
    expect(page.locator("#offline")).to_be_visible()
    notifications.change(alice, "read", ids=[five[0].id])
    page.unroute("**/notifications/pulse*")
    page.clock.run_for(15_000)
    expect(page.locator("#offline")).to_be_hidden()
    expect(row(page, "Number 0")).not_to_have_attribute("data-unread", "")
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("Failed to fetch")


def test_one_question_that_failed_is_not_the_last(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    page.evaluate("""() => { const { ajax } = htmx;
        htmx.ajax = () => Promise.reject(new Error("not this time"));
        document.dispatchEvent(new Event("visibilitychange"));
        htmx.ajax = ajax; }""")
    factories.notification(alice, "Later")
    expect(page.get_by_role("link", name="1 new")).to_be_visible(timeout=3000)
    page.watch.forgive("not this time")


def test_a_slow_filter_dims_the_list_until_its_answer(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    held = hold(page, "**/notifications?category=job")
    page.get_by_role("checkbox", name="Jobs").check()
    listed = page.locator("#list")
    expect(listed).to_have_attribute("aria-busy", "true")
    with page.expect_response("**/pulse*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(400)
    expect(listed).to_have_attribute("aria-busy", "true")
    expect(listed).to_have_css("opacity", "0.6")
    held[0].continue_()
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    expect(listed).not_to_have_attribute("aria-busy", "true")


def test_another_tab_hears_of_what_this_one_does(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    other = page.context.new_page()
    other.goto("/account")
    expect(other.locator("#unread-count")).to_have_text("5 unread")
    title = other.title()
    page.bring_to_front()
    row(page, "Number 0").hover()
    page.get_by_role("button", name="Mark read: Number 0").click()
    expect(other.locator("#unread-count")).to_have_text("4 unread", timeout=3000)
    assert other.title() == title


def test_without_streams_the_page_polls(app: Flask, open_inbox: Open, alice: User) -> None:
    from app.services.live import Broadcaster

    app.extensions["broadcaster"] = Broadcaster(app, most=0)
    page = open_inbox()
    factories.notification(alice, "By asking")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("link", name="1 new")).to_be_visible(timeout=3000)


def test_the_keyboard_does_it_all(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    assert focused(page) == "Number 0"
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Number 1"
    page.keyboard.press("u")
    expect(row(page, "Number 1")).not_to_have_attribute("data-unread", "")
    assert focused(page) == "Number 1"
    page.keyboard.press("u")
    expect(row(page, "Number 1")).to_have_attribute("data-unread", "")
    page.keyboard.press("Enter")
    expect(page.locator("#pane").get_by_role("heading", name="Number 1")).to_be_visible()
    page.keyboard.press("e")
    expect(page.locator("#pane").get_by_role("heading", name="Number 2")).to_be_visible()
    expect(row(page, "Number 1")).to_have_count(0)
    assert focused(page) == "Number 2"
    page.keyboard.press("Escape")
    expect(page.locator("#pane")).to_be_hidden()
    page.keyboard.press("z")
    expect(row(page, "Number 1")).to_have_count(1)
    page.keyboard.press("k")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.locator(".tile :checked")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(page.locator(".tile :checked")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("je?")
    expect(page.get_by_label("Search notifications")).to_have_value("je?")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_a_hail_of_keys_loses_none(open_inbox: Open, alice: User) -> None:
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
    until(lambda: all(stored(row).is_done for row in rows))
    assert page.evaluate("document.activeElement.id") == "list"


def test_focus_never_falls_to_the_body(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    for key in ("u", "e", "x", "e", "z", "Enter", "e", "e"):
        page.keyboard.press(key)
        expect(page.locator(".htmx-request, .htmx-swapping, [aria-busy=true]")).to_have_count(0)
        assert page.evaluate("document.activeElement !== document.body"), key


def test_what_the_server_did_not_take_comes_back(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.route("**/archival", lambda route: route.abort())
    row(page, "Number 0").hover()
    page.get_by_role("button", name="Mark done: Number 0").click()
    expect(row(page, "Number 0")).to_have_attribute("data-failed", "")
    expect(page.locator("#toasts")).to_contain_text("Not saved. There was no answer. It's back in your list.")
    expect(page.locator("#offline")).to_be_visible()
    page.unroute("**/archival")
    page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(row(page, "Number 0")).to_have_count(0)
    expect(page.locator("#offline")).to_be_hidden()
    assert stored(five[0]).is_done
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("Failed to fetch")


def test_focus_stays_in_the_list_when_all_of_them_leave(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    for n in range(60):
        factories.notification(alice, f"Row {n:02}", created_at=now - timedelta(minutes=n))
    page = open_inbox()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator("#every").focus()
    expect(page.locator("#total")).to_have_text("All 60")
    page.keyboard.press("Space")
    page.keyboard.press("e")
    expect(page.get_by_role("heading", name="You're all caught up")).to_be_visible()
    until(lambda: page.evaluate("document.activeElement.id") == "list", 10)
    page.keyboard.press("z")
    expect(page.locator(".row")).to_have_count(50)
    assert focused(page) == "Row 00"


def test_back_closes_what_was_opened_and_forward_opens_it_again(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox("/notifications?place=unread")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    heading = page.locator("#pane").get_by_role("heading")
    expect(heading.first).to_have_text("Number 0")
    page.evaluate("window.same = true")
    page.go_back()
    expect(page.locator("#pane")).to_be_hidden()
    assert page.url.endswith("/notifications?place=unread")
    until(lambda: bool(page.evaluate("document.activeElement.matches('.row__link')")), 10)
    page.go_forward()
    expect(heading.first).to_have_text("Number 0")
    assert page.evaluate("window.same"), "the page was loaded anew"


def test_what_could_not_be_opened_or_searched_says_so_and_is_tried_again(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    retry, pane = page.locator("#toasts").get_by_role("button", name="Try again"), page.locator("#pane")
    page.context.set_offline(True)
    page.get_by_role("link", name="Number 2").click()
    expect(page.locator("#toasts")).to_contain_text("Not loaded. You're offline.")
    expect(pane).to_be_hidden()
    assert "open=" not in page.url
    page.context.set_offline(False)
    retry.click()
    expect(pane.get_by_role("heading", name="Number 2")).to_be_visible()
    page.context.set_offline(True)
    page.locator("#q").fill("number 3")
    expect(page.locator("#toasts")).to_contain_text("Not loaded")
    page.context.set_offline(False)
    retry.click()
    expect(page.locator(".row")).to_have_count(1)
    page.watch.forgive("ERR_INTERNET_DISCONNECTED")
    page.watch.forgive("Failed to fetch")


def test_an_error_that_is_not_ours_is_explained_and_tried_again(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.route("**/archival", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(row(page, "Number 0")).to_have_attribute("data-failed", "")
    expect(page.locator("#toasts")).to_contain_text("Not saved. The server answered with an error (502).")
    expect(page.locator("body")).not_to_contain_text("Bad Gateway")
    assert focused(page) == "Number 1"
    page.unroute("**/archival")
    page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(row(page, "Number 0")).to_have_count(0)
    page.watch.forgive("status of 502")


@pytest.mark.parametrize("words", ["", "Bellhop is busy"])
def test_a_filter_that_failed_is_claimed_by_neither_address_nor_chips(
    open_inbox: Open, five: list[Notification], words: str
) -> None:
    page = open_inbox("/notifications?priority=low&category=interview")
    chips = {name: page.get_by_role("checkbox", name=name) for name in ("Jobs", "Interviews")}
    address, body = (
        page.url,
        f'<div id="toasts" hx-swap-oob="innerHTML">{BUSY}</div>' if words else "<h1>No</h1>",
    )
    page.route("**/notifications?*job*", lambda route: route.fulfill(status=503, body=body))
    chips["Jobs"].click()  # not check(): it may be off again by then
    expect(page.locator("#toasts")).to_contain_text(
        words or "Not loaded. The server answered with an error (503)."
    )
    expect(chips["Jobs"]).not_to_be_checked()
    expect(chips["Interviews"]).to_be_checked()
    assert page.url == address
    page.unroute("**/notifications?*job*")
    page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(page).to_have_url(re.compile("category=interview&category=job"))
    expect(chips["Jobs"]).to_be_checked()
    page.watch.forgive("status of 503")


def test_what_the_server_refused_is_said_in_its_words(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    db.session.delete(five[0])
    db.session.commit()
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("#toasts")).to_contain_text("There is no such notification.")
    page.watch.forgive("404")


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


def test_an_action_can_be_taken_back_after_a_reload_and_from_another_page(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    for path in ("/notifications", "/preferences"):
        row(page, "Number 1").hover()
        page.get_by_role("button", name="Mark done: Number 1").click()
        until(lambda: page.evaluate(REMEMBERED) == 1, 10)
        page.goto(path)
        assert stored(five[1]).is_done
        page.keyboard.press("z")
        expect(page.locator("#toasts")).to_contain_text("Undone")
        expect(page.locator(".row")).to_have_count(5)
        assert not stored(five[1]).is_done


@pytest.mark.parametrize("way", ["the button", "the key"])
@pytest.mark.parametrize("fault", ["no answer", "an error"])
def test_an_undo_that_failed_says_so_and_is_tried_again(
    open_inbox: Open, five: list[Notification], way: str, fault: str
) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("#toasts")).to_contain_text("Marked done")
    fail = {"no answer": lambda route: route.abort(), "an error": lambda route: route.fulfill(status=503)}
    page.route("**/undo", fail[fault])
    if way == "the key":
        page.keyboard.press("z")
    else:
        page.get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Not undone.")
    expect(page.locator("#toasts")).not_to_contain_text("back in your list")
    page.unroute("**/undo")
    if way == "the key":
        page.keyboard.press("z")
    else:
        page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(row(page, "Number 0")).to_have_count(1)
    assert not stored(five[0]).is_done
    page.watch.forgive("ERR_FAILED" if fault == "no answer" else "503")
    if fault == "no answer":
        page.watch.forgive("Failed to fetch")


def test_z_takes_back_one_step_after_the_other_and_says_when_none_is_left(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    for key in ("u", "e", "l"):
        page.keyboard.press(key)
        expect(page.locator(".htmx-request, .htmx-swapping, [aria-busy=true]")).to_have_count(0)
    assert shown(page) == ["Number 2", "Number 3", "Number 4"]
    # The button takes back its own change; the key goes on below it.
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
    expect(page.locator("#toasts")).to_contain_text("Nothing to undo")
    assert shown(page) == [f"Number {n}" for n in range(5)]
    assert not any(stored(one).is_done or one.is_read or one.snoozed_until for one in five)


def test_what_is_older_than_ten_minutes_is_not_taken_back(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("#toasts")).to_contain_text("Marked done")
    page.evaluate("now => { Date.now = () => now + 600_001; }", page.evaluate("Date.now()"))
    page.keyboard.press("z")
    expect(page.locator("#toasts")).to_contain_text("Nothing to undo")
    assert stored(five[0]).is_done


def test_z_waits_for_the_answers_and_takes_back_what_was_done_last(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("#toasts")).to_contain_text("Marked done")
    held = hold(page, "**/archival")
    for key in ("e", "e", "z"):
        page.keyboard.press(key)
    while len(held) < 2:
        page.wait_for_timeout(10)
    # Its answer comes first, although it was done last.
    for route in reversed(held):
        with page.expect_response(route.request.url):
            route.continue_()
    expect(page.locator("#toasts")).to_contain_text("Undone")
    assert [stored(one).is_done for one in five] == [True, True, False, False, False]
    page.unroute("**/archival")
    for key in ("z", "z"):
        page.keyboard.press(key)
    expect(page.locator(".row")).to_have_count(5)
    assert not any(stored(one).is_done for one in five)


def test_z_takes_back_nothing_older_when_what_it_waited_for_fails(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("#toasts")).to_contain_text("Marked done")
    held = hold(page, "**/archival")
    page.keyboard.press("e")
    page.keyboard.press("z")
    while not held:
        page.wait_for_timeout(10)
    held[0].fulfill(status=502)
    expect(row(page, "Number 1")).to_have_attribute("data-failed", "")
    expect(page.locator("#toasts")).to_contain_text("Not saved")
    assert stored(five[0]).is_done
    page.watch.forgive("status of 502")


def test_the_banner_writes_the_time_as_its_reader_does(open_inbox: Open, alice: User) -> None:
    alice.time_zone = "Asia/Kolkata"
    db.session.commit()
    page = open_inbox(timezone_id="America/New_York", locale="en-US")
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    said = page.locator("#offline time").text_content()
    now = utc_now().astimezone(ZoneInfo("Asia/Kolkata"))
    assert said in {f"{now - timedelta(minutes=n):%H:%M}" for n in range(3)}


def test_everything_works_with_scripts_off(open_inbox: Open, alice: User, five: list[Notification]) -> None:
    factories.notification(
        alice, "A new job", notification_type="job_created", created_at=utc_now() - timedelta(hours=1)
    )
    page = open_inbox(java_script_enabled=False)
    page.get_by_role("link", name="Number 4").click()
    page.get_by_role("button", name="Mark read").click()
    expect(page.get_by_role("button", name="Mark unread")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    expect(page.locator("#toasts")).to_contain_text("Marked done")
    assert "Number 4" not in shown(page)
    page.get_by_role("button", name="Undo").click()
    assert "Number 4" in shown(page)
    page.get_by_role("checkbox", name="Select: Number 0").check()
    page.get_by_role("checkbox", name="Select: Number 1").check()
    page.get_by_role("form", name="Selected notifications").get_by_role("button", name="Done").click()
    assert shown(page) == ["Number 2", "Number 3", "Number 4", "A new job"]
    page.get_by_role("checkbox", name="Jobs").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".row")).to_have_count(1)
    assert shown(page) == ["A new job"]
    page.get_by_role("button", name="Mark all read").first.click()
    expect(page).to_have_title(re.compile(r"2 unread"))
    assert not stored(five[3]).is_read


def test_later_takes_a_row_away_and_it_returns_by_itself_on_top(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("l")
    expect(row(page, "Number 1")).to_have_count(0)
    assert focused(page) == "Number 2"
    expect(page.locator("#toasts")).to_contain_text("Back tomorrow at 09:00")
    expect(page.locator("#waiting-count")).to_have_text("1 waiting")
    page.keyboard.press("z")
    expect(row(page, "Number 1")).to_have_count(1)
    listed = re.compile(rf"\b{five[1].id}\b")
    expect(page.locator("#live")).to_have_attribute("data-rows", listed)
    row(page, "Number 1").get_by_role("link").focus()
    page.keyboard.press("l")
    expect(page.locator("#waiting-count")).to_have_text("1 waiting")
    until(lambda: stored(five[1]).snoozed_until is not None)
    expect(page.locator("#live")).not_to_have_attribute("data-rows", listed)
    # Tomorrow has come.
    now = utc_now()
    five[1].snoozed_until = five[1].surfaced_at = now
    db.session.commit()
    surfacing.wake_due(now)
    pill = page.get_by_role("link", name="1 new")
    expect(pill).to_be_visible(timeout=3000)
    pill.click()
    expect(page.get_by_role("link", name="Number 1")).to_be_focused()
    assert shown(page)[0] == "Number 1"
    expect(row(page, "Number 1")).to_have_attribute("data-unread", "")


def test_the_menu_of_a_row_puts_off_that_row_and_saves_it(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    page.keyboard.press("Alt+l")
    menu = page.locator("#later")
    expect(menu.get_by_role("button", name="In an hour")).to_be_focused()
    menu.get_by_role("button", name="Save").click()
    expect(menu).to_be_hidden()
    expect(row(page, "Number 0")).to_have_attribute("data-saved", "")
    assert focused(page) == "Number 0"
    row(page, "Number 3").hover()
    page.get_by_role("button", name="More: Number 3").click()
    menu.get_by_role("button", name="Next week").click()
    expect(row(page, "Number 3")).to_have_count(0)
    expect(page.locator(".row")).to_have_count(4)
    assert stored(five[0]).snoozed_until is None
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url("**/notifications?place=later")
    assert shown(page) == ["Number 3"]
    page.keyboard.press("j")
    page.keyboard.press("l")
    expect(page.locator(".row")).to_have_count(0)
    until(lambda: stored(five[3]).snoozed_until is None)


def test_the_pane_puts_off_until_a_date_and_goes_on_with_the_next(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox(f"/notifications?open={five[1].id}")
    page.get_by_role("button", name="Later: choose a time").click()
    page.locator("#pane").get_by_label("Pick a date").fill(
        (utc_now() + timedelta(days=9)).strftime("%Y-%m-%dT14:30")
    )
    page.locator("#pane").get_by_role("button", name="Set").click()
    expect(page.locator("#pane").get_by_role("heading", name="Number 2")).to_be_visible()
    expect(row(page, "Number 1")).to_have_count(0)
    until(lambda: stored(five[1]).snoozed_until is not None)
    page.locator("#pane").get_by_role("button", name="Save").click()
    expect(page.locator("#pane").get_by_role("button", name="Unsave")).to_be_visible()
    expect(row(page, "Number 2")).to_have_attribute("data-saved", "")


def test_later_works_with_scripts_off(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(java_script_enabled=False)
    row(page, "Number 0").hover()
    # What it opens could not know of which row.
    expect(page.locator(".act--menu").first).to_be_hidden()
    page.get_by_role("button", name="Later: Number 0").click()
    expect(page.locator("#toasts")).to_contain_text("Back tomorrow at 09:00")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("checkbox", name="Select: Number 1").check()
    page.get_by_role("checkbox", name="Select: Number 2").check()
    page.get_by_role("button", name="Later at a time, save").click()
    page.locator("#later").get_by_role("button", name="In an hour").click()
    expect(page.locator(".row")).to_have_count(3)
    assert shown(page) == ["Number 0", "Number 3", "Number 4"]
    page.get_by_role("link", name="Number 3").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Unsave")).to_be_visible()
    page.get_by_role("button", name="Later: choose a time").click()
    page.get_by_role("button", name="Next week").click()
    expect(page.locator(".row")).to_have_count(2)
    assert shown(page) == ["Number 0", "Number 4"]


def test_a_key_pressed_again_before_the_answer_takes_back(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    held = hold(page, "**/reading")
    page.keyboard.press("j")
    page.keyboard.press("u")
    page.keyboard.press("u")
    expect(row(page, "Number 0")).not_to_have_attribute("data-unread", "")
    for n in range(2):
        while len(held) <= n:
            page.wait_for_timeout(10)
        with page.expect_response(held[n].request.url):
            held[n].continue_()
    expect(row(page, "Number 0")).to_have_attribute("data-unread", "")
    assert not stored(five[0]).is_read


def test_rows_ticked_while_the_first_are_under_way_are_done_too(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    held = hold(page, "**/changes")
    page.keyboard.press("j")
    for _ in range(3):
        page.keyboard.press("x")
        page.keyboard.press("e")
    expect(page.locator("#list .row:not([aria-busy])")).to_have_count(2)
    while not held:
        page.wait_for_timeout(10)
    held[0].continue_()
    expect(page.locator(".row")).to_have_count(2)
    assert shown(page) == ["Number 3", "Number 4"]
    until(lambda: [stored(one).is_done for one in five] == [True, True, True, False, False])


def test_enter_in_a_check_box_changes_nothing(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(java_script_enabled=False)
    page.get_by_role("checkbox", name="Select: Number 1").check()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Choose a date.")).to_be_visible()
    assert not any(stored(one).is_read or one.snoozed_until for one in five)
    page.watch.forgive("422")


def test_enter_in_the_date_of_the_menu_means_that_date(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.get_by_role("checkbox", name="Select: Number 1").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Alt+l")
    day = (utc_now() + timedelta(days=9)).strftime("%Y-%m-%dT14:30")
    page.locator("#later").get_by_label("Pick a date").fill(day)
    page.keyboard.press("Enter")
    expect(row(page, "Number 1")).to_have_count(0)
    assert f"{stored(five[1]).snoozed_until:%Y-%m-%dT%H:%M}" == day
    assert not any(stored(one).is_read or one.snoozed_until for one in five if one is not five[1])


def test_single_keys_that_are_switched_off_put_nothing_off(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    alice.preference.single_key_shortcuts = False
    db.session.commit()
    page = open_inbox()
    row(page, "Number 0").get_by_role("link").focus()
    page.keyboard.press("l")
    page.keyboard.press("Alt+l")
    expect(page.locator("#later")).to_be_visible()
    assert stored(five[0]).snoozed_until is None


def test_keys_mean_the_same_with_caps_lock(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    # Written in capitals without Shift, as Caps Lock does it; with Shift, in small letters.
    page.keyboard.press("J")
    page.keyboard.press("X")
    page.keyboard.press("J")
    page.keyboard.press("J")
    page.keyboard.press("Shift+x")
    expect(page.locator("#list .tile :checked")).to_have_count(3)
    page.keyboard.press("E")
    expect(page.locator(".row")).to_have_count(2)
    page.keyboard.press("Z")
    expect(page.locator(".row")).to_have_count(5)


def test_escape_closes_the_menu_from_its_date_and_gives_the_focus_back(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    page.keyboard.press("Alt+l")
    page.locator("#later").get_by_label("Pick a date").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#later")).to_be_hidden()
    assert focused(page) == "Number 0"


def test_arrows_move_from_nowhere_to_the_first_row_in_sight(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    for n in range(50):
        factories.notification(alice, f"Row {n:02}", created_at=now - timedelta(seconds=n))
    page = open_inbox()
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Row 00"
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Row 01"
    page.evaluate("document.activeElement.blur()")
    page.locator("#list").evaluate("list => list.scrollTo(0, 1000)")
    page.keyboard.press("ArrowDown")
    assert 5 < int(focused(page).removeprefix("Row ")) < 40
    expect(page.locator(".row:focus-within")).to_be_in_viewport(ratio=1)


def test_what_is_selected_no_more_is_said(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator("#say")).to_have_text("2 selected.")
    page.keyboard.press("Escape")
    expect(page.locator("#say")).to_have_text("0 selected.")


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    return SIZES[request.param]


def test_axe_finds_nothing_in_any_state(
    open_inbox: Open, alice: User, theme: str, size: dict[str, Any]
) -> None:
    page = open_inbox(color_scheme=theme, **size)
    assert axe(page) == []
    meeting = factories.interview(alice, location="Room Birch", meeting_url="https://meet.example.com/iv")
    now = utc_now()
    for n, kind in enumerate(KINDS):
        opened = factories.notification(
            alice,
            f"News {n}",
            notification_type=kind,
            interview_id=meeting.id,
            created_at=now - timedelta(days=n // 2),
            priority=["urgent", "high", "low"][n % 3],
            read_at=now if n % 2 else None,
            data={"source": "https://jobs.example.com/1"},
        )
    factories.delivery(opened, state="sent", reason="sent", sent_at=now)
    page.goto("/notifications")
    assert axe(page) == []
    page.locator(".tile").nth(1).click()
    assert axe(page) == []
    page.get_by_role("button", name="Later at a time, save").click()
    expect(page.locator("#later").get_by_role("button", name="Next week")).to_be_in_viewport(ratio=1)
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("form", name="Selected notifications").get_by_role("button", name="Done").click()
    expect(page.locator(".toast")).to_be_visible()
    assert axe(page) == []
    page.goto(f"/notifications?open={opened.id}")
    expect(page.get_by_role("heading", name="News 5").last).to_be_visible()
    assert axe(page) == []
    page.goto("/notifications?category=job&q=nothing")
    page.get_by_role("button", name="More").last.click()
    assert axe(page) == []
    page.goto("/notifications/999999")
    assert axe(page) == []
    page.watch.forgive("404")


def test_nothing_moves_after_the_page_has_loaded(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    shift = page.evaluate(
        """() => new Promise(done => { let sum = 0;
            const add = list => list.getEntries().forEach(entry => { sum += entry.value; });
            new PerformanceObserver(add).observe({type: 'layout-shift', buffered: true});
            setTimeout(() => done(sum), 300); })"""
    )
    assert shift == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1920])
def test_long_words_never_make_the_page_wider_than_the_screen(
    open_inbox: Open, alice: User, width: int
) -> None:
    opened = factories.notification(
        alice, "W" * 250, message="x" * 3000, data={"k" * 80: "v" * 400}, priority="urgent"
    )
    for path in ("/notifications", f"/notifications/{opened.id}", f"/notifications?open={opened.id}"):
        page = open_inbox(path, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(
            "document.querySelector('#main').scrollWidth <= document.querySelector('#main').clientWidth"
        )
