"""The inbox in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import expect

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.sending import scheduled
from tests.browser.conftest import Open
from tests.browser.inbox import SIZES, TYPES, focused_title, press, reloaded, row, visible_titles, wait_until
from tests.support import factories
from tests.support.browser import axe, sign_in_browser


def test_signing_in_leads_to_the_inbox(
    page_factory: Open, live_server: str, alice: User, five: list[Notification]
) -> None:
    page = page_factory(live_server)
    page.goto("/")
    page.get_by_label("Email").fill("alice@example.test")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_title("Inbox (5 unread) · Bellhop")
    assert visible_titles(page) == [f"Number {n}" for n in range(5)]


def test_opening_a_row_marks_it_read_and_shows_it_beside_the_list(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    page.get_by_role("link", name="Number 2").click()
    expect(page.locator("#pane").get_by_role("heading", name="Number 2")).to_be_visible()
    expect(page).to_have_title("Inbox (4 unread) · Bellhop")
    expect(page.locator("#unread-count")).to_have_text("4 unread")
    expect(row(page, "Number 2")).not_to_have_attribute("data-unread", "")
    expect(page.get_by_role("link", name="Number 2")).to_have_attribute("aria-current", "true")
    wait_until(lambda: reloaded(five[2]).is_read)
    page.reload()
    expect(page.locator("#pane").get_by_role("heading", name="Number 2")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#pane")).to_be_hidden()
    assert "open=" not in page.url


def test_a_row_opens_as_its_own_page_on_a_phone(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(**SIZES["phone"])
    page.get_by_role("link", name="Number 1").tap()
    page.wait_for_url(f"**/notifications/{five[1].id}")
    expect(page.get_by_role("heading", name="Number 1")).to_be_visible()
    expect(page.get_by_role("button", name="Mark unread")).to_be_visible()
    wait_until(lambda: reloaded(five[1]).is_read)
    page.get_by_role("button", name="Done").tap()
    page.wait_for_url("**/notifications")
    assert "Number 1" not in visible_titles(page)
    expect(page.locator("#toasts")).to_contain_text("Marked done")


def test_a_page_is_marked_read_even_if_its_scripts_run_before_htmx_starts(
    page_factory: Open,
    live_server: str,
    sign_in: Callable[[User], FlaskClient],
    alice: User,
    five: list[Notification],
) -> None:
    page = page_factory(live_server)
    sign_in_browser(page, sign_in(alice), live_server)
    # htmx starts in a timer without a delay. Slow it down, as a browser that has every script in its cache does.
    page.add_init_script(
        "const timer = window.setTimeout; window.setTimeout = (f, ms) => timer(f, ms ?? 300);"
    )
    page.goto(f"/notifications/{five[1].id}")
    expect(page.get_by_role("button", name="Mark unread")).to_be_visible()


def test_a_url_with_an_open_row_leads_a_phone_to_its_page(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(f"/notifications?open={five[3].id}", **SIZES["phone"])
    page.wait_for_url(f"**/notifications/{five[3].id}")
    expect(page.get_by_role("heading", name="Number 3")).to_be_visible()


def test_done_removes_the_row_and_undo_restores_it(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    row(page, "Number 1").hover()
    page.get_by_role("button", name="Mark done: Number 1").click()
    expect(row(page, "Number 1")).to_have_count(0)
    expect(page).to_have_title("Inbox (4 unread) · Bellhop")
    assert reloaded(five[1]).is_done
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "Number 1")).to_have_attribute("data-unread", "")
    assert visible_titles(page) == [f"Number {n}" for n in range(5)]
    assert not reloaded(five[1]).is_done
    assert not five[1].is_read


def test_selected_rows_are_marked_done_together(open_inbox: Open, five: list[Notification]) -> None:
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


def test_mark_all_read_includes_rows_beyond_the_page(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    for n in range(60):
        factories.notification(alice, f"Row {n}", created_at=now - timedelta(minutes=n))
    page = open_inbox()
    page.get_by_role("button", name="Mark all read").first.click()
    expect(page).to_have_title("Inbox · Bellhop")
    expect(page.locator("#unread-words")).to_have_text("Nothing unread")
    expect(page.locator(".row[data-unread]")).to_have_count(0)
    expect(page.locator("#toasts")).to_contain_text("60 marked read")
    expect(page.locator("[data-list=read]")).to_be_hidden()
    page.goto("/notifications?q=nothing")
    expect(page.locator("[data-list=read]")).to_be_hidden()


def test_filters_apply_at_once_and_change_the_url(
    open_inbox: Open, alice: User, five: list[Notification]
) -> None:
    factories.notification(alice, "A new job", notification_type="job_created")
    page = open_inbox()
    page.get_by_role("checkbox", name="Jobs").check()
    expect(page.locator(".row")).to_have_count(1)
    assert page.url.endswith("/notifications?category=job")
    page.reload()
    assert visible_titles(page) == ["A new job"]
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.locator(".row")).to_have_count(6)
    page.get_by_label("Search notifications").fill("number 3")
    expect(page.locator(".row")).to_have_count(1)
    page.go_back()
    expect(page.locator(".row")).to_have_count(6)


@pytest.mark.parametrize("width", [390, 820])
def test_the_search_is_collapsed_on_narrow_screens(
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


def test_older_rows_are_appended_to_the_list(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    for n in range(70):
        factories.notification(alice, f"Row {n:02}", created_at=now - timedelta(minutes=n))
    page = open_inbox()
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".row")).to_have_count(70)
    assert visible_titles(page) == [f"Row {n:02}" for n in range(70)]
    assert focused_title(page) == "Row 50"


def test_back_closes_the_open_row_and_forward_reopens_it(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox("/notifications?place=unread")
    press(page, "j", "Enter")
    heading = page.locator("#pane").get_by_role("heading")
    expect(heading.first).to_have_text("Number 0")
    page.evaluate("window.same = true")
    page.go_back()
    expect(page.locator("#pane")).to_be_hidden()
    assert page.url.endswith("/notifications?place=unread")
    wait_until(lambda: bool(page.evaluate("document.activeElement.matches('.row__link')")))
    page.go_forward()
    expect(heading.first).to_have_text("Number 0")
    assert page.evaluate("window.same"), "the page was loaded anew"


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
    assert "Number 4" not in visible_titles(page)
    page.get_by_role("button", name="Undo").click()
    assert "Number 4" in visible_titles(page)
    page.get_by_role("checkbox", name="Select: Number 0").check()
    page.get_by_role("checkbox", name="Select: Number 1").check()
    page.get_by_role("form", name="Selected notifications").get_by_role("button", name="Done").click()
    assert visible_titles(page) == ["Number 2", "Number 3", "Number 4", "A new job"]
    page.get_by_role("checkbox", name="Jobs").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".row")).to_have_count(1)
    assert visible_titles(page) == ["A new job"]
    page.get_by_role("button", name="Mark all read").first.click()
    expect(page.locator("#unread-count")).to_contain_text("2")
    assert not reloaded(five[3]).is_read


def test_a_snoozed_row_leaves_and_returns_on_top(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    press(page, "j", "j", "l")
    expect(row(page, "Number 1")).to_have_count(0)
    assert focused_title(page) == "Number 2"
    expect(page.locator("#toasts")).to_contain_text("Back tomorrow at 09:00")
    expect(page.locator("#waiting-count")).to_have_text("1 waiting")
    page.keyboard.press("z")
    expect(row(page, "Number 1")).to_have_count(1)
    listed = re.compile(rf"\b{five[1].id}\b")
    expect(page.locator("#live")).to_have_attribute("data-rows", listed)
    row(page, "Number 1").get_by_role("link").focus()
    page.keyboard.press("l")
    expect(page.locator("#waiting-count")).to_have_text("1 waiting")
    wait_until(lambda: reloaded(five[1]).snoozed_until is not None)
    expect(page.locator("#live")).not_to_have_attribute("data-rows", listed)
    # It is tomorrow.
    now = utc_now()
    five[1].snoozed_until = five[1].surfaced_at = now
    db.session.commit()
    scheduled.unsnooze_due(now)
    pill = page.get_by_role("link", name="1 new")
    expect(pill).to_be_visible()
    pill.click()
    expect(page.get_by_role("link", name="Number 1")).to_be_focused()
    assert visible_titles(page)[0] == "Number 1"
    expect(row(page, "Number 1")).to_have_attribute("data-unread", "")


def test_the_menu_of_a_row_snoozes_and_saves_it(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    row(page, "Number 0").get_by_role("link").focus()
    page.get_by_role("button", name="More: Number 0").click()
    menu = page.locator("#later")
    menu.get_by_role("button", name="Save").click()
    expect(menu).to_be_hidden()
    expect(row(page, "Number 0")).to_have_attribute("data-saved", "")
    expect(page.locator(".row:focus-within")).to_contain_text("Number 0")
    row(page, "Number 3").hover()
    page.get_by_role("button", name="More: Number 3").click()
    menu.get_by_role("button", name="Next week").click()
    expect(row(page, "Number 3")).to_have_count(0)
    expect(page.locator(".row")).to_have_count(4)
    assert reloaded(five[0]).snoozed_until is None
    press(page, "g", "l")
    page.wait_for_url("**/notifications?place=later")
    assert visible_titles(page) == ["Number 3"]
    press(page, "j", "l")
    expect(page.locator(".row")).to_have_count(0)
    wait_until(lambda: reloaded(five[3]).snoozed_until is None)


def test_the_pane_snoozes_until_a_date_and_opens_the_next_row(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox(f"/notifications?open={five[1].id}")
    page.locator("#pane").get_by_role("button", name="Snooze").click()
    page.locator("#pane").get_by_label("Date and time").fill(
        (utc_now() + timedelta(days=9)).strftime("%Y-%m-%dT14:30")
    )
    page.locator("#pane .menu__date").get_by_role("button", name="Snooze").last.click()
    expect(page.locator("#pane").get_by_role("heading", name="Number 2")).to_be_visible()
    expect(row(page, "Number 1")).to_have_count(0)
    wait_until(lambda: reloaded(five[1]).snoozed_until is not None)
    page.locator("#pane").get_by_role("button", name="Save").click()
    expect(page.locator("#pane").get_by_role("button", name="Unsave")).to_be_visible()
    expect(row(page, "Number 2")).to_have_attribute("data-saved", "")


def test_snoozing_works_with_scripts_off(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(java_script_enabled=False)
    row(page, "Number 0").hover()
    # A menu would not know its row.
    expect(page.locator(".act--menu").first).to_be_hidden()
    page.get_by_role("button", name="Snooze: Number 0").click()
    expect(page.locator("#toasts")).to_contain_text("Back tomorrow at 09:00")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("checkbox", name="Select: Number 1").check()
    page.get_by_role("checkbox", name="Select: Number 2").check()
    page.get_by_role("form", name="Selected notifications").get_by_role("button", name="Snooze").click()
    page.locator("#later").get_by_role("button", name="Tomorrow morning").click()
    expect(page.locator(".row")).to_have_count(3)
    assert visible_titles(page) == ["Number 0", "Number 3", "Number 4"]
    page.get_by_role("link", name="Number 3").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Unsave")).to_be_visible()
    page.get_by_role("form", name="This notification").get_by_role("button", name="Snooze").click()
    page.get_by_role("button", name="Next week").click()
    expect(page.locator(".row")).to_have_count(2)
    assert visible_titles(page) == ["Number 0", "Number 4"]


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
    for n, kind in enumerate(TYPES):
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
    page.get_by_role("form", name="Selected notifications").get_by_role("button", name="Snooze").click()
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


@pytest.mark.parametrize("path", ["", "/{id}"])
def test_nothing_moves_after_the_page_has_loaded(
    open_inbox: Open, five: list[Notification], path: str
) -> None:
    page = open_inbox(f"/notifications{path.format(id=five[0].id)}")
    if path:  # It becomes read once it is shown.
        expect(page.locator(".pane__bar").get_by_role("button", name="nread")).to_be_visible()
    else:
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
