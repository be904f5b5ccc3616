"""The template editor in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.database.base import db
from app.models import NotificationTemplate, User
from app.services.routing import wording
from app.services.templates import drafts as template_drafts
from app.services.templates import publishing as template_publishing
from tests.support.browser import axe, sign_in_browser
from tests.support.templates import edited, publish_event, published

LOOKS = [(width, scheme) for width in (1440, 390) for scheme in ("light", "dark")]


@pytest.fixture
def template(app: Flask) -> NotificationTemplate:
    return wording.by_name("interview_scheduled")


@pytest.fixture
def page_of(page_factory: Callable[..., Page], live_server: str, sign_in) -> Callable[..., Page]:
    """A browser page in which the given person is signed in."""

    def make(user: User, **options: Any) -> Page:
        page = page_factory(live_server, **options)
        client = sign_in(user)
        client.get("/account")
        sign_in_browser(page, client, live_server)
        return page

    return make


def test_typed_changes_are_previewed_saved_and_published(
    page_of, template: NotificationTemplate, bob: User, alice: User
) -> None:
    publish_event("interview.scheduled", alice, candidate_name="Omar Haddad")
    page = page_of(bob)
    page.goto(f"/admin/templates/{template.id}")
    mail = page.frame_locator("iframe")
    expect(mail.locator("h1")).to_have_text("Interview Scheduled for Priya Raman")
    page.get_by_label("Title", exact=True).fill("Booked: {{ candidate_name }}")
    expect(mail.locator("h1")).to_have_text("Booked: Priya Raman")
    expect(page.get_by_text("v2 draft", exact=True)).to_be_visible()
    page.get_by_label("Email HTML").fill(
        "<p>See you, <b>{{ candidate_name }}</b><script>alert(1)</script></p>"
    )
    expect(mail.locator("b")).to_have_text("Priya Raman")
    expect(page.get_by_text("Email apps would remove: <script>")).to_be_visible()
    page.get_by_label("Preview as").select_option(
        label=page.get_by_label("Preview as").locator("option").nth(3).inner_text()
    )
    expect(mail.locator("h1")).to_have_text("Booked: Omar Haddad")
    page.reload()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Booked: {{ candidate_name }}")
    page.get_by_role("button", name="Review and publish").click()
    expect(page.locator(".log--words del").first).to_have_text("Interview Scheduled for")
    page.get_by_role("button", name="Publish v2").click()
    expect(page.get_by_text("Version 2 is live.")).to_be_visible()
    expect(page.get_by_text("v2 live", exact=True)).to_be_visible()


def test_an_earlier_version_is_live_again_after_four_clicks_without_scrolling(
    page_of, template: NotificationTemplate, bob: User
) -> None:
    published(template, bob, title_template="Booked: {{ candidate_name }}")
    page = page_of(bob)
    page.goto(f"/admin/templates/{template.id}")
    for control in (
        page.locator("summary", has_text="History"),
        page.get_by_role("button", name="Restore v1"),
        page.get_by_role("button", name="Review and publish"),
        page.get_by_role("button", name="Publish v3"),
    ):
        expect(control).to_be_in_viewport(ratio=1)
        control.click()
    expect(page.get_by_text("Version 3 is live.")).to_be_visible()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Interview Scheduled for {{candidate_name}}")


def test_a_variable_is_inserted_at_the_caret(page_of, template: NotificationTemplate, bob: User) -> None:
    page = page_of(bob)
    page.goto(f"/admin/templates/{template.id}?ch=sms")
    field = page.get_by_label("SMS text")
    field.fill("With .")
    field.press("ArrowLeft")
    page.get_by_role("button", name="interviewer").click()
    expect(field).to_have_value("With {{ interviewer }}.")
    expect(field).to_be_focused()
    expect(page.locator(".bubble")).to_contain_text("With Daniel Osei. http")
    expect(page.locator("#var-interviewer.var--used")).to_be_visible()
    expect(page.locator(".phone .hint")).to_contain_text("of 160 characters · 1 segment")


def test_unsaved_input_is_saved_when_the_page_is_left(
    page_of, template: NotificationTemplate, bob: User
) -> None:
    page = page_of(bob)
    page.goto(f"/admin/templates/{template.id}")
    page.get_by_label("Title", exact=True).fill("Typed a moment ago")
    page.goto("/account")
    page.goto(f"/admin/templates/{template.id}")
    expect(page.get_by_label("Title", exact=True)).to_have_value("Typed a moment ago")


def test_what_could_not_be_saved_is_saved_when_the_page_is_left(
    page_of, template: NotificationTemplate, bob: User
) -> None:
    page = page_of(bob)
    page.goto(f"/admin/templates/{template.id}")
    page.route("**/draft", lambda route: route.abort())
    page.get_by_label("Title", exact=True).fill("Typed while the line was broken")
    expect(page.locator("#toasts")).to_contain_text("Couldn't save")
    page.unroute("**/draft")
    page.goto("/account")
    page.goto(f"/admin/templates/{template.id}")
    expect(page.get_by_label("Title", exact=True)).to_have_value("Typed while the line was broken")
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("Failed to fetch")


def test_the_preview_theme_and_width_can_be_changed(
    page_of, template: NotificationTemplate, bob: User
) -> None:
    page = page_of(bob)
    page.goto(f"/admin/templates/{template.id}")
    body = page.frame_locator("iframe").locator("body")
    expect(body).to_have_css("background-color", "rgb(244, 241, 236)")
    page.locator("#tools [value=dark]").check(force=True)
    expect(body).to_have_css("background-color", "rgb(21, 18, 15)")
    page.locator("#tools [value=phone]").check(force=True)
    expect(page.locator(".frame:visible")).to_have_css("max-width", "375px")


def test_the_editor_works_with_scripts_off(page_of, template: NotificationTemplate, bob: User) -> None:
    page = page_of(bob, java_script_enabled=False)
    page.goto(f"/admin/templates/{template.id}")
    page.get_by_label("Title", exact=True).fill("Plain: {{ candidate_name }}")
    page.get_by_role("button", name="Save draft").click()
    expect(page.frame_locator("iframe").locator("h1")).to_have_text("Plain: Priya Raman")
    page.get_by_label("Title", exact=True).press("Enter")
    expect(page.get_by_text("Your draft is saved.")).to_be_visible()
    page.get_by_role("button", name="Review and publish").click()
    page.get_by_role("button", name="Publish v2").click()
    expect(page.get_by_text("v2 live", exact=True)).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_template_page_is_accessible_and_fits(
    page_of, template: NotificationTemplate, alice: User, bob: User, width: int, scheme: str
) -> None:
    publish_event("interview.scheduled", alice)
    words = edited(template, title_template="Booked: {{ candidate_name }}", email_html="<p>Hi</p><img src=x>")
    template_drafts.save(template.id, words, 1, author=bob)
    page, path = page_of(bob, width=width, color_scheme=scheme), f"/admin/templates/{template.id}"
    for address in ("", "?ch=sms", "?ch=inapp", "/publication", "/comparison?old=1&new=draft"):
        page.goto(path + address)
        assert axe(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    template_publishing.publish(template.id, actor=bob)
    template_drafts.save(template.id, edited(template, title_template="{{ x }}"), 1, author=bob)
    for address in (path, "/admin/templates", "/admin/templates?q=nothing+like+it"):
        page.goto(address)
        assert axe(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    page.goto(f"{path}/publication")
    assert axe(page) == []
    page.watch.forgive("status of 409")
    db.session.rollback()
