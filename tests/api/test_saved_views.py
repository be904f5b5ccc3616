"""Saved views and the search language over the API."""

from __future__ import annotations

import pytest

from app.services.notifications import saved_views
from app.services.notifications.saved_views import SavedFilter
from tests.api.conftest import error_fields
from tests.support import factories

API = "/api/notifications/views"
LIST = "/api/notifications/"


def names(client, headers):
    return [view["name"] for view in client.get(f"{API}/", headers=headers).json["results"]]


def test_a_view_is_created_changed_and_counts_its_notifications(client, alice, alice_headers):
    factories.notification(alice, "Priya", priority="urgent")
    factories.notification(alice, "Anders")
    body = {"name": "Hers", "category": ["interview"], "priority": ["urgent"], "search": "pri"}
    made = client.post(f"{API}/", json=body, headers=alice_headers)
    assert made.status_code == 201
    assert made.json == body | {"id": made.json["id"], "place": "inbox", "colour": "", "count": 1}
    one = f"{API}/{made.json['id']}/"
    assert client.get(one, headers=alice_headers).json == made.json
    changed = client.patch(
        one,
        json={"name": "All", "colour": "green", "priority": [], "search": "", "category": []},
        headers=alice_headers,
    )
    assert changed.json == made.json | {
        "name": "All",
        "colour": "green",
        "category": [],
        "priority": [],
        "search": "",
        "count": 2,
    }
    assert client.get(f"{API}/", headers=alice_headers).json == {
        "results": [changed.json],
        "next": None,
        "previous": None,
    }


def test_views_are_ordered_deleted_and_restored(client, alice, alice_headers):
    one, two = (saved_views.create(alice, name, SavedFilter(search=name)).id for name in ("one", "two"))
    ordered = client.put(f"{API}/order/", json={"view_ids": [two, one]}, headers=alice_headers)
    assert (
        [view["name"] for view in ordered.json["results"]] == names(client, alice_headers) == ["two", "one"]
    )
    assert error_fields(client.put(f"{API}/order/", json={"view_ids": [two]}, headers=alice_headers)) == [
        "view_ids"
    ]
    assert client.delete(f"{API}/{two}/", headers=alice_headers).status_code == 204
    assert names(client, alice_headers) == ["one"]
    assert client.get(f"{API}/{two}/", headers=alice_headers).status_code == 404
    assert client.post(f"{API}/{two}/restore/", headers=alice_headers).json["name"] == "two"
    assert names(client, alice_headers) == ["two", "one"]


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
def test_an_invalid_field_of_a_view_is_named(client, alice_headers, body, named):
    found = error_fields(client.post(f"{API}/", json=body, headers=alice_headers))
    assert [name.replace("[", ".").rstrip("]") for name in found] == named


def test_views_are_private_and_require_the_scope(client, alice, charlie, alice_headers, token):
    view = saved_views.create(alice, "hers", SavedFilter(search="x")).id
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
    assert names(client, alice_headers) == ["hers"]


def test_the_list_understands_the_search_language(client, alice, alice_headers):
    found = factories.notification(alice, "Zoë Ångström", priority="high")
    factories.notification(alice, "Zoë Other", read_at=found.created_at)

    def ids(search):
        answer = client.get(LIST, query_string={"search": search}, headers=alice_headers)
        return [row["id"] for row in answer.json["results"]]

    assert (
        ids('"zoe angstrom"')
        == ids("zo -other")
        == ids("is:unread type:interview priority:high")
        == [found.id]
    )


@pytest.mark.parametrize("search", ["is:unred", "from:tomorrow", "-sender:x", "!!!"])
def test_an_invalid_search_is_a_422_and_changes_nothing(client, alice, alice_headers, search):
    row = factories.notification(alice)
    answer = client.get(LIST, query_string={"search": search}, headers=alice_headers)
    assert error_fields(answer) == ["search"]
    assert answer.json["errors"][0]["detail"]
    body = {"action": "done", "filter": {"search": search}}
    assert error_fields(client.post(f"{LIST}changes/", json=body, headers=alice_headers)) == ["filter.search"]
    assert client.get(f"{LIST}{row.id}/?peek=true", headers=alice_headers).json["archived_at"] is None
