from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.notifications import inbox
from tests.support import factories
from tests.views.inbox import HX, fresh, send, titles

SignIn = Callable[[User], FlaskClient]
KEY = "resume_processed-1-260312"


@pytest.fixture
def three(alice: User) -> list[Notification]:
    """A stack of three and a single row, the newest first."""
    return factories.stack(alice, (KEY, KEY, "", KEY))


def test_a_stack_is_one_row_with_a_count_that_a_plain_link_expands(
    sign_in: SignIn, alice: User, three: list[Notification]
) -> None:
    client = sign_in(alice)
    page = client.get("/notifications").text
    assert titles(page) == ["Number 0", "Number 2"]
    assert "3 notifications" in page
    link = re.search(r'href="([^"]+)" aria-expanded="false"', page)
    assert link is not None
    opened = client.get(link[1].replace("&amp;", "&")).text
    assert titles(opened) == ["Number 0", "Number 0", "Number 1", "Number 3", "Number 2"]
    assert 'href="/notifications" aria-expanded="true"' in opened
    assert opened.count("row--member") == 3


def test_without_grouping_every_row_is_listed(
    sign_in: SignIn, alice: User, three: list[Notification]
) -> None:
    alice.preference.stack_notifications = False
    db.session.commit()
    page = sign_in(alice).get("/notifications").text
    assert titles(page) == ["Number 0", "Number 1", "Number 2", "Number 3"]
    assert "data-stack=" not in page


def test_the_api_lists_every_row(
    client: FlaskClient, token: Callable[..., dict[str, str]], alice: User, three: list[Notification]
) -> None:
    assert len(client.get("/api/notifications/", headers=token(alice)).json["results"]) == 4


def test_a_long_stack_expands_partly_and_links_to_all_rows(sign_in: SignIn, alice: User) -> None:
    now = utc_now()
    for n in range(60):
        factories.notification(alice, f"Number {n}", stack_key=KEY, created_at=now - timedelta(seconds=n))
    client = sign_in(alice)
    page = client.get(f"/notifications?stack={KEY}").text
    assert page.count("row--member") == 50
    everything = client.get(f"/notifications?within={KEY}").text
    assert f'href="/notifications?within={KEY}">All 60' in page
    assert titles(everything) == [f"Number {n}" for n in range(50)]
    assert "Older" in everything


@pytest.mark.parametrize("how", ["row", "ticked"])
def test_actions_on_a_stack_change_all_its_rows_and_can_be_undone(
    sign_in: SignIn, alice: User, three: list[Notification], how: str
) -> None:
    client = sign_in(alice)
    if how == "row":
        send(client, f"/notifications/changes?all=1&action=done&stack={KEY}")
    else:
        send(client, "/notifications/changes", action="done", stacks=KEY)
    assert [fresh(row).is_done for row in three] == [True, True, False, True]
    assert "3 marked done" in client.get("/notifications").text
    send(client, "/notifications/changes/1/undo")
    assert not any(fresh(row).is_done for row in three)


def test_bulk_actions_skip_notifications_newer_than_the_list(
    sign_in: SignIn, alice: User, three: list[Notification]
) -> None:
    view = f"upto={inbox.write_cursor('n', three[0].surfaced_at, three[0].id)}"
    late = factories.notification(alice, "Late", stack_key=KEY)
    client = sign_in(alice)
    send(client, f"/notifications/changes?all=1&action=done&stack={KEY}", view=view)
    assert not fresh(late).is_done
    send(client, "/notifications/changes?all=1&action=read", view=view)
    assert not fresh(late).is_read
    assert 'data-newer="1"' in client.get(f"/notifications/pulse?list=1&{view}").text


def test_marking_a_day_done_changes_only_that_day(sign_in: SignIn, alice: User) -> None:
    alice.time_zone = "Pacific/Auckland"
    db.session.commit()
    client = sign_in(alice)
    now = utc_now()
    rows = [
        factories.notification(alice, f"Row {n}", created_at=now - timedelta(hours=6 * n)) for n in range(8)
    ]
    page = client.get("/notifications").text
    buttons = re.findall(r'formaction="([^"]+day=[^"]+)"', page)
    assert len(buttons) == page.count('class="day__head"')
    assert "Mark today done" in page
    days = re.split(r'class="day__head"', page)[1:]
    send(client, buttons[1].replace("&amp;", "&"))
    done = {row.title for row in rows if fresh(row).is_done}
    assert done == set(titles(days[1]))
    assert not re.search("Mark .*day done", client.get("/notifications?place=done").text)


def test_selecting_all_matches_reaches_beyond_the_page_and_counts_them(sign_in: SignIn, alice: User) -> None:
    now = utc_now()
    for n in range(60):
        factories.notification(alice, created_at=now - timedelta(minutes=n))
    other = factories.notification(alice, "A job", notification_type="job_created")
    client = sign_in(alice)
    assert "All 60" in client.get("/notifications/total?category=interview").text
    answer = send(
        client, "/notifications/changes", headers=HX, action="done", every="1", view="category=interview"
    )
    assert "60 marked done" in answer.text
    assert not fresh(other).is_done


def test_a_damaged_bound_is_explained(sign_in: SignIn, alice: User) -> None:
    assert sign_in(alice).get("/notifications?upto=nonsense").status_code == 400
