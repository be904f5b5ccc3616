"""Saved views and the query language, from a script."""

from __future__ import annotations

import pytest

from app.services.notifications import saved_views
from app.services.notifications.saved_views import Filter
from tests.api.conftest import fields
from tests.support import factories

API = "/api/notifications/views"
LIST = "/api/notifications/"


@pytest.fixture
def hers(alice, token):
    return token(alice)


def names(client, headers):
    return [view["name"] for view in client.get(f"{API}/", headers=headers).json["results"]]


def test_a_view_is_made_shown_changed_and_counts_what_it_shows(client, alice, hers):
    factories.notification(alice, "Priya", priority="urgent")
    factories.notification(alice, "Anders")
    body = {"name": "Hers", "category": ["interview"], "priority": ["urgent"], "search": "pri"}
    made = client.post(f"{API}/", json=body, headers=hers)
    assert made.status_code == 201
    assert made.json == body | {"id": made.json["id"], "place": "inbox", "count": 1}
    one = f"{API}/{made.json['id']}/"
    assert client.get(one, headers=hers).json == made.json
    changed = client.patch(
        one, json={"name": "All", "priority": [], "search": "", "category": []}, headers=hers
    )
    assert changed.json == made.json | {
        "name": "All",
        "category": [],
        "priority": [],
        "search": "",
        "count": 2,
    }
    assert client.get(f"{API}/", headers=hers).json == {
        "results": [changed.json],
        "next": None,
        "previous": None,
    }


def test_views_are_ordered_deleted_and_restored(client, alice, hers):
    one, two = (saved_views.create(alice, name, Filter(search=name)).id for name in ("one", "two"))
    ordered = client.put(f"{API}/order/", json={"view_ids": [two, one]}, headers=hers)
    assert [view["name"] for view in ordered.json["results"]] == names(client, hers) == ["two", "one"]
    assert fields(client.put(f"{API}/order/", json={"view_ids": [two]}, headers=hers)) == ["view_ids"]
    assert client.delete(f"{API}/{two}/", headers=hers).status_code == 204
    assert names(client, hers) == ["one"]
    assert client.get(f"{API}/{two}/", headers=hers).status_code == 404
    assert client.post(f"{API}/{two}/restore/", headers=hers).json["name"] == "two"
    assert names(client, hers) == ["two", "one"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, ["name"]),
        ({"name": "  "}, ["name"]),
        ({"name": "x", "search": "is:nonsense"}, ["search"]),
        ({"name": "x", "category": ["nonsense"]}, ["category.0"]),
        ({"name": "x", "place": "nowhere", "limit": 5}, ["place", "limit"]),
    ],
)
def test_what_cannot_be_saved_is_named(client, hers, body, named):
    found = fields(client.post(f"{API}/", json=body, headers=hers))
    assert [name.replace("[", ".").rstrip("]") for name in found] == named


def test_views_are_their_owners_and_need_the_scope(client, alice, charlie, hers, token):
    view = saved_views.create(alice, "hers", Filter(search="x")).id
    his, reader = token(charlie), token(alice, "read")
    for method, path, body in (
        ("GET", f"{API}/{view}/", None),
        ("PATCH", f"{API}/{view}/", {"name": "his"}),
        ("DELETE", f"{API}/{view}/", None),
        ("POST", f"{API}/{view}/restore/", None),
    ):
        assert client.open(path, method=method, json=body, headers=his).status_code == 404
        assert client.open(path, method=method, json=body, headers=reader).status_code == (
            200 if method == "GET" else 403
        )
        assert client.open(path, method=method, json=body).status_code == 401
    assert names(client, his) == []
    assert names(client, hers) == ["hers"]


def test_a_list_is_searched_in_the_same_language(client, alice, hers):
    found = factories.notification(alice, "Zoë Ångström", priority="high")
    factories.notification(alice, "Zoë Other", read_at=found.created_at)

    def ids(search):
        answer = client.get(LIST, query_string={"search": search}, headers=hers)
        return [row["id"] for row in answer.json["results"]]

    assert (
        ids('"zoe angstrom"')
        == ids("zo -other")
        == ids("is:unread type:interview priority:high")
        == [found.id]
    )


@pytest.mark.parametrize("search", ["is:unred", "from:tomorrow", "-sender:x", "!!!"])
def test_a_search_that_is_not_understood_is_a_422_that_explains_and_changes_nothing(
    client, alice, hers, search
):
    row = factories.notification(alice)
    answer = client.get(LIST, query_string={"search": search}, headers=hers)
    assert fields(answer) == ["search"]
    assert answer.json["errors"][0]["detail"]
    body = {"action": "done", "filter": {"search": search}}
    assert fields(client.post(f"{LIST}changes/", json=body, headers=hers)) == ["filter.search"]
    assert client.get(f"{LIST}{row.id}/?peek=true", headers=hers).json["archived_at"] is None
