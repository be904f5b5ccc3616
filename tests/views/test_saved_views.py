"""Saved views and recent searches over HTTP."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from app.models import User
from app.services.notifications import counts, recent_searches, saved_views
from app.services.notifications.saved_views import SavedFilter
from tests.support import factories
from tests.views.inbox import HOSTILE, HX, SignIn, send, titles

PATH = "/notifications/views"
SEARCHES = "/notifications/searches"


def names(user: User) -> list[str]:
    return [view.name for view in saved_views.list_views(user)]


def entries(page: str) -> list[tuple[str, str]]:
    """Name and unread number of each view in the navigation."""
    return re.findall(r'nav__name"[^>]*>([^<]*)</span><span class="nav__count">([^<]*)', page)


def test_a_saved_view_links_to_its_list(sign_in: SignIn, alice: User) -> None:
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


def test_a_view_that_cannot_be_saved_is_an_error_on_the_same_page(sign_in: SignIn, alice: User) -> None:
    saved_views.create(alice, "Hers", SavedFilter(search="x"))
    client = sign_in(alice)
    for data, sentence in (
        ({"name": "hers", "view": "q=y"}, "already have a view called “hers”"),
        ({"name": "", "view": "q=y"}, "Give the view a name"),
        ({"name": "New", "view": "q=is:nonsense"}, "is:nonsense"),
    ):
        for headers in ({}, HX):
            answer = send(client, PATH, headers, **data)
            assert (answer.status_code, sentence in answer.text) == (422, True)
    assert names(alice) == ["Hers"]
    assert send(client, PATH, HX, name="New", view="q=y").headers["HX-Redirect"] == "/notifications?q=y"


def test_counts_of_views_are_updated_in_open_pages(sign_in: SignIn, alice: User) -> None:
    row = factories.notification(alice, "Priya", priority="urgent")
    saved_views.create(alice, "Urgent", SavedFilter(priority=("urgent",)))
    client = sign_in(alice)
    for path in ("/notifications/pulse", "/notifications/pulse?list=1"):
        assert entries(client.get(path).text) == [("Urgent", "1")]
    answer = send(client, f"/notifications/{row.id}/archival", HX)
    assert entries(answer.text) == [("Urgent", "")]
    assert entries(client.get("/preferences").text) == [("Urgent", "")]


def test_without_views_the_navigation_has_no_heading_and_the_page_explains_them(
    sign_in: SignIn, alice: User
) -> None:
    client = sign_in(alice)
    assert re.search(r'<nav[^>]*id="views"[^>]* hidden>', client.get("/notifications").text)
    assert "No views yet" in client.get(PATH).text


def test_views_are_renamed_and_moved(sign_in: SignIn, alice: User) -> None:
    one, two = (saved_views.create(alice, name, SavedFilter(search=name)) for name in ("one", "two"))
    client = sign_in(alice)
    assert send(client, f"{PATH}/{one.id}", name="first", colour="green").location == PATH
    assert names(alice) == ["first", "two"]
    assert re.search('data-view data-type="candidate".*?first', client.get(PATH).text, re.DOTALL)
    assert send(client, f"{PATH}/{one.id}", name="first", colour="pink").status_code == 422
    assert send(client, f"{PATH}/{two.id}/position", to="up").location == PATH
    assert names(alice) == ["two", "first"]
    answer = send(client, f"{PATH}/{two.id}/position", HX, to="down")
    assert entries(answer.text) == [("first", ""), ("two", "")]
    assert answer.text.index(f'id="view-{one.id}"') < answer.text.index(f'id="view-{two.id}"')


def test_deleting_a_view_can_be_undone(sign_in: SignIn, alice: User) -> None:
    view = saved_views.create(alice, "Hers", SavedFilter(search="x"))
    client = sign_in(alice)
    send(client, f"{PATH}/{view.id}", _method="delete", name="Hers")
    assert names(alice) == []
    page = client.get(PATH).text
    assert "Deleted “Hers”" in page
    undo = re.search(r'<form method="post" action="([^"]+)" data-undo>', page)
    assert undo
    assert send(client, undo[1]).location == PATH
    assert names(alice) == ["Hers"]


def test_views_are_private(sign_in: SignIn, client: FlaskClient, alice: User, charlie: User) -> None:
    view = saved_views.create(alice, "Hers", SavedFilter(search="x"))
    stranger = sign_in(charlie)
    for path in ("", "/position", "/restoration"):
        assert send(stranger, f"{PATH}/{view.id}{path}", name="mine", to="up").status_code == 404
        assert stranger.get(f"{PATH}/{view.id}{path}").status_code == 405
    assert entries(stranger.get("/notifications").text) == []
    assert client.get(PATH).location.startswith("/sign-in")
    assert names(alice) == ["Hers"]


@pytest.mark.parametrize("name", [HOSTILE[:60], "  spaced   out ", "日本"])
def test_names_of_views_are_escaped(sign_in: SignIn, alice: User, name: str) -> None:
    client = sign_in(alice)
    assert send(client, PATH, name=name, view="q=x").status_code == 303
    for path in (PATH, "/notifications"):
        page = client.get(path).text
        assert "<img src=x" not in page
    assert names(alice) == [" ".join(name.split())]


def test_search_matches_are_highlighted_and_markup_is_escaped(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, "Priya <b>Raman</b>", message="No & nothing")
    page = sign_in(alice).get("/notifications?q=raman+no").text
    assert "Priya &lt;b&gt;<mark>Raman</mark>&lt;/b&gt;" in page
    assert "<mark>No</mark> &amp; <mark>nothing</mark>" in page


def test_an_unknown_search_term_finds_nothing_and_lists_the_known_ones(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, "Priya")
    client = sign_in(alice)
    for headers in ({}, HX):
        response = client.get("/notifications?q=is:unred+priya", headers=headers)
        assert response.status_code == 200
        assert titles(response.text) == []
        assert "“is:unred” is not valid. Use one of is:unread, is:read" in response.text
    assert "We can't read" in client.get("/notifications?q=is:unred").text
    assert client.get("/notifications/pulse?list=1&q=is:unred").status_code == 200


def test_changing_all_matches_of_an_invalid_search_changes_nothing(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, "Priya")
    response = send(sign_in(alice), "/notifications/changes?all=1", view="q=is:unred", action="done")
    assert response.status_code == 422
    assert "is:unred" in response.text
    assert counts.unread_count(alice.id) == 1


def test_searches_are_remembered_and_cleared(sign_in: SignIn, alice: User) -> None:
    client = sign_in(alice)
    answer = send(client, SEARCHES, HX, q='priya "on site"')
    assert "priya &#34;on site&#34;" in answer.text
    assert "q=priya+%22on+site%22" in client.get("/notifications").text
    assert send(client, SEARCHES, HX, q="is:unred").status_code == 200
    assert recent_searches.recent_searches(alice) == ['priya "on site"']
    assert send(client, SEARCHES, _method="delete").status_code == 303
    assert recent_searches.recent_searches(alice) == []


def test_searches_are_private(sign_in: SignIn, client: FlaskClient, alice: User, charlie: User) -> None:
    send(sign_in(alice), SEARCHES, q="secret plan")
    assert recent_searches.recent_searches(alice) == ["secret plan"]
    assert "secret plan" not in sign_in(charlie).get("/notifications").text
    assert client.post(SEARCHES, data={"q": "x"}).status_code == 400
    assert sign_in(alice).get(SEARCHES).status_code == 405
