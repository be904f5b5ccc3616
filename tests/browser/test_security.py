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
