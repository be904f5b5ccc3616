"""Snoozing until a time that is typed, chosen or picked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from app.clock import utc_now
from app.models import Notification, User
from tests.browser.conftest import Open
from tests.browser.inbox import SIZES, focused_title, press, reloaded, row, wait_until
from tests.support import factories
from tests.support.browser import axe


def next_thursday(hour: int, minute: int) -> datetime:
    now = datetime.now(UTC)
    day = now + timedelta(days=(3 - now.weekday() - 1) % 7 + 1)
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0)


def test_ten_keys_snooze_until_thursday(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    page.keyboard.press("j")
    keys = ["Alt+l", *"thu14:20", "Enter"]
    assert len(keys) == 10
    press(page, *keys)
    expect(row(page, "Number 0")).to_have_count(0)
    assert focused_title(page) == "Number 1"
    wait_until(lambda: reloaded(five[0]).snoozed_until == next_thursday(14, 20))


def test_a_typed_time_is_shown_as_it_is_understood(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    row(page, "Number 2").hover()
    page.get_by_role("button", name="Snooze: Number 2").click()
    menu, field = page.locator("#later"), page.get_by_label("Snooze until")
    expect(menu.get_by_text("Back in the inbox")).to_be_visible()
    expect(menu.get_by_role("button", name="Save")).to_be_hidden()
    expect(field).to_be_focused()
    page.keyboard.type("thu 14:20")
    said = menu.locator("output").first
    expect(said).to_contain_text("Thursday")
    expect(said).to_contain_text("at 14:20")
    field.fill("blursday")
    expect(said).to_have_text("We can't read “blursday”. Try “fri 9” or “in 2h”.")
    assert axe(page) == []
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    menu.get_by_label("Date and time").fill("2020-01-01T10:00")
    menu.get_by_role("button", name="Snooze").last.click()
    expect(menu.locator("output").last).to_have_text("Pick a time in the next 12 months.")
    expect(field).to_have_value("")
    assert reloaded(five[2]).snoozed_until is None
    field.fill("in 2h")
    page.keyboard.press("Enter")
    expect(row(page, "Number 2")).to_have_count(0)
    expect(menu).to_be_hidden()


def test_an_interview_offers_an_hour_before_it(open_inbox: Open, alice: User) -> None:
    meeting = factories.interview(alice, starts_at=utc_now() + timedelta(days=3))
    notification = factories.notification(alice, "Interview", interview_id=meeting.id)
    page = open_inbox()
    press(page, "j", "Alt+l")
    page.locator("#later").get_by_role("button", name="An hour before the interview").click()
    wait_until(lambda: reloaded(notification).snoozed_until == meeting.starts_at - timedelta(hours=1))
    expect(row(page, "Interview")).to_have_count(0)
    page.keyboard.press("z")
    expect(row(page, "Interview").get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    bar = page.locator("#pane").get_by_role("form", name="This notification")
    bar.get_by_role("button", name="Snooze").click()
    page.locator("#pane").get_by_label("Snooze until").fill("2 days before the interview")
    page.keyboard.press("Enter")
    wait_until(lambda: reloaded(notification).snoozed_until == meeting.starts_at - timedelta(days=2))


@pytest.mark.parametrize("touch", [True, False])
def test_the_menu_opens_beside_its_row_where_nothing_hovers(
    open_inbox: Open, five: list[Notification], touch: bool
) -> None:
    page = open_inbox(width=1024, has_touch=touch)
    press(page, "j", "j", "j", "Alt+l")
    menu, shown = page.locator("#later").bounding_box(), row(page, "Number 2").bounding_box()
    assert menu is not None
    assert shown is not None
    assert abs(menu["y"] - (shown["y"] + shown["height"])) < 40


def test_the_menu_is_a_sheet_on_a_phone(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(f"/notifications/{five[0].id}", **SIZES["phone"])
    page.get_by_role("form", name="This notification").get_by_role("button", name="Snooze").tap()
    menu = page.locator(f"#later-{five[0].id}")
    expect(menu.get_by_role("button", name="Tomorrow morning")).to_be_visible()
    box = menu.bounding_box()
    assert box is not None
    assert (round(box["x"]), round(box["width"]), round(box["y"] + box["height"])) == (0, 390, 844)
    assert axe(page) == []
