"""Saved views: made from a list, in the navigation with their numbers, renamed, moved, deleted and brought back."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from app.models import User
from app.services.notifications import saved_views
from app.services.notifications.saved_views import Filter
from tests.support import factories
from tests.views.test_notifications import HOSTILE, HX, SignIn, send

PATH = "/notifications/views"


def names(user: User) -> list[str]:
    return [view.name for view in saved_views.list_views(user)]


def entries(page: str) -> list[tuple[str, str]]:
    """Name and number of each view in the navigation."""
    return re.findall(r'nav__name">([^<]*)</span><span class="nav__count">([^<]*)</span>', page)


def test_a_list_is_saved_and_its_link_leads_back_to_it(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, "Priya", priority="urgent")
    factories.notification(alice, "Anders", priority="urgent")
    client = sign_in(alice)
    address = "category=interview&priority=urgent&q=pri"
    # Without scripts, the list as it was when the page came is the list that is shown.
    assert send(client, PATH, name="Other", list="q=other").location == "/notifications?q=other"
    made = send(client, PATH, name="Hers", list="q=other", view=f"{address}&open=5&limit=100")
    assert (made.status_code, made.location) == (303, f"/notifications?{address}")
    page = client.get(made.location).text
    assert entries(page) == [("Other", ""), ("Hers", "1")]
    assert "Saved as “Hers”" in page
    assert re.search(
        r'href="/notifications\?category=interview&amp;priority=urgent&amp;q=pri"[^>]*aria-current', page
    )
    assert 'aria-current="true"' not in client.get("/notifications").text


def test_a_view_that_cannot_be_saved_says_why_and_stays_on_the_page(sign_in: SignIn, alice: User) -> None:
    saved_views.create(alice, "Hers", Filter(search="x"))
    client = sign_in(alice)
    for data, sentence in (
        ({"name": "hers", "view": "q=y"}, "called “hers” already"),
        ({"name": "", "view": "q=y"}, "Give the view a name"),
        ({"name": "New", "view": "q=is:nonsense"}, "is:nonsense"),
    ):
        for headers in ({}, HX):
            answer = send(client, PATH, headers, **data)
            assert (answer.status_code, sentence in answer.text) == (422, True)
    assert names(alice) == ["Hers"]
    assert send(client, PATH, HX, name="New", view="q=y").headers["HX-Redirect"] == "/notifications?q=y"


def test_numbers_follow_what_happens_in_every_open_page(sign_in: SignIn, alice: User) -> None:
    row = factories.notification(alice, "Priya", priority="urgent")
    saved_views.create(alice, "Urgent", Filter(priority=("urgent",)))
    client = sign_in(alice)
    for path in ("/notifications/pulse", "/notifications/pulse?list=1"):
        assert entries(client.get(path).text) == [("Urgent", "1")]
    answer = send(client, f"/notifications/{row.id}/archival", HX)
    assert entries(answer.text) == [("Urgent", "")]
    assert entries(client.get("/preferences").text) == [("Urgent", "")]


def test_without_views_the_navigation_has_no_heading_and_the_page_says_how(
    sign_in: SignIn, alice: User
) -> None:
    client = sign_in(alice)
    assert re.search(r'<nav[^>]*id="views"[^>]* hidden>', client.get("/notifications").text)
    assert "No views yet" in client.get(PATH).text


def test_views_are_renamed_and_moved(sign_in: SignIn, alice: User) -> None:
    one, two = (saved_views.create(alice, name, Filter(search=name)) for name in ("one", "two"))
    client = sign_in(alice)
    assert send(client, f"{PATH}/{one.id}", name="first").location == PATH
    assert names(alice) == ["first", "two"]
    assert send(client, f"{PATH}/{two.id}/position", to="up").location == PATH
    assert names(alice) == ["two", "first"]
    answer = send(client, f"{PATH}/{two.id}/position", HX, to="down")
    assert entries(answer.text) == [("first", ""), ("two", "")]
    assert answer.text.index(f'id="view-{one.id}"') < answer.text.index(f'id="view-{two.id}"')


def test_a_deleted_view_is_brought_back_by_undo(sign_in: SignIn, alice: User) -> None:
    view = saved_views.create(alice, "Hers", Filter(search="x"))
    client = sign_in(alice)
    send(client, f"{PATH}/{view.id}", _method="delete", name="Hers")
    assert names(alice) == []
    page = client.get(PATH).text
    assert "Deleted “Hers”" in page
    undo = re.search(r'<form method="post" action="([^"]+)" data-undo>', page)
    assert undo
    assert send(client, undo[1]).location == PATH
    assert names(alice) == ["Hers"]


def test_views_are_their_owners_alone(
    sign_in: SignIn, client: FlaskClient, alice: User, charlie: User
) -> None:
    view = saved_views.create(alice, "Hers", Filter(search="x"))
    stranger = sign_in(charlie)
    for path in ("", "/position", "/restoration"):
        assert send(stranger, f"{PATH}/{view.id}{path}", name="mine", to="up").status_code == 404
        assert stranger.get(f"{PATH}/{view.id}{path}").status_code == 405
    assert entries(stranger.get("/notifications").text) == []
    assert client.get(PATH).location.startswith("/sign-in")
    assert names(alice) == ["Hers"]


@pytest.mark.parametrize("name", [HOSTILE[:60], "  spaced   out ", "日本"])
def test_any_name_is_text(sign_in: SignIn, alice: User, name: str) -> None:
    client = sign_in(alice)
    assert send(client, PATH, name=name, view="q=x").status_code == 303
    for path in (PATH, "/notifications"):
        page = client.get(path).text
        assert "<img src=x" not in page
    assert names(alice) == [" ".join(name.split())]
