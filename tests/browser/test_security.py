"""The security page, and confirming the password, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect
from sqlalchemy import func, select, update

from app.clock import utc_now
from app.database.base import db
from app.models import ApiToken, BrowserSession, User
from app.services.accounts import sessions, tokens
from tests.support import factories
from tests.support.browser import CUT_OFF, axe
from tests.support.second_factor import code_at

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605 Version/17.5 Safari/604.1"


@pytest.fixture
def alices(
    page_factory: Callable[..., Page], live_server: str, sign_in: Callable[[User], FlaskClient], alice: User
) -> Callable[..., Page]:
    """Alice's browser, signed in an hour ago."""

    def opened(path: str, **options: Any) -> Page:
        page = page_factory(live_server, **options)
        cookie = sign_in(alice).get_cookie("bellhop")
        assert cookie is not None
        page.context.add_cookies([{"name": "bellhop", "value": cookie.value, "url": live_server}])
        db.session.execute(update(BrowserSession).values(confirmed_at=utc_now() - timedelta(hours=1)))
        db.session.commit()
        page.goto(path)
        return page

    return opened


@pytest.mark.parametrize("width", [1440, 820, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit_the_screen(
    alices: Callable[..., Page], alice: User, width: int, scheme: str
) -> None:
    sessions.start(alice, browser=PHONE, address="2001:db8:85a3:8d3:1319:8a2e:370:7348")
    tokens.create(alice, "CI", ["read"])
    page = alices("/account/security", width=width, color_scheme=scheme)
    expect(page.get_by_role("button", name="Sign out everywhere else")).to_be_visible()
    assert (axe(page), page.evaluate(CUT_OFF)) == ([], [])
    page.goto("/account")
    assert (axe(page), page.evaluate(CUT_OFF)) == ([], [])
    page.get_by_label("Name", exact=True).last.fill("nightly report")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("heading", name="Enter your password")).to_be_visible()
    page.watch.forgive("403")
    assert (axe(page), page.evaluate(CUT_OFF)) == ([], [])
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#new-token")).to_be_visible()
    assert db.session.scalar(select(func.count()).select_from(ApiToken)) == 2


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_two_step_sign_in_is_set_up_and_asked_for(
    page_factory: Callable[..., Page], live_server: str, alice: User, width: int, scheme: str
) -> None:
    page = page_factory(live_server, width=width, color_scheme=scheme)

    def enter_password(target: str) -> None:
        page.goto(f"/sign-in?next={target}")
        page.get_by_label("Email").fill(alice.email)
        page.get_by_label("Password").fill(factories.PASSWORD)
        page.get_by_role("button", name="Sign in").click()

    enter_password("/account/security")
    page.get_by_role("link", name="Set up").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    assert page.locator(".qr").evaluate("each => each.naturalWidth") > 0
    assert (axe(page), page.evaluate(CUT_OFF)) == ([], [])
    key = page.locator("code.secret").inner_text().replace(" ", "")
    page.get_by_label("Enter the code").fill(code_at(key, utc_now()))
    page.get_by_role("button", name="Turn on").click()
    codes = page.locator("#recovery-codes").inner_text().split()
    assert (len(codes), axe(page), page.evaluate(CUT_OFF)) == (10, [], [])
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_text().split() == codes
    page.get_by_role("link", name="I saved them").click()
    expect(page.get_by_text("10 left")).to_be_visible()
    assert (axe(page), page.evaluate(CUT_OFF)) == ([], [])
    page.get_by_role("button", name="Sign out").first.click()
    page.wait_for_url("**/sign-in")
    enter_password("/account")
    expect(page.get_by_label("Code")).to_be_focused()
    assert (axe(page), page.evaluate(CUT_OFF)) == ([], [])
    page.get_by_role("link", name="Use a recovery code").click()
    assert (axe(page), page.evaluate(CUT_OFF)) == ([], [])
    page.get_by_label("Recovery code").fill(codes[0].lower())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/account")


def test_an_open_page_is_left_when_its_session_is_ended_elsewhere(
    alices: Callable[..., Page], alice: User
) -> None:
    page = alices("/notifications")
    expect(page.locator("#live")).to_be_attached()
    sessions.end_others(alice, 0)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=10_000)


def test_signing_out_clears_the_browsers_storage(alices: Callable[..., Page]) -> None:
    page = alices("/account")
    page.evaluate("sessionStorage.setItem('undos', '[]'); localStorage.setItem('a', 'b')")
    page.get_by_role("button", name="Sign out").first.click()
    page.wait_for_url("**/sign-in")
    assert page.evaluate("localStorage.length") == 0
