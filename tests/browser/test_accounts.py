"""The pages of accounts and people in a real browser."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.clock import utc_now
from app.models import User
from app.services.accounts import administration, tokens
from app.services.accounts import emails as account_emails
from tests.support import factories
from tests.support.browser import axe


def enter(page: Page, email: str, path: str = "/account") -> None:
    page.goto(f"/sign-in?next={path}")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{path}")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    app: Flask, live_server: str, page_factory, alice: User, bob: User, charlie: User, width: int, scheme: str
) -> None:
    dana = administration.invite("dana@example.test", "Dana Quill", "recruiter", actor=bob)
    administration.change(charlie.id, is_enabled=False, actor=bob)
    tokens.create(bob, "CI job", ["read", "write"], days=90, actor=bob)
    tokens.create(bob, "An old one", ["events"], days=1, now=utc_now().replace(year=2020))
    link = account_emails.make_password_link("invitation", dana, app.config["SECRET_KEY"], "", utc_now())
    page = page_factory(live_server, width=width, color_scheme=scheme)

    def look(path: str) -> None:
        page.goto(path)
        check(path)

    def check(what: str) -> None:
        assert axe(page) == [], what
        size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert size[0] <= width, what
        if width > 1000:
            assert size[1] <= 900, f"{what}: the window scrolls, not the panel"

    for path in ("/sign-in", "/password/forgot", link):
        look(path)
    page.goto("/sign-in")
    page.get_by_label("Email").fill(bob.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Password")).to_be_focused()
    check("a failed sign-in")
    page.watch.forgive("422")
    look("/password/reset/made-up")
    page.watch.forgive("410")
    enter(page, bob.email)
    check("/account")
    for path in (
        "/admin",
        "/admin/users",
        "/admin/users?q=zzz",
        f"/admin/users/{bob.id}?event=interview.scheduled",
        f"/admin/users/{alice.id}",
        "/admin/audit",
        "/admin/audit?person=zzz",
        "/admin/jobs",
        "/admin/jobs/sweep",
        "/sign-out",
    ):
        look(path)
    page.goto("/admin/users")
    page.get_by_role("link", name="Invite", exact=True).click()
    check("the invitation form")


def test_a_new_token_is_visible_and_works(live_server: str, page_factory, alice: User) -> None:
    page = page_factory(live_server)
    enter(page, alice.email)
    page.locator("#token_name").fill("My laptop")
    page.get_by_role("button", name="Create token").click()
    shown = page.locator("#new-token")
    expect(shown).to_be_in_viewport()
    assert tokens.authenticate(shown.inner_text()) is not None
    page.get_by_role("button", name="Revoke My laptop").click()
    expect(page.get_by_text("is revoked")).to_be_visible()
    assert tokens.for_user(alice) == []


def test_everything_works_with_scripts_off(live_server: str, page_factory, alice: User, bob: User) -> None:
    page = page_factory(live_server, java_script_enabled=False)
    enter(page, bob.email, "/admin/users")
    page.get_by_role("link", name=alice.name).click()
    page.get_by_text("Make admin", exact=True).click()
    page.get_by_role("button", name=f"Make {alice.name} an admin").click()
    expect(page.get_by_text(f"{alice.name} is now an admin.")).to_be_visible()
    page.get_by_text("Deactivate", exact=True).click()
    page.get_by_role("button", name=f"Deactivate {alice.name}").click()
    expect(page.get_by_text("Deactivated", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text(f"{alice.name} can sign in again.")).to_be_visible()
    page.get_by_role("link", name="People", exact=True).last.click()
    page.get_by_role("link", name="Invite", exact=True).click()
    page.get_by_label("Email", exact=True).fill("dana@example.test")
    page.get_by_label("Name", exact=True).fill("Dana Quill")
    page.get_by_role("button", name="Create invite").click()
    expect(page.get_by_text("Not sent (no mail server).")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
