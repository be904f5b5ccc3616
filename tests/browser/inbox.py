"""What tests of the inbox in a browser share."""

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


KINDS = (
    "interview_scheduled",
    "resume_processed",
    "candidate_added",
    "job_created",
    "evaluation_due",
    "system_alert",
)


def row(page: Page, title: str) -> Locator:
    return page.locator(".row", has=page.get_by_role("link", name=title))


def shown(page: Page) -> list[str]:
    return [text.rpartition(": ")[2] for text in page.locator(".row__link").all_text_contents()]


def stored(notification: Notification) -> Notification:
    db.session.refresh(notification)
    return notification


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent")).rpartition(": ")[2]


def hold(page: Page, pattern: str) -> list[Route]:
    """What the page asks from now on there, to be answered by hand.

    It is loaded anew: the next request of a page that is open already may still slip past.
    """
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(pattern, keep)
    page.reload()
    return held


def asked(page: Page, held: list[Route], number: int = 1) -> Route:
    """The first, second … request that is held; waits for it."""
    expected(page, held, number)
    return held[number - 1]


def expected(page: Page, seen: Sized, number: int) -> None:
    """Wait until so many have been seen."""
    end = time.monotonic() + 10
    while len(seen) < number:
        assert time.monotonic() < end, f"only {len(seen)} came"
        page.wait_for_timeout(10)


def until(claim: Callable[[], bool], seconds: float = 3) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
