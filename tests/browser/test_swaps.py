"""A response that replaces a part of a page keeps what only the page knows."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, Route, expect

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services.accounts import webhooks
from app.services.deliveries import webhook_calls
from app.services.notifications import actions, saved_views
from app.services.notifications.saved_views import SavedFilter
from app.services.subscriptions import management
from tests.browser.conftest import Open
from tests.browser.inbox import SIZES, press, row, visible_titles, wait_for_count
from tests.support import factories
from tests.support.browser import sign_in_browser

INTERVIEWS = SavedFilter(category=("interview",))


@pytest.fixture
def open_admin(
    page_factory: Open, live_server: str, sign_in: Callable[[User], FlaskClient], bob: User
) -> Open:
    """Open a page in Bob's signed-in browser."""

    def opened(path: str) -> Page:
        page = page_factory(live_server)
        sign_in_browser(page, sign_in(bob), live_server)
        page.goto(path)
        return page

    return opened


def current(page: Page) -> list[str]:
    """Return the entries of the navigation that are marked as current."""
    return [
        text.split("\n")[0].strip() for text in page.locator(".side [aria-current]:visible").all_inner_texts()
    ]


def refresh(page: Page) -> None:
    """Compare the page with the server now, as on every change elsewhere."""
    with page.expect_response("**/pulse*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(100)


def wait_for_poll(page: Page, path: str) -> None:
    """Wait until the page has asked for itself again, and shows the response."""
    with page.expect_response(lambda response: response.url.endswith(path)):
        pass
    page.wait_for_timeout(100)


def test_a_typed_url_and_a_new_secret_stay_while_a_webhook_is_tested(
    app: Flask, open_inbox: Open, alice: User
) -> None:
    hook, _ = webhooks.create(alice, "https://example.org/hook", secret=app.config["SECRET_KEY"])
    webhook_calls.send_test(alice, hook.id)
    page = open_inbox("/account/devices")
    url = page.locator("#webhooks").get_by_label("URL")
    url.fill("https://example.com/hook")
    wait_for_poll(page, "/account/devices")
    expect(url).to_be_focused()
    expect(url).to_have_value("https://example.com/hook")
    page.get_by_role("button", name="Add webhook").click()
    expect(page.locator("#new-secret")).to_be_visible()
    wait_for_poll(page, "/account/devices")
    expect(page.locator("#new-secret")).to_be_visible()


def test_the_settings_of_a_subscription_stay_open_while_another_is_tested(
    app: Flask, open_admin: Open, bob: User
) -> None:
    for name in ("one", "two"):
        url, secret = f"https://example.org/{name}", app.config["SECRET_KEY"]
        hook, _ = management.create(url=url, types=["notification.created"], actor=bob, secret=secret)
    management.send_test(hook.id)
    page = open_admin("/admin/subscriptions")
    entry = page.locator("#subscriptions > ul > li").first
    entry.locator("summary", has_text="Settings").click()
    entry.get_by_label("URL").fill("https://example.org/changed")
    wait_for_poll(page, "/admin/subscriptions")
    expect(entry.get_by_label("URL")).to_be_focused()
    expect(entry.get_by_label("URL")).to_have_value("https://example.org/changed")


def test_an_open_delivery_is_polled_until_it_is_sent(open_admin: Open, alice: User) -> None:
    delivery = factories.delivery(factories.notification(alice), reason="queued", due_at=utc_now())
    page = open_admin("/admin/deliveries")
    page.locator(f"#toggle-{delivery.id}").click()
    entry = page.locator(f"#delivery-{delivery.id}")
    expect(entry).to_contain_text("No attempts")
    path = f"/admin/deliveries/{delivery.id}"
    wait_for_poll(page, path)
    wait_for_poll(page, path)
    db.session.get_one(Delivery, delivery.id).state = "sent"
    db.session.commit()
    wait_for_poll(page, path)
    expect(entry.locator(".tag")).to_have_text("Sent")
    expect(entry).not_to_have_attribute("hx-trigger", "every 2s")


def test_one_place_or_view_is_current_while_a_list_is_filtered(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    saved_views.create(alice, "Talks", INTERVIEWS)
    page = open_inbox()
    chip = page.get_by_role("checkbox", name="Interviews")
    chip.check()
    expect(page.get_by_role("heading", level=1)).to_have_text("Talks")
    assert current(page) == ["Talks"]
    chip.uncheck()
    expect(page.get_by_role("heading", level=1)).to_have_text("Inbox")
    assert current(page) == ["Inbox"]


def test_on_a_phone_the_tab_that_leads_to_the_list_is_current(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox(**SIZES["phone"])
    tab = page.locator(".nav--mail [aria-current]:visible")
    expect(tab).to_have_text("Inbox5 unread")
    page.get_by_role("link", name="Search").first.click()
    page.keyboard.type("number")
    expect(page).to_have_title("5 results for “number” · Bellhop")
    expect(tab).to_have_text("More")
    page.get_by_label("Search notifications").fill("")
    expect(page).to_have_title("Inbox (5 unread) · Bellhop")
    expect(tab).to_have_text("Inbox5 unread")


def test_a_stack_that_expands_leaves_the_view_as_it_is(open_inbox: Open, alice: User) -> None:
    factories.stack(alice, ("", "key-1", "key-1"))
    saved_views.create(alice, "Talks", INTERVIEWS)
    page = open_inbox("/notifications?category=interview")
    title = page.title()
    page.locator("[data-stack]").click()
    expect(page.locator(".row--member")).to_have_count(2)
    refresh(page)
    assert (page.title(), current(page)) == (title, ["Talks"])
    expect(page.locator("#view-acts")).to_be_empty()
    page.reload()
    assert (page.title(), current(page)) == (title, ["Talks"])


def test_the_page_of_a_notification_keeps_its_place_or_view(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    saved_views.create(alice, "Talks", INTERVIEWS)
    saved_views.create(alice, "Mail", SavedFilter())
    page = open_inbox()
    for path, names in (
        (f"/notifications/{five[0].id}?category=interview", ["Talks"]),
        (f"/notifications/{five[0].id}?place=done", ["Done"]),
        (f"/notifications/{five[0].id}?q=number", ["All"]),
        (f"/notifications/{five[0].id}", ["Mail"]),
        ("/account", ["Account"]),
    ):
        page.goto(path)
        assert current(page) == names
        refresh(page)
        assert current(page) == names


def test_a_search_that_leaves_its_place_offers_the_actions_of_what_it_finds(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    actions.change(alice, "done", ids=[five[4].id])
    page = open_inbox("/notifications?place=done")
    search = page.get_by_label("Search notifications")
    search.fill("number")
    expect(page.locator(".row")).to_have_count(5)
    page.locator(".row input").first.check(force=True)
    expect(page.locator("[data-bulk=done]")).to_have_text("Done E")
    expect(page.locator("[data-bulk=menu]")).to_be_visible()
    # Of everything, a row stays when it is done.
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/changes", hold)
    page.locator("[data-bulk=done]").click()
    wait_for_count(page, held, 1)
    expect(page.locator(".row:not([aria-busy])")).to_have_count(5)
    search.fill("")
    expect(page.locator(".row")).to_have_count(1)
    page.locator(".row input").first.check(force=True)
    expect(page.locator("[data-bulk=done]")).to_have_text("To inbox E")


def test_two_hundred_rows_stay_when_the_page_is_compared_with_the_server(
    open_inbox: Open, alice: User
) -> None:
    now = utc_now()
    for n in range(230):
        factories.notification(alice, f"Row {n}", created_at=now - timedelta(minutes=n))
    page = open_inbox()
    for number in (100, 150, 200):
        page.get_by_role("link", name="Older").click()
        expect(page.locator(".row")).to_have_count(number)
    refresh(page)
    expect(page.locator(".row")).to_have_count(200)
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".row")).to_have_count(30)
    titles = visible_titles(page)
    assert titles == [f"Row {n}" for n in range(200, 230)]
    press(page, "j", "e")
    expect(page.locator(".row")).to_have_count(29)
    refresh(page)
    press(page, "j", "u")
    expect(page.locator(".row[data-unread]")).to_have_count(28)
    press(page, "z", "z")
    expect(page.locator(".row[data-unread]")).to_have_count(30)
    refresh(page)
    assert visible_titles(page) == titles
    expect(page.get_by_role("link", name="Newer")).to_be_visible()


def test_a_done_notification_that_is_back_can_be_snoozed_in_the_pane(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    actions.change(alice, "done", ids=[five[0].id])
    page = open_inbox("/notifications?place=all")
    row(page, "Number 0").get_by_role("link", name="Number 0").click()
    pane = page.locator("#pane")
    pane.get_by_role("button", name="To inbox").click()
    pane.get_by_role("button", name="Snooze").first.click()
    expect(page.locator(f"#later-{five[0].id}")).to_be_visible()


def test_the_pane_says_when_its_notification_returns_only_while_it_is_snoozed(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    actions.change(alice, "snooze", ids=[five[0].id], until=utc_now() + timedelta(days=1))
    page = open_inbox(f"/notifications?q=number&open={five[0].id}")
    pane = page.locator("#pane")
    expect(pane.locator(".pane__meta")).to_contain_text("Back tomorrow")
    pane.get_by_role("button", name="To inbox").click()
    expect(pane.get_by_role("button", name="Snooze").first).to_be_visible()
    expect(pane.locator(".pane__meta")).not_to_contain_text("Back")
    press(page, "z")
    expect(pane.locator(".pane__meta")).to_contain_text("Back tomorrow")


def test_a_refresh_that_fails_leaves_the_undo_alone(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    press(page, "j", "e")
    expect(page.locator("#toasts")).to_contain_text("Marked done")
    page.route(
        "**/pulse*",
        lambda route: route.fulfill(
            status=503,
            body='<div id="toasts" hx-swap-oob="innerHTML"><p class="toast toast--error">Busy</p></div>',
        ),
    )
    refresh(page)
    page.watch.forgive("status of 503")
    expect(page.locator("#toasts")).to_contain_text("Marked done")
    press(page, "z")
    expect(page.locator(".row")).to_have_count(5)


def test_a_row_whose_action_failed_stays_marked_when_the_list_changes(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    page = open_inbox()
    page.route("**/archival", lambda route: route.abort())
    press(page, "j", "e")
    expect(page.locator("[data-failed]")).to_have_count(1)
    actions.change(alice, "read", ids=[five[3].id])
    refresh(page)
    expect(page.locator(".row[data-unread]")).to_have_count(4)
    expect(page.locator("[data-failed]")).to_have_count(1)
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("Failed to fetch")


def test_the_focus_stays_on_the_page_when_an_undo_replaces_its_button(open_inbox: Open, alice: User) -> None:
    page = open_inbox("/preferences")
    page.get_by_role("switch").first.click()
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Undone")
    expect(page.locator("#main")).to_be_focused()


def test_the_preferences_show_the_theme_that_was_chosen_in_the_palette(open_inbox: Open, alice: User) -> None:
    page = open_inbox("/preferences")
    press(page, "Control+k")
    page.get_by_role("combobox", name="Search or go to").fill("dark")
    with page.expect_response("**/palette/theme"):
        press(page, "Enter")
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()


def test_the_toast_of_a_failed_action_stays_when_the_next_row_fails_to_load(
    open_inbox: Open, five: list[Notification]
) -> None:
    page, is_away = open_inbox(), False
    requests = re.compile(r"/notifications/\d+(/archival)?(\?|$)")
    page.route(requests, lambda route: route.abort() if is_away else route.continue_())
    # The next request of a page that was open before may still slip past.
    page.reload()
    press(page, "j", "Enter")
    expect(page.locator("#pane .pane__title")).to_have_text("Number 0")
    is_away = True
    press(page, "e")
    expect(page.locator("#pane")).to_be_hidden()
    expect(page.locator("#toasts")).to_contain_text("Couldn't save")
    is_away = False
    page.locator("#toasts").get_by_role("button", name="Try again").click()
    expect(row(page, "Number 0")).to_have_count(0)
    expect(page.locator("#pane .pane__title")).to_have_text("Number 1")
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("Failed to fetch")


def test_a_name_that_is_cut_off_shows_its_beginning_in_either_direction(
    open_inbox: Open, alice: User
) -> None:
    for name in ("Interviews " * 5, "מועמדים " * 7):
        saved_views.create(alice, name.strip(), INTERVIEWS)
    page = open_inbox()
    for n in (0, 1):
        gap = (
            page.locator(".nav__name")
            .nth(n)
            .evaluate(
                """box => {
              const range = document.createRange();
              range.setStart(box.firstChild, 0);
              range.setEnd(box.firstChild, 1);
              const first = range.getBoundingClientRect(), all = box.getBoundingClientRect();
              return Math.min(first.left - all.left, all.right - first.right);
            }"""
            )
        )
        assert gap > -1, "the first letter is cut off"


def test_an_object_that_was_deleted_meanwhile_is_not_asked_for_again(open_admin: Open, alice: User) -> None:
    delivery = factories.delivery(factories.notification(alice), reason="queued", due_at=utc_now())
    page = open_admin("/admin/deliveries")
    page.locator(f"#toggle-{delivery.id}").click()
    path = f"/admin/deliveries/{delivery.id}"
    wait_for_poll(page, path)
    db.session.delete(db.session.get_one(Delivery, delivery.id))
    db.session.commit()
    wait_for_poll(page, path)
    expect(page.locator("#toasts")).to_contain_text("Delivery not found")
    asked: list[str] = []
    page.on("request", lambda request: request.url.endswith(path) and asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []
    expect(page.locator(f"#delivery-{delivery.id}")).to_be_visible()
    page.watch.forgive("status of 404")


def test_the_open_notification_gets_the_actions_of_the_place_that_a_search_leads_to(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    actions.change(alice, "done", ids=[five[0].id])
    page = open_inbox(f"/notifications?place=done&open={five[0].id}")
    action = page.locator("#pane [data-pane=done]")
    expect(action).to_have_attribute("data-leaves", "")
    search = page.get_by_label("Search notifications")
    search.fill("number")
    expect(page.locator(".row")).to_have_count(5)
    expect(action).not_to_have_attribute("data-leaves", "")
    search.fill("numb")
    expect(page).to_have_title("5 results for “numb” · Bellhop")
    search.fill("")
    expect(page).to_have_title("Done · Bellhop")
    expect(action).to_have_attribute("data-leaves", "")


def test_all_can_be_marked_read_after_a_search_that_leaves_a_place_where_nothing_is_unread(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    actions.change(alice, "done", ids=[five[4].id])
    page = open_inbox("/notifications?place=done")
    button = page.get_by_role("button", name="Mark all read")
    expect(button).to_be_hidden()
    page.get_by_label("Search notifications").fill("number")
    expect(page.locator(".row")).to_have_count(5)
    expect(button).to_be_visible()
    page.get_by_label("Search notifications").fill("")
    expect(page.locator(".row")).to_have_count(1)
    expect(button).to_be_hidden()
