"""A recruiter clears eighty notifications with the keyboard alone."""

from __future__ import annotations

import statistics
import sys
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from tests.browser.conftest import Open
from tests.browser.inbox import TYPES
from tests.support import factories

N = Notification
# For every key: when it was pressed, and when the first frame was painted that shows its effect.
WATCH = """() => {
    window.keys = [];
    let pressed = null;
    const seen = () => {
        if (!pressed) return;
        const mine = pressed; pressed = null;
        requestAnimationFrame(() => setTimeout(() => window.keys.push([mine.key, performance.now() - mine.at])));
    };
    addEventListener('keydown', event => {
        pressed = {key: event.key, at: performance.now()};
        if (event.key === 'q') seen();  // no key of ours: what a frame costs on this machine
    }, true);
    addEventListener('focusin', seen, true);
    addEventListener('change', seen, true);
    new MutationObserver(seen).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""
SETTLED = "() => !document.querySelector('.htmx-request, .htmx-swapping, [aria-busy=true]')"
ROWS = """() => [...document.querySelectorAll('#list .row')].map(
    row => [row.id, row.dataset.rev, row.hasAttribute('data-unread')].join(' '))"""
ANSWERS = """() => performance.getEntriesByType('resource')
    .filter(one => /archival|reading|snoozing|changes/.test(one.name))
    .map(one => one.responseStart - one.requestStart)"""


@pytest.fixture
def page(open_inbox: Open, alice: User) -> Page:
    """Open Alice's inbox with eighty notifications, some stacked, some read."""
    now = utc_now()
    for n in range(80):
        kind = TYPES[n % len(TYPES)]
        key = "resume_processed-1-260101" if kind == "resume_processed" and n < 40 else ""
        read_at = now if n % 7 == 0 else None
        made = now - timedelta(minutes=n)
        factories.notification(
            alice, f"Row {n}", notification_type=kind, stack_key=key, created_at=made, read_at=read_at
        )
    page = open_inbox()
    expect(page.locator("#live[data-rows]")).to_be_attached()
    return page


def stored(alice: User) -> list[Any]:
    """Return all her rows as they are in the database."""
    db.session.rollback()
    columns = (N.id, N.status, N.read_at, N.archived_at, N.saved_at, N.snoozed_until, N.surfaced_at)
    return list(db.session.execute(select(*columns).where(N.recipient_id == alice.id).order_by(N.id)))


def p95(times: list[float]) -> float:
    return times[int(len(times) * 0.95)]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


# Changes an element twenty times, and asks each time for the layout.
CHANGES = """selector => {
    const element = document.querySelector(selector);
    for (let n = 0; n < 20; n++) {
        element.style.paddingBlock = `${n}px`;
        element.offsetHeight;
    }
}"""


def style_passes(page: Page, selector: str) -> int:
    """Count how often the browser computes styles for twenty changes of an element's size."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def passes() -> int:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return int(next(metric["value"] for metric in metrics if metric["name"] == "RecalcStyleCount"))

    before = passes()
    page.evaluate(CHANGES, selector)
    return passes() - before


@pytest.mark.parametrize("selector", ["#list .row", "#pane .pane__body"])
def test_a_change_in_the_list_or_the_pane_leaves_the_layout_around_it_alone(
    page: Page, selector: str
) -> None:
    press(page, "j", "Enter")
    expect(page.locator("#pane .pane__title")).to_be_visible()
    # Otherwise each size container around it has one more pass, over everything inside.
    assert style_passes(page, selector) < 40


@pytest.mark.long
def test_eighty_notifications_are_triaged_by_keyboard_at_once_and_undone_one_by_one(
    page: Page, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    page.evaluate(WATCH)
    press(page, *"qjqjqkqkqjqk")
    for keys in (
        ("e",),
        ("u",),
        ("l",),
        ("x", "j", "x", "e"),
        ("x", "j", "j", "Shift+X", "l"),
        # The pane is closed before the row that it shows next is read.
        ("Enter", "e", "Escape"),
    ):
        # Older rows have replaced those that left.
        expect(page.locator("#list .row:not([aria-busy])")).to_have_count(50)
        page.wait_for_function(SETTLED)
        before, shown = stored(alice), page.evaluate(ROWS)
        press(page, *keys)
        page.wait_for_function(SETTLED)
        assert stored(alice) != before, keys
        press(page, "z")
        page.wait_for_function(SETTLED)
        assert stored(alice) == before, keys
        expect(page.locator("#toasts")).to_contain_text("Undone")
        assert page.evaluate(ROWS) == shown, keys
        press(page, "Escape", *keys)
    nothing = page.get_by_role("heading", name="You're all caught up")
    while not nothing.is_visible():
        # Older rows move up once the first fifty are gone. Then the list has the focus, and J selects the first row.
        page.wait_for_selector("#list .row:not([aria-busy]), .empty", state="visible")
        if not page.evaluate("!!document.activeElement.closest('.row')"):
            press(page, "j")
        press(page, "e")
    page.wait_for_function(SETTLED)
    assert all(row.archived_at or row.snoozed_until for row in stored(alice))
    pressed = page.evaluate("window.keys")
    times, frames = (
        sorted(time for key, time in pressed if (key == "q") is is_idle) for is_idle in (False, True)
    )
    answers = sorted(page.evaluate(ANSWERS))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(times)} keys: median {statistics.median(times):.0f} ms, p95 {p95(times):.0f} ms;"
            f" a frame alone {statistics.median(frames):.0f} ms;"
            f" the server's p95 {p95(answers):.0f} ms\n"
        )
    assert len(times) > 60
    # It is under 100 ms on an idle machine, as the printed figures show; this one is shared with other tests.
    assert statistics.median(times) < max(250, 5 * statistics.median(frames))
