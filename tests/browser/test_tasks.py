"""The twelve main tasks of a recruiter and an admin, in Chromium, Firefox and WebKit, with a mouse and with touch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Announcement, Follow, Notification, NotificationTemplate, User
from app.services.notifications import recent_searches, saved_views
from app.services.preferences import editing as preference_editing
from app.services.routing import wording
from tests.browser.inbox import reloaded
from tests.support import factories
from tests.support.browsers.chromium import chromium
from tests.support.browsers.driver import Driver
from tests.support.browsers.firefox import firefox
from tests.support.browsers.page import Page, serve_script
from tests.support.browsers.webkit import webkit
from tests.support.waiting import wait_until

pytestmark = pytest.mark.long

# WebKitGTK is for Linux.
BROWSERS = ["chromium", "firefox", *(["webkit"] if sys.platform == "linux" else [])]
DRIVERS = [f"{name} {kind}" for name in BROWSERS for kind in ("mouse", "touch")]


@pytest.fixture(scope="module", params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    """A browser with a mouse or with touch."""
    name, kind = request.param.split()
    has_touch = kind == "touch"
    if name == "chromium":
        started = chromium(request.getfixturevalue("browser"), has_touch=has_touch)
    else:
        started = {"firefox": firefox, "webkit": webkit}[name](has_touch=has_touch)
    with started as driver:
        yield driver


@pytest.fixture
def page(driver: Driver, app: Flask, live_server: str) -> Iterator[Page]:
    """A window without a signed-in user, without errors on the console when the test ends."""
    serve_script(app, driver.script)
    yield Page(driver, live_server)
    errors = driver.take_errors()
    driver.leave()
    assert errors == []


@pytest.fixture
def has_hover(driver: Driver) -> bool:
    return not driver.has_touch


def sign_in(page: Page, user: User, path: str = "/notifications") -> None:
    """Ask for a page, and sign in when asked to."""
    page.goto(path)
    page.fill("#email", user.email)
    page.fill("#password", factories.PASSWORD)
    page.press("Enter")
    page.see_path(path)


def row(notification: Notification) -> str:
    return f"#n-{notification.id}"


def see_toast(page: Page, text: str) -> None:
    page.see("#toasts .toast", text)


def see_detail(page: Page, notification: Notification) -> None:
    """Wait until the pane shows a notification and its row has the focus."""
    page.see(f"#pane #bar-{notification.id}")
    page.see("#pane .pane__title", notification.title)
    page.see_focus(f"{row(notification)} .row__link")


def wait_for_done(notifications: list[Notification], expected: list[bool]) -> None:
    wait_until(lambda: [reloaded(one).is_done for one in notifications] == expected)


def open_row_menu(page: Page, notification: Notification, act: str, bulk: str, *, has_hover: bool) -> None:
    """Open the menu by a button of the row, or without hover by one of the bulk bar; see it beside that button."""
    if has_hover:
        opener = f"{row(notification)} [data-act={act}]"
        page.hover(f"{row(notification)} .row__link")
    else:
        opener = f"#bulk [data-bulk={bulk}]"
        page.see_none(f"{row(notification)} [data-act={act}]")
        page.click(f"{row(notification)} .tile")
    page.click(opener)
    page.see_beside("#later", opener)


def test_signing_in_and_reading_a_notification(page: Page, alice: User, five: list[Notification]) -> None:
    sign_in(page, alice)
    page.see_texts("#unread-count", ["5 unread"])
    page.click(f"{row(five[1])} .row__link")
    page.see("#pane .pane__title", "Number 1")
    page.see_none(f"{row(five[1])}[data-unread]")
    wait_until(lambda: reloaded(five[1]).is_read)
    page.evaluate("() => history.back()")
    page.see_none("#pane")
    page.see_path("/notifications")
    page.click("button", "Sign out")
    page.see("button", "Sign in")


def test_triage_by_keyboard_with_the_pane_open_and_undo(
    page: Page, alice: User, five: list[Notification]
) -> None:
    sign_in(page, alice)
    page.press("j", "Enter")
    see_detail(page, five[0])
    page.press("j", "e")
    see_detail(page, five[2])
    page.press("e", "k", "u")
    see_detail(page, five[0])
    wait_for_done(five, [False, True, True, False, False])
    page.press("z")
    see_toast(page, "Undone")
    page.see(f"{row(five[0])}[data-unread]" if reloaded(five[0]).read_at is None else row(five[0]))
    page.press("Escape")
    page.see_none("#pane")


def test_buttons_of_a_row_and_of_several_rows(
    page: Page, has_hover: bool, alice: User, five: list[Notification]
) -> None:
    sign_in(page, alice)
    if has_hover:
        page.hover(f"{row(five[0])} .row__link")
    page.click(f"{row(five[0])} [data-act=done]")
    page.see_none(row(five[0]))
    for one in five[2:4]:
        page.click(f"{row(one)} .tile")
    page.click("#bulk [data-bulk=done]")
    page.see_none(row(five[2]))
    wait_for_done(five, [True, False, True, True, False])
    page.click("#toasts button", "Undo")
    page.see(row(five[2]))
    wait_for_done(five, [True, False, False, False, False])
    page.click("[popovertarget=acts]")
    page.see_beside("#acts", "[popovertarget=acts]")
    page.click("#acts button", "Mark all done")
    page.see("h2", "You're all caught up")


def test_snoozing_until_a_time_that_is_typed(
    page: Page, has_hover: bool, alice: User, five: list[Notification]
) -> None:
    sign_in(page, alice)
    page.press("j", "j", "Alt+l")
    page.see_beside("#later", f"{row(five[1])} [data-act=later]" if has_hover else row(five[1]))
    page.see_focus("#later [name=when]")
    page.type("fri 9")
    page.see("#later output", "Friday")
    page.press("Enter")
    page.see_none(row(five[1]))
    page.see_focus(f"{row(five[2])} .row__link")
    friday = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)
    while friday.weekday() != 4 or friday <= utc_now():
        friday += timedelta(days=1)
    wait_until(lambda: reloaded(five[1]).snoozed_until == friday)


def test_snoozing_from_the_menus_of_a_row_and_of_the_pane(
    page: Page, has_hover: bool, alice: User, five: list[Notification]
) -> None:
    sign_in(page, alice)
    open_row_menu(page, five[1], "later", "menu", has_hover=has_hover)
    page.click("#later button", "Tomorrow morning")
    page.see_none(row(five[1]))
    page.click(f"{row(five[0])} .row__link")
    page.click("#pane [data-pane=menu]")
    page.see_beside(f"#later-{five[0].id}", "#pane [data-pane=menu]")
    page.click(f"#later-{five[0].id} button", "Tomorrow morning")
    page.see_none(row(five[0]))
    wait_until(lambda: all(reloaded(one).snoozed_until for one in five[:2]))
    page.press("z")
    page.see(row(five[0]))


def test_searching(page: Page, alice: User) -> None:
    for title in ("Zoë Ångström", "Priya Raman"):
        factories.notification(alice, title)
    sign_in(page, alice)
    page.press("/")
    page.see_focus("#q")
    page.type("zoe")
    page.see_texts("h1", ["1 result for “zoe”"])
    page.see_texts(".row mark", ["Zoë"])
    page.press("Enter")
    wait_until(lambda: recent_searches.recent_searches(alice) == ["zoe"])
    page.press("Escape")
    page.see("h1", "Inbox")
    page.click(".search__help a", "priority:urgent")
    page.see("h2", "No results")


def test_a_view_is_saved_and_opened(page: Page, alice: User, five: list[Notification]) -> None:
    factories.notification(alice, "Now", priority="urgent")
    sign_in(page, alice)
    page.click(".chip", "Urgent")
    page.see_texts(".row__title", ["Unread. Interview: Now"])
    page.click("#view-acts button", "Save view")
    page.see_beside("#save-view", "#view-acts [popovertarget=save-view]")
    page.see_focus("#view-name")
    page.fill("#view-name", "Hers")
    page.press("Enter")
    page.see_texts("#views [aria-current]", ["Hers1 unread"])
    page.goto("/notifications")
    page.click("#views a", "Hers")
    page.see_path("/notifications?priority=urgent")
    page.see_texts("h1", ["Hers"])
    assert [view.name for view in saved_views.list_views(alice)] == ["Hers"]


def test_the_palette_acts_and_goes_anywhere(page: Page, alice: User, five: list[Notification]) -> None:
    sign_in(page, alice)
    page.press("j", "j", "Control+k")
    page.see("#palette-list [role=option]")
    page.type("done")
    page.see("#palette-list [aria-selected=true]", "Done")
    page.press("Enter")
    page.see_none(row(five[1]))
    page.see_focus(f"{row(five[2])} .row__link")
    wait_for_done(five, [False, True, False, False, False])
    page.press("Control+k")
    page.see("#palette-list [role=option]")
    page.type("prefer")
    page.see("#palette-list [aria-selected=true]", "Preferences")
    page.press("Enter")
    page.see_path("/preferences")


def test_preferences_are_saved_at_once(page: Page, alice: User) -> None:
    def preferences() -> dict[str, Any]:
        db.session.expire_all()
        return preference_editing.preferences_of(db.session.get_one(User, alice.id, populate_existing=True))

    sign_in(page, alice, "/preferences")
    page.click("[name='matrix.interview.email']")
    see_toast(page, "Email off for Interviews")
    assert preferences()["matrix"] == {"interview": {"email": False}}
    page.press("z")
    see_toast(page, "Undone")
    page.click("#appearance label", "Dark")
    page.wait("() => document.documentElement.dataset.theme === 'dark'")
    wait_until(lambda: preferences()["theme"] == "dark")
    page.click("[name='quiet_hours.enabled']")
    page.see("#quiet svg")
    page.fill("[name='quiet_hours.start']", "22:00")
    page.press("Tab")
    wait_until(lambda: preferences()["quiet_hours"]["start"] == "22:00")
    assert preferences()["matrix"] == {"interview": {"email": True}}


def test_a_candidate_is_followed_and_a_job_is_muted(page: Page, has_hover: bool, alice: User) -> None:
    one = factories.notification(alice, "Number 0", candidate_id="C-1", job_id="J-1")
    sign_in(page, alice)
    page.press("j", "f")
    page.see_focus("#follow-sheet [name=subject]:checked")
    page.press("Enter")
    see_toast(page, "You follow “C-1”")
    page.see_focus(f"{row(one)} .row__link")
    open_row_menu(page, one, "menu", "more", has_hover=has_hover)
    page.click("#later [data-menu=mute]")
    page.click("#follow-sheet label", "J-1")
    page.click("#follow-sheet label", "For a week")
    page.click("#follow-sheet button", "Mute")
    see_toast(page, "“J-1” is muted")
    wishes = [(follow.subject, follow.mode) for follow in db.session.scalars(select(Follow))]
    assert wishes == [("candidate:C-1", "follow"), ("job:J-1", "mute")]


def test_an_admin_changes_and_publishes_a_template(page: Page, bob: User) -> None:
    template = wording.by_name("interview_scheduled")
    sign_in(page, bob, f"/admin/templates/{template.id}")
    page.fill("#title_template", "Booked: {{ candidate_name }}")
    page.see(".tag", "v2 draft")
    page.click("button", "Review and publish")
    page.see("del", "Interview Scheduled for")
    page.click("button", "Publish v2")
    page.see("*", "Version 2 is live.")
    stored = db.session.get_one(NotificationTemplate, template.id, populate_existing=True)
    assert stored.title_template == "Booked: {{ candidate_name }}"


def test_an_admin_schedules_an_announcement_and_sees_what_was_delivered(
    page: Page, alice: User, bob: User
) -> None:
    factories.delivery(factories.notification(alice), state="failed", reason="refused")
    sign_in(page, bob, "/admin/announcements")
    page.click("a", "New announcement")
    page.fill("#title", "Maintenance tonight")
    page.fill("#message", "Bellhop sleeps from 22:00 to 22:30.")
    page.see("#preview", "Audience: 2 people")
    page.click("#announcement label", "Roles")
    page.click("#announcement label", "Recruiter")
    page.click("#announcement label", "Schedule")
    page.choose("#deliver_at", "2100-11-30T09:00")
    page.click("button", "Schedule for Tue 30 Nov, 09:00 (UTC) · 1 person")
    page.see("h1", "Maintenance tonight")
    assert db.session.scalars(select(Announcement.deliver_at)).one() == datetime(2100, 11, 30, 9, tzinfo=UTC)
    page.goto("/admin/deliveries")
    page.click(".chip", "Failed")
    page.see(".log__entry", "Alice Moreau")
