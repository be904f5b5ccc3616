"""The inbox in every state, on every screen, with every accessibility setting."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from app.clock import utc_now
from app.models import User
from tests.support import factories
from tests.support.browser import CUT_OFF, axe, sign_in_browser

SHORTEST = "(one) => Math.max(...getComputedStyle(one).transitionDuration.split(',').map(parseFloat))"


@pytest.fixture
def page(
    page_factory: Callable[..., Page], live_server: str, sign_in: Callable[[User], FlaskClient], alice: User
) -> Page:
    """Open Alice's inbox: read and unread rows, one urgent, and a stack of three."""
    now = utc_now()
    for n in range(6):
        factories.notification(
            alice,
            f"News {n}",
            created_at=now - timedelta(hours=n * 7),
            priority=["urgent", "high", "low"][n % 3],
            read_at=now if n % 2 else None,
            notification_type=["interview_scheduled", "candidate_added"][n % 2],
        )
    for n in range(3):
        factories.notification(
            alice, f"File {n}", notification_type="resume_processed", created_at=now, stack_key="upload"
        )
    page = page_factory(live_server)
    sign_in_browser(page, sign_in(alice), live_server)
    page.goto("/notifications")
    return page


def test_axe_finds_nothing_in_any_state_at_any_width(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("checkbox", name="Select: News 1").check()
    for width in (320, 768, 1024, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(CUT_OFF) == []
        assert axe(page) == [], width
    page.route("**/archival", lambda route: route.abort())
    page.get_by_role("checkbox", name="Select: News 1").uncheck()
    page.locator(".row", has_text="News 2").hover()
    page.get_by_role("button", name="Mark done: News 2").click()
    expect(page.locator(".row[data-failed]")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("You're offline")
    assert axe(page) == []
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("Failed to fetch")


def test_large_text_forced_colours_and_reduced_motion_hide_nothing(page: Page) -> None:
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    page.get_by_role("checkbox", name="Select: News 1").check()
    page.keyboard.press("j")
    focused = page.locator(".row__link:focus-visible")
    assert focused.evaluate("link => getComputedStyle(link, '::after').outlineStyle") == "solid"
    assert axe(page) == []
    assert page.locator(".row").first.evaluate(SHORTEST) <= 0.001
    page.emulate_media(forced_colors="none", reduced_motion="no-preference")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    for width in (1440, 640):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(CUT_OFF) == []
        assert axe(page) == [], width


# How many icons and numbers of the tab bar overlap.
OVERLAPS = """() => {
  const found = [...document.querySelectorAll('.nav--mail .icon, .nav--mail .nav__count')];
  const boxes = found.filter(one => one.checkVisibility());
  const cross = (one, other) => one.left < other.right && other.left < one.right
    && one.top < other.bottom && other.top < one.bottom;
  const rects = boxes.map(one => one.getBoundingClientRect());
  return rects.flatMap((one, n) => rects.slice(n + 1).filter(other => cross(one, other))).length;
}"""


@pytest.mark.parametrize("width", [390, 320])
def test_double_text_size_on_a_phone_breaks_nothing(page: Page, alice: User, width: int) -> None:
    for n in range(12):
        factories.notification(alice, f"More {n}")
    page.set_viewport_size({"width": width, "height": 844})
    page.reload()
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate(OVERLAPS) == 0
    for name in ("Inbox", "Unread", "Snoozed", "Done", "More"):
        tab = page.locator(".nav--mail .nav__link", has=page.get_by_text(name, exact=True))
        expect(tab).to_be_in_viewport(ratio=1)
        expect(tab).to_have_accessible_name(re.compile(f"^{name}"))
        assert tab.locator(".nav__text").evaluate("(one) => one.offsetWidth") <= 1
    for part in page.locator(".row__body").all():
        assert part.evaluate("(one) => one.offsetWidth") > width / 2
    assert axe(page) == []


def test_a_screen_reader_announces_rows_and_actions(page: Page) -> None:
    rows = page.get_by_role("listitem")
    said = page.get_by_role("status").filter(has_text="unread.")
    expect(page.get_by_role("link", name="Unread. Interview: News 0", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Candidate: News 1", exact=True)).to_be_visible()
    expect(rows.filter(has_text="News 0")).to_contain_text("Urgent")
    page.get_by_role("checkbox", name="Select: News 1").check()
    expect(page.get_by_role("status").filter(has_text="1 selected.")).to_be_attached()
    page.get_by_role("form", name="Selected notifications").get_by_role("button", name="Done").click()
    expect(said).to_have_text("Marked done. 6 unread.")
    page.keyboard.press("z")
    expect(page.get_by_role("link", name="Candidate: News 1", exact=True)).to_be_visible()
