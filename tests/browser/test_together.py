"""Several tabs and a script change one inbox at once and all show the same in the end."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from app.clock import utc_now
from app.database.base import db
from app.models import User
from app.services.notifications import actions, counts, inbox
from app.services.notifications.filters import Filters
from app.views.presenters.inbox_list import revision, row_id
from tests.browser.conftest import Open
from tests.support import factories

# To run longer: BELLHOP_SECONDS=60 BELLHOP_SEED=7 pytest tests/browser/test_together.py
SECONDS = float(os.environ.get("BELLHOP_SECONDS", "6"))
SEED = int(os.environ.get("BELLHOP_SEED", "2026"))
CHANGES = ("read", "unread", "done", "undone", "saved", "unsaved", "snooze", "unsnooze")
SETTLED = """() => !document.querySelector('.htmx-request, .htmx-swapping, [aria-busy=true]')"""
# What the page shows: its rows in order, and the counts.
STANDS = """() => ({
    rows: [...document.querySelectorAll('#list .row')].map(row => `${row.id}:${row.dataset.rev}`),
    areMarked: [...document.querySelectorAll('#list .row:not([data-count])')].every(
        row => row.hasAttribute('data-unread') === !(parseInt(row.dataset.rev) & 1)),
    newer: document.querySelector('#fresh').hidden ? 0 : Number(document.querySelector('#fresh [data-n]').textContent),
    unread: parseInt(document.querySelector('#unread-count').textContent) || 0,
    title: document.title,
    upto: document.querySelector('#list').dataset.upto,
})"""


@pytest.fixture
def tab(open_inbox: Open) -> Callable[[], Page]:
    """Open a browser of Alice's and wait until it is connected."""

    def opened() -> Page:
        page = open_inbox()
        expect(page.locator("#live[data-rows]")).to_be_attached()
        return page

    return opened


@dataclass
class Actor:
    """Does one random thing per call."""

    chance: random.Random

    def of(self, page: Page) -> None:
        """Press a key on a random row, without waiting for earlier responses."""
        if self.chance.random() < 0.05:
            page.evaluate(
                "() => { const pill = document.querySelector('#fresh'); if (!pill.hidden) pill.click(); }"
            )
            return
        place = self.chance.randrange(12)
        page.evaluate(
            """place => { const all = [...document.querySelectorAll('#list .row:not([aria-busy]) .row__link')];
                          all[place % (all.length || 1)]?.focus(); }""",
            place,
        )
        keys = self.chance.choices(
            (["e"], ["u"], ["l"], ["z"], ["x", "j", "x", "e"], ["x", "j", "X", "u"], ["Enter"], ["Escape"]),
            weights=(5, 6, 2, 5, 2, 2, 1, 2),
        )[0]
        for key in keys:
            page.keyboard.press(key)

    def changes(self, client: FlaskClient, headers: dict[str, str]) -> None:
        """Change some rows and perhaps undo it."""
        found = client.get("/api/notifications/", headers=headers).json["results"]
        some = [row["id"] for row in self.chance.sample(found, min(3, len(found)))]
        body = {"action": self.chance.choice(CHANGES), "notification_ids": some}
        if body["action"] == "snooze":
            body["until"] = (utc_now() + timedelta(seconds=2)).isoformat()
        made = client.post("/api/notifications/changes/", json=body, headers=headers)
        assert made.status_code == 200, made.text
        if made.json["id"] and self.chance.random() < 0.5:
            client.post(f"/api/notifications/changes/{made.json['id']}/undo/", headers=headers)

    def reports(self, client: FlaskClient, headers: dict[str, str]) -> None:
        """Create a notification, single or in a stack."""
        body = factories.event_body(
            self.chance.choice(["resume.processed", "job.created"]), ["alice@example.test"]
        )
        assert client.post("/api/events/", json=body, headers=headers).status_code == 201


def truth(alice: User, upto: str) -> dict[str, object]:
    """Return what a page must show that has loaded nothing newer than this."""
    db.session.rollback()
    db.session.expire_all()
    filters = Filters(upto=inbox.read_cursor(upto)[1:] if upto else None)
    page = inbox.page_for(alice, filters, is_stacked=True)
    found = [(row, page.stacks.get(row.stack_key)) for row in page.rows]
    unread = counts.unread_count(alice.id)
    return {
        "rows": [f"{row_id(row, stack)}:{revision(row, stack)}" for row, stack in found],
        "areMarked": True,
        "newer": counts.newer_count(alice, filters),
        "unread": unread,
        "title": f"Inbox ({unread} unread) · Bellhop" if unread else "Inbox · Bellhop",
    }


def differs(page: Page, alice: User) -> str:
    """Return how a page differs from the database once all responses have arrived."""
    end = time.monotonic() + 20
    while True:
        page.evaluate("() => document.querySelector('[data-stack][aria-expanded=true]')?.click()")
        page.wait_for_function(SETTLED)
        shown = page.evaluate(STANDS)
        wanted = truth(alice, shown.pop("upto"))
        if shown == wanted:
            return ""
        if time.monotonic() > end:
            return "; ".join(
                f"{name} {shown[name]} but {wanted[name]}" for name in wanted if shown[name] != wanted[name]
            )
        page.wait_for_timeout(100)


@pytest.mark.timeout(300 + SECONDS)
def test_two_browsers_and_a_script_agree_with_the_database(
    app: Flask, tab: Callable[[], Page], token: Callable[..., dict[str, str]], alice: User
) -> None:
    now = utc_now()
    for n in range(40):
        kind, key = ("resume_processed", "r-1-260101") if n % 3 == 0 else ("interview_scheduled", "")
        made = now - timedelta(seconds=n + 1)
        factories.notification(alice, f"Row {n}", notification_type=kind, stack_key=key, created_at=made)
    tabs, loads = (tab(), tab()), list[str]()
    for page in tabs:
        page.on("request", lambda sent: loads.append(sent.url) if sent.is_navigation_request() else None)
    headers, client = token(alice, "read", "write", "events"), app.test_client()
    actor = Actor(random.Random(SEED))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for page in tabs:
            actor.of(page)
        actor.chance.choice([actor.changes, actor.changes, actor.reports])(client, headers)
        tabs[0].wait_for_timeout(actor.chance.choice([0, 20, 100]))
    assert [differs(page, alice) for page in tabs] == ["", ""]
    assert not loads


def test_changes_in_one_browser_appear_in_place_in_the_other(tab: Callable[[], Page], alice: User) -> None:
    now = utc_now()
    rows = [
        factories.notification(alice, f"Number {n}", created_at=now - timedelta(minutes=n)) for n in range(5)
    ]
    one, other = tab(), tab()
    other.get_by_role("link", name="Number 3").focus()
    one.get_by_role("link", name="Number 1").focus()
    one.keyboard.press("u")
    expect(other.locator(f"#n-{rows[1].id}")).not_to_have_attribute("data-unread", "")
    one.keyboard.press("e")
    expect(other.locator(f"#n-{rows[1].id}")).to_have_count(0)
    expect(other).to_have_title("Inbox (4 unread) · Bellhop")
    one.keyboard.press("z")
    expect(other.locator(".row")).to_have_count(5)
    expect(other.locator(".row").nth(1)).to_have_attribute("id", f"n-{rows[1].id}")
    expect(other.locator("#fresh")).to_be_hidden()
    expect(other.get_by_role("link", name="Number 3")).to_be_focused()


def test_a_row_opened_in_unread_stays_in_the_list(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    rows = [
        factories.notification(alice, f"Number {n}", created_at=now - timedelta(days=n // 2, seconds=n))
        for n in range(4)
    ]
    page = open_inbox("/notifications?place=unread")
    expect(page.locator("#live[data-rows]")).to_be_attached()
    page.get_by_role("link", name="Number 1").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#live")).not_to_have_attribute("data-rows", re.compile(rf"n-{rows[1].id}:"))
    actions.change(alice, "done", ids=[rows[0].id])
    expect(page.locator(f"#n-{rows[0].id}")).to_have_count(0)
    expect(page.locator(f"#n-{rows[1].id} .row__link")).to_be_focused()
    expect(page.locator(".row")).to_have_count(3)
    page.keyboard.press("e")
    expect(page.locator(f"#n-{rows[1].id}")).to_have_count(0)
    expect(page.locator(f"#n-{rows[2].id} .row__link")).to_be_focused()
    db.session.rollback()
    assert db.session.get_one(type(rows[1]), rows[1].id, populate_existing=True).is_done
