"""Bellhop on a phone: swipes, a bar at the bottom, and the installed app."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from app.models import Notification, User
from tests.browser.conftest import Open
from tests.browser.inbox import SIZES, reloaded, row, wait_until
from tests.support import factories
from tests.support.browser import axe

PHONE = SIZES["phone"]


def swipe(page: Page, title: str, by: int) -> None:
    box = row(page, title).bounding_box()
    assert box is not None
    x, y = 195, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 6):
        point = {"x": x + by * step / 5, "y": y}
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_swiping_a_row_marks_it_done_or_snoozes_it(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(**PHONE)
    swipe(page, "Number 1", 140)
    expect(row(page, "Number 1")).to_have_count(0)
    wait_until(lambda: reloaded(five[1]).is_done)
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "Number 1")).to_have_count(1)
    swipe(page, "Number 2", -140)
    expect(row(page, "Number 2")).to_have_count(0)
    expect(page.locator("#toasts")).to_contain_text("Back tomorrow at 09:00")
    swipe(page, "Number 3", 50)
    expect(page.locator("[data-swipe]")).to_have_count(0)
    expect(row(page, "Number 3")).to_have_count(1)
    assert page.url.endswith("/notifications"), "a swipe that is taken back opens nothing"
    assert not reloaded(five[3]).is_done


def test_the_priority_is_beside_the_title(open_inbox: Open, alice: User) -> None:
    factories.notification(alice, "Interview Scheduled for Priya Raman", priority="high")
    page = open_inbox(width=390, has_touch=True)
    title, tag = (page.locator(each).bounding_box() for each in (".row__title", ".row .tag"))
    assert title
    assert tag
    assert tag["y"] < title["y"] + 20 < title["y"] + title["height"], "the title has two lines"


def test_a_tap_on_a_dimmed_button_does_not_open_its_row(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(**PHONE)
    page.evaluate("document.body.dataset.offline = ''")
    box = row(page, "Number 1").get_by_role("button", name="Mark done: Number 1").bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)
    assert page.url.endswith("/notifications")


def test_the_actions_on_a_notification_are_one_line_at_the_bottom(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox(f"/notifications/{five[0].id}", **PHONE)
    bar = page.get_by_role("form", name="This notification")
    boxes = [button.bounding_box() for button in bar.get_by_role("button").all()]
    assert len({round(box["y"]) for box in boxes if box}) == 1
    assert all(box and box["y"] > 600 and box["height"] >= 44 for box in boxes)
    expect(page.locator(".nav--mail [aria-current]")).to_have_text("Inbox4 unread")
    assert axe(page) == []
    bar.get_by_role("button", name="Done").tap()
    page.wait_for_url("**/notifications")
    assert reloaded(five[0]).is_done


def test_the_bar_of_selected_rows_says_how_many_there_are(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(**PHONE)
    for title in ("Number 0", "Number 3"):
        page.get_by_role("checkbox", name=f"Select: {title}").check()
    bar = page.get_by_role("form", name="Selected notifications")
    expect(bar.locator(".bulk__n")).to_be_visible()
    assert bar.locator(".bulk__n").evaluate("e => getComputedStyle(e, '::before').content") == '"2 "'
    expect(bar.get_by_text("selected", exact=True)).to_be_visible()
    names = ("Done", "Snooze", "Read", "More actions")
    tops = [bar.get_by_role("button", name=name, exact=True).bounding_box() for name in names]
    assert all(box and abs(box["y"] - 784) < 3 for box in tops)
    assert axe(page) == []


@pytest.mark.parametrize("path", ["/preferences", "/account", "/notifications?place=saved"])
def test_a_tab_is_current_on_every_page(open_inbox: Open, five: list[Notification], path: str) -> None:
    page = open_inbox(path, **PHONE)
    expect(page.locator(".nav--mail [aria-current]")).to_have_text("More")


def test_no_key_caps_are_shown_on_a_touch_screen(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(f"/notifications/{five[0].id}", width=820, height=1180, has_touch=True, is_mobile=True)
    expect(page.locator("kbd:visible")).to_have_count(0)


def test_the_app_can_be_installed(open_inbox: Open, alice: User) -> None:
    page = open_inbox()
    session = page.context.new_cdp_session(page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # The tests' browser keeps nothing, and such a browser installs nothing.
    assert [error["errorId"] for error in errors if error["errorId"] != "in-incognito"] == []


def test_the_icon_of_the_app_shows_the_unread_number(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.add_init_script(
        "window.badges = []; navigator.setAppBadge = async n => badges.push(n);"
        " navigator.clearAppBadge = async () => badges.push(0);"
    )
    page.reload()
    assert page.evaluate("window.badges") == [5]
    page.get_by_role("button", name="Mark all read").first.click()
    page.wait_for_function("() => window.badges.at(-1) === 0")


def test_an_iphone_is_told_to_add_the_page_to_the_home_screen(open_inbox: Open, alice: User) -> None:
    page = open_inbox()
    page.goto("/account/devices")
    expect(page.locator("#push-install")).to_be_hidden()
    page.add_init_script("Object.defineProperty(navigator, 'standalone', { value: false })")
    page.reload()
    expect(page.locator("#push-install")).to_contain_text("Add to Home Screen")
