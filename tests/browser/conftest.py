"""Fixtures of the browser tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page

from app.clock import utc_now
from app.models import Notification, User
from tests.support import factories
from tests.support.browser import sign_in_browser

Open = Callable[..., Page]


@pytest.fixture
def open_inbox(
    page_factory: Open, live_server: str, sign_in: Callable[[User], FlaskClient], alice: User
) -> Open:
    """Open a page of the inbox in Alice's signed-in browser."""

    def opened(path: str = "/notifications", **options: Any) -> Page:
        page = page_factory(live_server, **options)
        sign_in_browser(page, sign_in(alice), live_server)
        page.goto(path)
        return page

    return opened


@pytest.fixture
def five(alice: User) -> list[Notification]:
    """Five unread rows, the newest first."""
    now = utc_now()
    return [
        factories.notification(alice, f"Number {n}", created_at=now - timedelta(minutes=n)) for n in range(5)
    ]
