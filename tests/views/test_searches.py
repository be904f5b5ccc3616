"""The search box: what it finds is marked, what it cannot understand explained, what was searched offered again."""

from __future__ import annotations

from flask.testing import FlaskClient

from app.models import User
from app.services.notifications import counts, recent_searches
from tests.support import factories
from tests.views.test_notifications import HX, SignIn, send, titles

PATH = "/notifications/searches"


def test_found_words_are_marked_and_markup_stays_text(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, "Priya <b>Raman</b>", message="No & nothing")
    page = sign_in(alice).get("/notifications?q=raman+no").text
    assert "Priya &lt;b&gt;<mark>Raman</mark>&lt;/b&gt;" in page
    assert "<mark>No</mark> &amp; <mark>nothing</mark>" in page


def test_a_wrong_term_finds_nothing_and_says_what_is_possible(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, "Priya")
    client = sign_in(alice)
    for headers in ({}, HX):
        response = client.get("/notifications?q=is:unred+priya", headers=headers)
        assert response.status_code == 200
        assert titles(response.text) == []
        assert "“is:unred” is not known. Possible are is:unread, is:read" in response.text
    assert "We can't read" in client.get("/notifications?q=is:unred").text
    assert client.get("/notifications/pulse?list=1&q=is:unred").status_code == 200


def test_everything_that_a_wrong_search_finds_is_never_changed(sign_in: SignIn, alice: User) -> None:
    factories.notification(alice, "Priya")
    response = send(sign_in(alice), "/notifications/changes?all=1", view="q=is:unred", action="done")
    assert response.status_code == 422
    assert "is:unred" in response.text
    assert counts.unread_count(alice.id) == 1


def test_a_search_is_kept_when_it_is_finished_and_forgotten_on_request(sign_in: SignIn, alice: User) -> None:
    client = sign_in(alice)
    answer = send(client, PATH, HX, q='priya "on site"')
    assert "priya &#34;on site&#34;" in answer.text
    assert "q=priya+%22on+site%22" in client.get("/notifications").text
    assert send(client, PATH, HX, q="is:unred").status_code == 200
    assert recent_searches.recent_searches(alice) == ['priya "on site"']
    assert send(client, PATH, _method="delete").status_code == 303
    assert recent_searches.recent_searches(alice) == []


def test_searches_are_their_owners_alone(
    sign_in: SignIn, client: FlaskClient, alice: User, charlie: User
) -> None:
    send(sign_in(alice), PATH, q="secret plan")
    assert recent_searches.recent_searches(alice) == ["secret plan"]
    assert "secret plan" not in sign_in(charlie).get("/notifications").text
    assert client.post(PATH, data={"q": "x"}).status_code == 400
    assert sign_in(alice).get(PATH).status_code == 405
