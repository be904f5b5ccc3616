"""With the reading pane open, the row that has the focus is the one that is shown and acted on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from app.clock import utc_now
from app.models import Notification, User
from tests.browser.conftest import Open
from tests.browser.inbox import (
    focused_title,
    held_request,
    hold_requests,
    press,
    reloaded,
    row,
    wait_until,
)
from tests.support import factories

# Adds [what the pane shows, the id that is archived] for each request that marks something done.
WATCH_DONE = """() => {
    window.done = [];
    document.addEventListener('htmx:before:request', ({ detail: { ctx } }) => {
        const id = ctx.request.action.match(/(\\d+)\\/archival/)?.[1];
        if (id) window.done.push([window.atKey, id]);
    });
    addEventListener('keydown', () => {
        window.atKey = document.querySelector('#pane:not([hidden]) .pane__title')?.textContent ?? '';
    }, true);
}"""


def shown_title(page: Page) -> str:
    return page.locator("#pane .pane__title").inner_text()


def test_the_pane_follows_the_focus(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    press(page, "j", "Enter")
    expect(page.locator(f"#pane #bar-{five[0].id}")).to_be_visible()
    press(page, "j", "j")
    assert (focused_title(page), shown_title(page)) == ("Number 2", "Number 2")
    expect(page.locator(f"#pane #bar-{five[2].id}")).to_be_visible()
    expect(page.locator("#list [aria-current]")).to_have_text("Unread. Interview: Number 2")
    page.keyboard.press("e")
    assert (focused_title(page), shown_title(page)) == ("Number 3", "Number 3")
    expect(page.locator(f"#pane #bar-{five[3].id}")).to_be_visible()
    page.keyboard.press("z")
    expect(row(page, "Number 2")).to_have_count(1)
    wait_until(lambda: shown_title(page) == "Number 2")
    assert focused_title(page) == "Number 2"


def test_opening_the_pane_leaves_the_list_in_place(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    top = "() => document.querySelector('#list .row').getBoundingClientRect().top"
    before = page.evaluate(top)
    press(page, "j", "Enter")
    bar = page.locator(f"#pane #bar-{five[0].id}")
    expect(bar.get_by_role("button", name="Done")).to_contain_text("E")
    assert page.evaluate(top) == before
    assert bar.evaluate("(one) => one.getBoundingClientRect().height") < 60, "one line of buttons"


def test_a_notification_is_read_once_it_has_been_shown_for_a_second(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    press(page, "j", "Enter")
    expect(row(page, "Number 0")).not_to_have_attribute("data-unread", "")
    press(page, "j", "j", "j")
    expect(page.locator(f"#pane #bar-{five[3].id}")).to_be_visible()
    expect(row(page, "Number 3")).to_have_attribute("data-unread", "")
    expect(row(page, "Number 3")).not_to_have_attribute("data-unread", "")
    assert [reloaded(one).is_read for one in five] == [True, False, False, True, False]
    assert page.url.endswith(f"?open={five[3].id}")


def test_marking_the_shown_notification_unread_has_the_last_word(
    open_inbox: Open, five: list[Notification]
) -> None:
    page = open_inbox()
    press(page, "j", "Enter")
    expect(row(page, "Number 0")).not_to_have_attribute("data-unread", "")
    page.clock.install()
    page.keyboard.press("j")
    page.clock.run_for(100)
    expect(page.locator(f"#pane #bar-{five[1].id}")).to_be_visible()
    sent: list[str] = []
    answered: list[str] = []
    reading = f"/notifications/{five[1].id}/reading"
    page.on("request", lambda request: sent.append(request.url) if reading in request.url else None)
    page.on("response", lambda response: answered.append(response.url) if reading in response.url else None)
    press(page, "u", "u")
    page.clock.run_for(2000)
    press(page, "j", "e")
    wait_until(lambda: reloaded(five[2]).is_done)
    # The second waits for the response to the first. Playwright reports both only while it is called.
    wait_until(lambda: page.title() != "" and len(answered) >= 2)
    assert len(sent) == 2
    assert not reloaded(five[1]).is_read


def test_moving_on_replaces_a_request_under_way(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(f"/notifications?open={five[0].id}")
    held = hold_requests(page, f"**/notifications/{five[1].id}")
    page.keyboard.press("j")
    route = held_request(page, held)
    page.keyboard.press("j")
    expect(page.locator(f"#pane #bar-{five[2].id}")).to_be_visible()
    route.continue_()
    expect(page.locator(f"#pane #bar-{five[2].id}")).to_be_visible()
    assert shown_title(page) == "Number 2"


def test_the_title_stays_while_a_slow_response_is_awaited(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(f"/notifications?open={five[0].id}")
    held = hold_requests(page, f"**/notifications/{five[1].id}")
    page.keyboard.press("j")
    route = held_request(page, held)
    expect(page.locator("#pane")).to_have_attribute("aria-busy", "true")
    assert shown_title(page) == "Number 1"
    route.continue_()
    expect(page.locator(f"#pane #bar-{five[1].id}")).to_be_visible()
    assert shown_title(page) == "Number 1"


def test_a_pane_closed_while_it_loads_stays_closed(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox()
    held = hold_requests(page, f"**/notifications/{five[1].id}")
    page.clock.install()
    page.get_by_role("link", name="Number 1").click()
    route = held_request(page, held)
    page.keyboard.press("Escape")
    page.clock.fast_forward(1000)  # Until an outline would show.
    expect(page.locator("#pane")).to_be_hidden()
    with page.expect_response(f"**/notifications/{five[1].id}"):
        route.continue_()
    expect(page.locator("#pane")).to_be_hidden()
    assert "open=" not in page.url


def test_a_stack_is_shown_by_its_title_and_number(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    for n in range(4):
        factories.notification(
            alice, f"Row {n}", stack_key="a" if n < 3 else "", created_at=now - timedelta(minutes=n)
        )
    page = open_inbox()
    press(page, "j", "j", "Enter")
    expect(page.locator("#pane").get_by_role("heading", name="Row 3")).to_be_visible()
    page.keyboard.press("k")
    expect(page.locator("#pane")).to_contain_text("3 notifications")
    expect(page.locator("#pane").get_by_role("button", name="Done")).to_be_hidden()
    page.keyboard.press("e")
    expect(page.locator("#list .row")).to_have_count(1)
    assert (focused_title(page), shown_title(page)) == ("Row 3", "Row 3")
    page.keyboard.press("e")
    expect(page.locator("#pane")).to_be_hidden()


def test_a_button_of_another_row_leaves_the_pane_as_it_is(open_inbox: Open, five: list[Notification]) -> None:
    page = open_inbox(f"/notifications?open={five[0].id}")
    row(page, "Number 3").hover()
    page.get_by_role("button", name="Mark done: Number 3").click()
    expect(page.locator("#list .row")).to_have_count(4)
    assert shown_title(page) == "Number 0"
    page.keyboard.press("e")
    wait_until(lambda: [reloaded(one).is_done for one in five] == [True, False, False, True, False])


@pytest.mark.long
def test_no_key_acts_on_a_row_that_is_not_shown(open_inbox: Open, alice: User) -> None:
    now = utc_now()
    rows = [
        factories.notification(alice, f"Row {n:02}", created_at=now - timedelta(minutes=n)) for n in range(80)
    ]
    page = open_inbox()
    page.evaluate(WATCH_DONE)
    press(page, "j", "Enter")
    expect(page.locator("#pane .pane__title")).to_have_text("Row 00")
    caught_up = page.get_by_role("heading", name="You're all caught up")
    while not caught_up.is_visible():
        # Older rows move up once the first fifty are gone, and the first of them is shown.
        page.wait_for_selector("#list .row:focus-within, .empty", state="visible")
        press(page, "j", "e", "k", "e")
    wait_until(lambda: all(reloaded(one).is_done for one in rows))
    titles = {str(one.id): one.title for one in rows}
    done = page.evaluate("window.done")
    assert [shown for shown, _id in done if shown] == [titles[archived] for shown, archived in done if shown]
    assert [shown for shown, _id in done].count("") < 3
    assert len(done) == len(rows)
