"""Helpers of browser tests of the inbox."""

from __future__ import annotations

import time
from collections.abc import Callable, Sized
from typing import Any

from playwright.sync_api import Locator, Page, Route

from app.database.base import db
from app.models import Notification

SIZES: dict[str, dict[str, Any]] = {
    "wide": {"width": 1440, "height": 900},
    "phone": {"width": 390, "height": 844, "has_touch": True, "is_mobile": True},
}


TYPES = (
    "interview_scheduled",
    "resume_processed",
    "candidate_added",
    "job_created",
    "evaluation_due",
    "system_alert",
)


def row(page: Page, title: str) -> Locator:
    return page.locator(".row", has=page.get_by_role("link", name=title))


def visible_titles(page: Page) -> list[str]:
    return [text.rpartition(": ")[2] for text in page.locator(".row__link").all_text_contents()]


def reloaded(notification: Notification) -> Notification:
    db.session.refresh(notification)
    return notification


def focused_title(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent")).rpartition(": ")[2]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def hold_requests(page: Page, pattern: str) -> list[Route]:
    """Hold the matching requests of the page, for the test to continue or fail.

    Reloads the page, because the next request of an open page may still slip past.
    """
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(pattern, keep)
    page.reload()
    return held


def held_request(page: Page, held: list[Route], number: int = 1) -> Route:
    """Wait for the n-th held request and return it."""
    wait_for_count(page, held, number)
    return held[number - 1]


def wait_for_count(page: Page, seen: Sized, number: int) -> None:
    """Wait until this many have been seen."""
    end = time.monotonic() + 10
    while len(seen) < number:
        assert time.monotonic() < end, f"only {len(seen)} came"
        page.wait_for_timeout(10)


def wait_until(claim: Callable[[], bool], seconds: float = 3) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
