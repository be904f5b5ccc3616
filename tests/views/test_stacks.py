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
from tests.views.test_notifications import HX, fresh, send, titles

SignIn = Callable[[User], FlaskClient]
KEY = "resume_processed-1-260312"


@pytest.fixture
def three(alice: User) -> list[Notification]:
    """A stack of three and one row that stands alone, the newest first."""
    now = utc_now()
    return [
        factories.notification(alice, f"Resume {n}", stack_key=key, created_at=now - timedelta(minutes=n))
        for n, key in enumerate((KEY, KEY, "", KEY))
    ]


def test_a_stack_is_one_row_that_says_how_many_and_opens_by_a_plain_link(
    sign_in: SignIn, alice: User, three: list[Notification]
) -> None:
    client = sign_in(alice)
    page = client.get("/notifications").text
    assert titles(page) == ["Resume 0", "Resume 2"]
    assert "3 notifications" in page
    link = re.search(r'href="([^"]+)" aria-expanded="false"', page)
    assert link is not None
    opened = client.get(link[1].replace("&amp;", "&")).text
    assert titles(opened) == ["Resume 0", "Resume 0", "Resume 1", "Resume 3", "Resume 2"]
    assert 'href="/notifications" aria-expanded="true"' in opened
    assert opened.count("row--member") == 3


def test_whoever_wants_no_stacks_sees_every_row(
    sign_in: SignIn, alice: User, three: list[Notification]
) -> None:
    alice.preference.stack_notifications = False
    db.session.commit()
    page = sign_in(alice).get("/notifications").text
    assert titles(page) == ["Resume 0", "Resume 1", "Resume 2", "Resume 3"]
    assert "aria-expanded" not in page


def test_the_api_lists_every_row(
    client: FlaskClient, token: Callable[..., dict[str, str]], alice: User, three: list[Notification]
) -> None:
    assert len(client.get("/api/notifications/", headers=token(alice)).json["results"]) == 4


def test_a_long_stack_opens_in_part_and_leads_to_all_of_it(sign_in: SignIn, alice: User) -> None:
    now = utc_now()
    for n in range(60):
        factories.notification(alice, f"Resume {n}", stack_key=KEY, created_at=now - timedelta(seconds=n))
    client = sign_in(alice)
    page = client.get(f"/notifications?stack={KEY}").text
    assert page.count("row--member") == 50
    everything = client.get(f"/notifications?within={KEY}").text
    assert f'href="/notifications?within={KEY}">All 60' in page
    assert titles(everything) == [f"Resume {n}" for n in range(50)]
    assert "Older" in everything


@pytest.mark.parametrize("how", ["row", "ticked"])
def test_what_is_done_to_a_stack_is_done_to_all_of_it_and_undone(
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


def test_what_came_after_the_list_was_read_is_not_acted_upon(
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


def test_done_with_a_day_ends_that_day_of_the_list_and_no_other(sign_in: SignIn, alice: User) -> None:
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


def test_all_that_match_reaches_beyond_the_page_and_says_how_many(sign_in: SignIn, alice: User) -> None:
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
