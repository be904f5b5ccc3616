"""The preferences page in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Locator, Page, expect

from app import catalog
from app.database.base import db
from app.models import User
from app.services.preferences import editing as preference_editing
from tests.browser.inbox import press, wait_until
from tests.support.browser import axe, sign_in_browser

Open = Callable[..., Page]
SIZES = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844, "has_touch": True}}


@pytest.fixture
def open_page(page_factory: Open, live_server: str, sign_in: Callable[[User], FlaskClient]) -> Open:
    """Open a page in a person's signed-in browser."""

    def opened(user: User, path: str = "/preferences", **options: Any) -> Page:
        page = page_factory(live_server, **options)
        sign_in_browser(page, sign_in(user), live_server)
        page.goto(path)
        return page

    return opened


def kept(user: User) -> dict[str, Any]:
    db.session.expire_all()
    return preference_editing.preferences_of(db.session.get_one(User, user.id, populate_existing=True))


def cell(page: Page, kind: str, channel: str) -> Locator:
    return page.get_by_role("switch", name=f"{kind} {channel}", exact=True)


def toast(page: Page, text: str) -> Locator:
    return page.locator("#toasts .toast").filter(has_text=text)


def test_a_switch_saves_at_once_and_z_undoes_it(app: Flask, alice: User, open_page: Open) -> None:
    page = open_page(alice)
    cell(page, "Interviews", "Email").click()
    expect(toast(page, "Email off for Interviews")).to_be_visible()
    assert kept(alice)["matrix"] == {"interview": {"email": False}}
    expect(cell(page, "Interviews", "Email")).not_to_be_checked()
    expect(cell(page, "Interviews", "Email")).to_be_focused()
    page.keyboard.press("z")
    expect(toast(page, "Undone")).to_be_visible()
    expect(cell(page, "Interviews", "Email")).to_be_checked()
    assert kept(alice)["matrix"]["interview"]["email"] is True


def test_quick_changes_are_all_saved(app: Flask, alice: User, open_page: Open) -> None:
    page = open_page(alice)
    for kind in ("Interviews", "Resumes", "Candidates", "Jobs", "Evaluations", "System"):
        cell(page, kind, "Email").click()
    for kind in ("Interviews", "Resumes", "Candidates", "Jobs", "Evaluations", "System"):
        expect(cell(page, kind, "Email")).not_to_be_checked()
    expect(toast(page, "Email off for System")).to_be_visible()
    assert {name: ways["email"] for name, ways in kept(alice)["matrix"].items()} == dict.fromkeys(
        ("interview", "resume", "candidate", "job", "evaluation", "system"), False
    )


def test_two_tabs_keep_each_others_changes(app: Flask, alice: User, open_page: Open) -> None:
    first, second = open_page(alice), open_page(alice)
    first.get_by_role("switch", name="Daily digest").click()
    expect(toast(first, "Daily digest on")).to_be_visible()
    second.get_by_role("switch", name="Weekly summary").click()
    expect(toast(second, "Weekly summary on")).to_be_visible()
    assert (kept(alice)["daily_digest"], kept(alice)["weekly_summary"]) == (True, True)
    expect(second.get_by_role("switch", name="Daily digest")).to_be_checked()


def test_a_channel_that_is_off_greys_out_its_cells(app: Flask, alice: User, open_page: Open) -> None:
    page = open_page(alice)
    page.get_by_role("switch", name="Email", exact=True).click()
    expect(cell(page, "Jobs", "Email")).to_be_disabled()
    expect(cell(page, "Jobs", "In app")).to_be_enabled()
    page.get_by_role("button", name="Undo").click()
    expect(cell(page, "Jobs", "Email")).to_be_enabled()


def test_an_invalid_value_is_reverted_with_the_reason(app: Flask, alice: User, open_page: Open) -> None:
    page = open_page(alice)
    page.get_by_role("combobox", name="Time zone").fill("Atlantis")
    page.get_by_role("combobox", name="Time zone").press("Tab")
    expect(page.locator("#time_zone-error")).to_contain_text("Choose a time zone from the list")
    expect(page.locator("#toasts .toast--error")).to_contain_text("Couldn't save.")
    expect(page.get_by_role("combobox", name="Time zone")).to_have_value("UTC")
    assert kept(alice)["time_zone"] == "UTC"
    page.watch.forgive("status of 422")


def test_an_empty_time_does_not_prevent_saving_a_switch(app: Flask, alice: User, open_page: Open) -> None:
    page = open_page(alice)
    start = page.get_by_label("From", exact=True)
    start.fill("")
    start.blur()
    expect(page.locator("#toasts .toast--error")).to_contain_text("Enter a time such as 19:00.")
    cell(page, "Jobs", "Email").click()
    expect(toast(page, "Email off for Jobs")).to_be_visible()
    assert kept(alice)["matrix"] == {"job": {"email": False}}
    expect(start).to_have_value(kept(alice)["quiet_hours"]["start"])
    page.watch.forgive("status of 422")


def test_a_time_saves_when_it_is_complete_and_is_understood_in_12_hours(
    app: Flask, alice: User, open_page: Open
) -> None:
    page = open_page(alice)
    start, end = page.get_by_label("From", exact=True), page.get_by_label("Until", exact=True)
    start.fill("22:00")
    expect(toast(page, "Quiet hours saved")).to_be_visible()
    end.fill("6:30 am")
    end.press("Tab")
    expect(end).to_have_value("06:30")
    quiet = kept(alice)["quiet_hours"]
    assert (quiet["start"], quiet["end"]) == ("22:00", "06:30")


def test_quiet_hours_take_two_clicks_and_two_times(app: Flask, alice: User, open_page: Open) -> None:
    page = open_page(alice)
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Quiet hours").click()
    switch = page.locator("[name='quiet_hours.enabled']")
    start, end = page.locator("[name='quiet_hours.start']"), page.locator("[name='quiet_hours.end']")
    for control in (switch, start, end):
        expect(control).to_be_in_viewport(ratio=1)
    switch.click()
    expect(toast(page, "Quiet hours")).to_be_visible()
    press(page, "Tab")
    expect(start).to_be_focused()
    page.keyboard.type("22:00")
    press(page, "Tab")
    page.keyboard.type("6:30")
    press(page, "Tab")
    expect(end).to_have_value("06:30")
    wait_until(lambda: kept(alice)["quiet_hours"]["end"] == "06:30")
    quiet = kept(alice)["quiet_hours"]
    assert (quiet["enabled"], quiet["start"], quiet["end"]) == (True, "22:00", "06:30")


def test_every_section_and_category_has_an_address(app: Flask, alice: User, open_page: Open) -> None:
    page = open_page(alice)
    links = page.get_by_role("navigation", name="On this page").get_by_role("link")
    targets = [link.get_attribute("href") for link in links.all()]
    assert "#quiet" in targets
    for target in (*targets, *(f"#{name}" for name in catalog.CATEGORIES)):
        assert page.locator(target).count() == 1, target
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Digest").click()
    expect(page.get_by_role("heading", name="Digest")).to_be_in_viewport()


def test_only_channels_that_are_set_up_have_a_column(app: Flask, alice: User, open_page: Open) -> None:
    page = open_page(alice)
    columns = page.locator(".matrix thead th").all_inner_texts()
    assert [text.strip() for text in columns] == ["Category", "On", "In app", "Email"]
    expect(page.get_by_role("link", name="Add SMS")).to_have_attribute("href", "/account/devices")


def test_a_control_is_reverted_without_a_response(app: Flask, alice: User, open_page: Open) -> None:
    page = open_page(alice)
    page.route("**/preferences", lambda route: route.abort())
    cell(page, "Jobs", "Email").click()
    expect(page.locator("#toasts .toast--error")).to_contain_text("Couldn't save")
    expect(cell(page, "Jobs", "Email")).to_be_checked()
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("Failed to fetch")
    page.unroute("**/preferences")
    cell(page, "Jobs", "Email").click()
    expect(toast(page, "Email off for Jobs")).to_be_visible()
    assert kept(alice)["matrix"] == {"job": {"email": False}}


def test_the_time_zone_is_offered_and_never_changed_silently(
    app: Flask, alice: User, open_page: Open
) -> None:
    page = open_page(alice, timezone_id="Asia/Tokyo")
    expect(page.get_by_role("combobox", name="Time zone")).to_have_value("UTC")
    assert kept(alice)["time_zone"] == "UTC"
    page.get_by_role("button", name="Use Asia/Tokyo").click()
    expect(toast(page, "Time zone saved")).to_be_visible()
    expect(page.get_by_text("UTC+09:00")).to_be_visible()
    assert kept(alice)["time_zone"] == "Asia/Tokyo"
    expect(page.get_by_role("button", name="Use Asia/Tokyo")).to_be_hidden()


def test_an_alias_of_the_same_time_zone_is_not_offered(app: Flask, alice: User, open_page: Open) -> None:
    preference_editing.change(alice, {"time_zone": "Asia/Kolkata"})
    page = open_page(alice, timezone_id="Asia/Calcutta")
    expect(page.locator("#device-zone button")).to_have_text("Use Asia/Calcutta")
    expect(page.locator("#device-zone")).to_be_hidden()


def test_theme_density_and_shortcuts_apply_to_every_page_at_once(
    app: Flask, alice: User, open_page: Open
) -> None:
    page = open_page(alice)
    page.get_by_text("Dark", exact=True).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_text("Compact", exact=True).click()
    expect(page.locator("body")).to_have_attribute("data-density", "compact")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("switch", name="Single-key shortcuts").click()
    expect(page.locator("body")).to_have_attribute("data-keys", "off")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()
    page.goto("/notifications")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("body")).to_have_attribute("data-density", "compact")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()


def test_g_p_opens_the_preferences(app: Flask, alice: User, open_page: Open) -> None:
    page = open_page(alice, "/notifications")
    press(page, "g", "p")
    expect(page.get_by_role("heading", name="Preferences", level=1)).to_be_visible()


def test_a_pause_is_shown_in_the_navigation_and_can_be_ended(
    app: Flask, alice: User, open_page: Open
) -> None:
    page = open_page(alice)
    page.get_by_role("button", name="1 hour").click()
    expect(page.locator("#standing")).to_contain_text("Paused until")
    assert kept(alice)["paused_until"] is not None
    page.get_by_role("button", name="End pause").click()
    expect(page.get_by_role("button", name="1 hour")).to_be_visible()
    expect(page.locator("#standing")).to_be_hidden()
    assert kept(alice)["paused_until"] is None


def test_the_page_is_one_plain_form_with_scripts_off(app: Flask, alice: User, open_page: Open) -> None:
    page = open_page(alice, java_script_enabled=False)
    cell(page, "Jobs", "Email").uncheck()
    page.get_by_role("switch", name="Turn on quiet hours").check()
    page.get_by_label("From", exact=True).fill("21:30")
    page.get_by_role("checkbox", name="Sunday").uncheck(force=True)
    page.get_by_role("checkbox", name="2 hours").check(force=True)
    page.get_by_role("button", name="Save preferences").click()
    expect(toast(page, "Preferences saved")).to_be_visible()
    now = kept(alice)
    off = [(kind, way) for kind, ways in now["matrix"].items() for way, is_on in ways.items() if not is_on]
    assert off == [("job", "email")]
    assert now["quiet_hours"] == {
        "enabled": True,
        "start": "21:30",
        "end": "07:30",
        "days": [0, 1, 2, 3, 4, 5],
    }
    assert now["reminder_lead_minutes"] == [1440, 120, 60]
    page.get_by_role("button", name="Undo").click()
    before = kept(alice)
    assert before["quiet_hours"] == {
        "enabled": False,
        "start": "19:00",
        "end": "07:30",
        "days": [0, 1, 2, 3, 4, 5, 6],
    }
    assert before["matrix"]["job"]["email"] is True
    page.get_by_role("button", name="Until tomorrow").click()
    assert kept(alice)["paused_until"] is not None


def test_a_required_channel_shows_its_reason_and_cannot_be_turned_off(
    app: Flask, alice: User, bob: User, open_page: Open
) -> None:
    admin = open_page(bob, "/admin/preferences")
    admin.get_by_label("Reason").fill("Security notices reach everyone.")
    admin.get_by_role("button", name="Require", exact=True).click()
    expect(admin.get_by_role("list", name="Required notifications")).to_contain_text("System: Email")
    page = open_page(alice)
    expect(cell(page, "System", "Email")).to_be_disabled()
    expect(cell(page, "System", "Email")).to_be_checked()
    expect(cell(page, "System", "Email")).to_have_accessible_description(
        "System, Email: always on. Security notices reach everyone."
    )
    admin.get_by_role("button", name="Make optional").click()
    page.reload()
    expect(cell(page, "System", "Email")).to_be_enabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing(app: Flask, bob: User, open_page: Open, size: str, scheme: str) -> None:
    preference_editing.change(
        bob, {"quiet_hours": {"enabled": True}, "daily_digest": True, "job_notifications": False}
    )
    page = open_page(bob, color_scheme=scheme, **SIZES[size])
    page.get_by_role("button", name="1 hour").click()
    expect(page.locator("#toasts .toast")).to_be_visible()
    assert axe(page) == []
    page.goto("/admin/preferences")
    page.get_by_label("Reason").fill("Everybody must know.")
    page.get_by_role("button", name="Require", exact=True).click()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
