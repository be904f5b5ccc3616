"""Changes while a page is open: new rows, other tabs, an unreachable server."""

from __future__ import annotations

import time
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from playwright.sync_api import Route, expect

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.notifications import actions, saved_views
from app.services.notifications.saved_views import SavedFilter
from tests.browser.conftest import Open
from tests.browser.inbox import held_request, hold_requests, row, visible_titles, wait_for_count
from tests.support import factories
from tests.support.browser import axe


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
    assert visible_titles(page)[0] == "Just now"


def test_an_empty_inbox_says_that_there_are_new_notifications(open_inbox: Open, alice: User) -> None:
    page = open_inbox()
    calm = page.get_by_role("heading", name="You're all caught up")
    expect(calm).to_be_visible()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    factories.notification(alice, "The first")
    expect(page.get_by_role("heading", name="New notifications")).to_be_visible()
    expect(calm).to_be_hidden()
    assert axe(page) == []
    page.get_by_role("link", name="1 new").click()
    expect(page.get_by_role("link", name="The first")).to_be_focused()


def test_new_rows_wait_behind_the_pill(open_inbox: Open, alice: User, five: list[Notification]) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    page.keyboard.press("j")
    factories.notification(alice, "Waits")
    pill = page.get_by_role("link", name="1 new")
    expect(pill).to_be_visible()
    expect(page).to_have_title("Inbox (6 unread) · Bellhop")
    assert "Waits" not in visible_titles(page)
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
    expect(pill).to_be_visible()
    fail = {"no answer": lambda route: route.abort(), "an error": lambda route: route.fulfill(status=500)}
    page.route("**/notifications", fail[fault])
    pill.click()
    expect(page.locator("#toasts")).to_contain_text("Couldn't load")
    expect(pill).to_be_visible()
    expect(pill).to_be_focused()
    page.unroute("**/notifications")
    page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name="Waits")).to_be_focused()
    expect(pill).to_be_hidden()
    page.watch.forgive("ERR_FAILED" if fault == "no answer" else "status of 500")
    if fault == "no answer":
        page.watch.forgive("Failed to fetch")


def test_losing_and_regaining_the_server_is_noticed(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    page = open_inbox("/account")
    tries: list[str] = []

    def end(route: Route) -> None:
        """Open once, then fail every two seconds, as if the server were down."""
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
        wait_for_count(page, tries, n + 3)
        page.clock.run_for(2000)
    expect(page.locator("#offline")).to_be_visible()
    actions.change(alice, "read", ids=[five[0].id])
    page.unroute("**/notifications/pulse*")
    page.clock.run_for(15_000)
    expect(page.locator("#offline")).to_be_hidden()
    expect(row(page, "Number 0")).not_to_have_attribute("data-unread", "")
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("Failed to fetch")


def test_polling_continues_after_a_failed_request(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    page.evaluate("""() => { const { ajax } = htmx;
        htmx.ajax = () => Promise.reject(new Error("not this time"));
        document.dispatchEvent(new Event("visibilitychange"));
        htmx.ajax = ajax; }""")
    factories.notification(alice, "Later")
    expect(page.get_by_role("link", name="1 new")).to_be_visible()
    page.watch.forgive("not this time")


def test_the_list_is_dimmed_until_a_slow_filter_responds(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    page = open_inbox()
    held = hold_requests(page, "**/notifications?category=job")
    expect(page.locator("#live[data-rows]")).to_be_attached()
    page.get_by_role("checkbox", name="Jobs").check()
    listed = page.locator("#list")
    expect(listed).to_have_attribute("aria-busy", "true")
    with page.expect_response("**/pulse*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(400)
    expect(listed).to_have_attribute("aria-busy", "true")
    expect(listed).to_have_css("opacity", "0.6")
    held_request(page, held).continue_()
    expect(page.get_by_role("heading", name="No results")).to_be_visible()
    expect(listed).not_to_have_attribute("aria-busy", "true")


def test_changes_in_one_tab_show_in_another(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    other = page.context.new_page()
    other.goto("/account")
    expect(other.locator("#unread-count")).to_have_text("5 unread")
    title = other.title()
    page.bring_to_front()
    row(page, "Number 0").hover()
    page.get_by_role("button", name="Mark read: Number 0").click()
    expect(other.locator("#unread-count")).to_have_text("4 unread")
    assert other.title() == title


def test_the_page_of_views_stays_the_current_one_when_views_change_elsewhere(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    saved_views.create(alice, "Mail", SavedFilter())
    page = open_inbox()
    page.goto("/notifications/views")
    links, edit = (
        page.locator("#views .nav__link"),
        page.locator("#views").get_by_role("link", name="Edit views"),
    )
    expect(edit).to_have_attribute("aria-current", "page")
    saved_views.create(alice, "Urgent", SavedFilter(priority=("urgent",)))
    factories.notification(alice, "Now", priority="urgent")
    expect(links).to_have_text(["Mail6 unread", "Urgent1 unread", "Edit views"])
    expect(edit).to_have_attribute("aria-current", "page")


def test_an_opened_part_of_the_agenda_stays_open_when_the_list_changes(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    for _ in range(4):
        factories.interview(alice, starts_at=utc_now().replace(hour=12) + timedelta(days=1))
    page = open_inbox()
    part = page.locator(".agenda__more")
    part.get_by_text("1 more").click()
    page.get_by_role("button", name="Mark all read").click()
    expect(page.locator(".row[data-unread]")).to_have_count(0)
    expect(part).to_have_attribute("open", "")
    page.locator("#q").fill("Number 1")
    expect(part).to_have_count(0)
    page.locator("#q").fill("")
    expect(part).to_have_attribute("open", "")


def test_without_streams_the_page_polls(app: Flask, open_inbox: Open, alice: User) -> None:
    from app.services.notifications.stream import Broadcaster

    app.extensions["broadcaster"] = Broadcaster(app, max_streams=0)
    page = open_inbox()
    factories.notification(alice, "By asking")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("link", name="1 new")).to_be_visible()


def test_the_offline_banner_shows_the_time_in_the_format_of_the_reader(open_inbox: Open, alice: User) -> None:
    alice.time_zone = "Asia/Kolkata"
    db.session.commit()
    page = open_inbox(timezone_id="America/New_York", locale="en-US")
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    said = page.locator("#offline time").text_content()
    now = utc_now().astimezone(ZoneInfo("Asia/Kolkata"))
    assert said in {f"{now - timedelta(minutes=n):%H:%M}" for n in range(3)}
