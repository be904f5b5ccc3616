"""The pages about the API, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import axe


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_pages_about_the_api_are_readable_by_everyone(
    page_factory: Callable[..., Page], live_server: str, width: int, scheme: str
) -> None:
    page = page_factory(live_server, width=width, color_scheme=scheme)
    page.goto("/api/docs")
    page.locator("#mark_read summary").click()
    expect(page.locator("#mark_read").get_by_role("list", name="Responses")).to_be_visible()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.get_by_role("link", name="Events and their fields").click()
    page.get_by_role("navigation").get_by_role("link", name="job.created").click()
    expect(page.get_by_role("heading", name="job.created")).to_be_in_viewport()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
