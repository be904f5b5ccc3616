"""Notifications over the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.clock import utc_now
from app.database.base import db
from app.models import ApiToken, Notification
from app.services.accounts import tokens
from tests.api.conftest import error_fields
from tests.support import factories
from tests.support.summary import SUMMARY, notifications_of_summary

API = "/api/notifications"

FIELDS = {
    "id", "notification_type", "category", "title", "message", "priority", "status", "channels", "metadata",
    "action_url", "created_at", "sent_at", "read_at", "is_read", "archived_at", "saved_at", "snoozed_until",
    "candidate_id", "job_id", "is_confidential", "hiring_team",
}  # fmt: skip
EVERY_CALL = [
    ("GET", "/api/notifications/"),
    ("GET", "/api/notifications/1/"),
    ("POST", "/api/notifications/mark-read/"),
    ("POST", "/api/notifications/bulk-mark-read/"),
    ("GET", "/api/notifications/summary/"),
    ("GET", "/api/notifications/unread-count/"),
]


@pytest.fixture
def get(client, alice, token):
    """Send a GET as Alice."""
    headers = token(alice)
    return lambda path, **more: client.get(path, headers=headers | more)


@pytest.fixture
def post(client, alice, token):
    """Send a POST as Alice."""
    headers = token(alice)
    return lambda path, body: client.post(path, json=body, headers=headers)


def ids(response) -> list[int]:
    assert response.status_code == 200, response.data
    return [row["id"] for row in response.json["results"]]


def row(number: int) -> Notification:
    db.session.expire_all()
    return db.session.get(Notification, number)


def test_a_notification_has_exactly_the_fields_of_the_contract(get, alice):
    made = factories.notification(alice, data={"room": "Birch"})
    [seen] = get("/api/notifications/").json["results"]
    assert set(seen) == FIELDS
    assert seen["metadata"] == {"room": "Birch"}
    assert datetime.fromisoformat(seen["created_at"]) == made.created_at
    assert seen["created_at"].endswith("Z")
    assert (seen["is_read"], seen["read_at"], seen["category"]) == (False, None, "interview")


def test_the_list_contains_only_own_notifications_newest_first(get, alice, charlie):
    older, newer = factories.notification(alice), factories.notification(alice)
    factories.notification(charlie)
    assert ids(get("/api/notifications/")) == [newer.id, older.id]


def test_done_notifications_stay_in_the_list(get, alice):
    done = factories.notification(alice, archived_at=datetime.now(UTC), read_at=datetime.now(UTC))
    assert ids(get("/api/notifications/")) == [done.id]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("notification_type=interview_scheduled", "a"),
        ("notification_type=interview_scheduled,job_created", "ab"),
        ("notification_type=interview_scheduled&notification_type=job_created", "ab"),
        ("category=job", "b"),
        ("category=job,system", "bc"),
        ("priority=urgent", "c"),
        ("status=read", "b"),
        ("status=sent", "ac"),
        ("is_read=true", "b"),
        ("is_read=false", "ac"),
        ("search=ORCHID", "c"),
        ("search=orchid+nothing", ""),
        ("search=100%25", "a"),
        ("created_after=2026-03-02T00:00:00Z", "c"),
        ("created_before=2026-03-02T00:00:00Z", "ab"),
        ("created_after=2026-03-01T11:30:00%2B00:00&created_before=2026-03-02T00:00:00Z", "b"),
        ("created_after=2026-03-01T12:30:00+01:00&created_before=2026-03-02T00:00:00Z", "b"),
        ("category=job&is_read=false", ""),
    ],
)
def test_filters_narrow_the_list(get, alice, query, expected):
    start = datetime(2026, 3, 1, 11, tzinfo=UTC)
    rows = {
        "a": factories.notification(alice, created_at=start, message="100% sure"),
        "b": factories.notification(
            alice, created_at=start + timedelta(hours=1), notification_type="job_created", read_at=start
        ),
        "c": factories.notification(
            alice,
            created_at=start + timedelta(days=2),
            notification_type="system_alert",
            priority="urgent",
            title="The Orchid room",
        ),
    }
    assert sorted(ids(get(f"/api/notifications/?{query}"))) == sorted(rows[name].id for name in expected)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("notification_type=party", "notification_type"),
        ("category=party", "category"),
        ("priority=low,party", "priority"),
        ("priority=", "priority"),
        ("status=party", "status"),
        ("is_read=perhaps", "is_read"),
        ("is_read=true&is_read=false", "is_read"),
        ("created_after=yesterday", "created_after"),
        ("created_before=2026-03-01T11:00:00", "created_before"),
        ("search=" + "x" * 201, "search"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=1.5", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("cursor=made-up", "cursor"),
        ("colour=blue", "colour"),
    ],
)
def test_an_invalid_query_parameter_is_named(get, query, field):
    assert error_fields(get(f"/api/notifications/?{query}")) == [field]


def test_pages_neither_skip_nor_repeat_rows_while_new_ones_arrive(client, alice, token):
    headers = token(alice)
    made = [factories.notification(alice, priority="high").id for _ in range(7)]
    factories.notification(alice, priority="low")
    seen, address, pages = [], "/api/notifications/?limit=3&priority=high,urgent", 0
    while address:
        response = client.get(address, headers=headers)
        seen += ids(response)
        factories.notification(alice, priority="high")
        following, pages = response.json["next"], pages + 1
        assert (f'<{following}>; rel="next"' in response.headers.get("Link", "")) == bool(following)
        address = following
    assert (seen, pages) == (made[::-1], 3)
    back = client.get(response.json["previous"], headers=headers)
    assert ids(back) == made[3:0:-1]
    assert 'rel="prev"' in back.headers["Link"]


def test_reading_one_marks_it_read_and_peeking_does_not(get, alice):
    made = factories.notification(alice)
    assert get(f"/api/notifications/{made.id}/?peek=true").json["is_read"] is False
    assert row(made.id).read_at is None
    seen = get(f"/api/notifications/{made.id}/").json
    assert (seen["is_read"], seen["status"]) == (True, "read")
    assert row(made.id).read_at is not None


def test_a_head_request_changes_nothing(client, alice, token):
    made = factories.notification(alice)
    assert client.head(f"/api/notifications/{made.id}/", headers=token(alice)).status_code == 200
    assert row(made.id).read_at is None


def test_mark_read_returns_the_notification(post, alice):
    made = factories.notification(alice)
    first = post("/api/notifications/mark-read/", {"notification_id": made.id})
    again = post("/api/notifications/mark-read/", {"notification_id": made.id})
    assert (first.status_code, first.json["is_read"]) == (200, True)
    assert again.json == first.json


def test_bulk_mark_read_returns_the_number_of_changes(post, alice, charlie):
    mine = [factories.notification(alice) for _ in range(3)]
    read = factories.notification(alice, read_at=datetime.now(UTC))
    foreign = factories.notification(charlie)
    wanted = [*(each.id for each in mine), mine[0].id, read.id, foreign.id, 999_999, 2**63 - 1]
    response = post("/api/notifications/bulk-mark-read/", {"notification_ids": wanted})
    assert (response.status_code, response.json) == (200, {"updated": 3})
    assert row(foreign.id).read_at is None
    assert post("/api/notifications/bulk-mark-read/", {"notification_ids": wanted}).json == {"updated": 0}


def test_bulk_mark_read_accepts_at_most_ten_thousand_ids(post, alice):
    made = factories.notification(alice)
    numbers = list(range(1, 10_001))
    assert made.id in numbers
    assert post("/api/notifications/bulk-mark-read/", {"notification_ids": numbers}).json == {"updated": 1}
    refused = post("/api/notifications/bulk-mark-read/", {"notification_ids": [*numbers, 10_001]})
    assert error_fields(refused) == ["notification_ids"]


@pytest.mark.parametrize("number", [None, True, 1.0, "1", [1], {}, 0, -1, 2**63])
def test_an_invalid_id_is_named(post, alice, number):
    made = factories.notification(alice)
    assert error_fields(post("/api/notifications/mark-read/", {"notification_id": number})) == [
        "notification_id"
    ]
    refused = post("/api/notifications/bulk-mark-read/", {"notification_ids": [made.id, number]})
    assert error_fields(refused) == ["notification_ids.1"]
    assert row(made.id).read_at is None


def test_an_unknown_field_is_named(post, alice):
    made = factories.notification(alice)
    body = {"notification_id": made.id, "user_id": 1}
    assert error_fields(post("/api/notifications/mark-read/", body)) == ["user_id"]
    assert row(made.id).read_at is None


def test_another_users_notification_is_a_404(get, post, charlie):
    foreign = factories.notification(charlie)
    for response in (
        get(f"/api/notifications/{foreign.id}/"),
        get(f"/api/notifications/{foreign.id}/?peek=true"),
        post("/api/notifications/mark-read/", {"notification_id": foreign.id}),
    ):
        assert response.status_code == 404
        assert response.content_type == "application/problem+json"
    assert row(foreign.id).read_at is None


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**63), "9" * 30, "1.0", "%00"])
def test_an_impossible_id_is_a_404(get, number):
    response = get(f"/api/notifications/{number}/")
    assert (response.status_code, response.content_type) == (404, "application/problem+json")


def test_the_summary_counts_only_own_notifications(get, alice, charlie):
    notifications_of_summary(alice)
    factories.notification(charlie)
    assert get("/api/notifications/summary/").json == SUMMARY


def test_the_unread_count_is_a_304_until_it_changes(get, alice):
    factories.notification(alice)
    first = get("/api/notifications/unread-count/")
    assert first.json == {"unread_count": 1}
    assert first.headers["X-Poll-Interval"] == "15"
    tag = {"If-None-Match": first.headers["ETag"]}
    same = get("/api/notifications/unread-count/", **tag)
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert same.headers["X-Poll-Interval"] == "15"
    factories.notification(alice)
    changed = get("/api/notifications/unread-count/", **tag)
    assert (changed.status_code, changed.json) == (200, {"unread_count": 2})


def test_etags_of_the_unread_count_differ_between_users(client, alice, charlie, token):
    tags = {
        client.get("/api/notifications/unread-count/", headers=token(user)).headers["ETag"]
        for user in (alice, charlie)
    }
    assert len(tags) == 2


def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(client, alice, token, queries):
    headers = token(alice)

    def cost() -> int:
        queries.clear()
        assert client.get("/api/notifications/?limit=200", headers=headers).status_code == 200
        return len(queries)

    factories.notification(alice)
    cost()  # The first use of the token is recorded.
    factories.notification(alice)  # A write invalidates the caches.
    few = cost()
    for _ in range(120):
        factories.notification(alice)
    assert cost() == few <= 3, queries


@pytest.mark.parametrize(("method", "path"), EVERY_CALL)
def test_anonymous_calls_are_401_with_a_challenge(client, method, path):
    response = client.open(path, method=method, json={} if method == "POST" else None)
    assert (response.status_code, response.content_type) == (401, "application/problem+json")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), EVERY_CALL)
def test_the_trailing_slash_is_optional(client, alice, token, method, path):
    headers, body = token(alice), {} if method == "POST" else None
    with_slash = client.open(path, method=method, json=body, headers=headers)
    without = client.open(path.rstrip("/"), method=method, json=body, headers=headers)
    assert without.status_code == with_slash.status_code not in {301, 308}


def test_a_session_with_a_csrf_token_is_accepted(alice, browser_of):
    made, client = factories.notification(alice), browser_of(alice)
    assert ids(client.get("/api/notifications/")) == [made.id]
    body = {"notification_id": made.id}
    assert client.post("/api/notifications/mark-read/", json=body).status_code == 403
    assert row(made.id).read_at is None
    assert client.post("/api/notifications/mark-read/", json=body, headers=client.csrf).status_code == 200


def test_responses_are_not_cached_for_other_users(get):
    response = get("/api/notifications/")
    assert {"private", "no-store"} <= set(response.headers["Cache-Control"].split(", "))
    assert {"authorization", "cookie"} <= {name.lower() for name in response.vary}


def test_a_filter_changes_all_its_matches_and_undo_restores_them(client, alice, token):
    rows = [factories.notification(alice) for _ in range(3)]
    factories.notification(alice, notification_type="job_created")
    headers = token(alice)
    body = {"action": "done", "filter": {"category": ["interview"]}}
    made = client.post(f"{API}/changes/", json=body, headers=headers).json
    assert (made["action"], made["updated"]) == ("done", 3)
    done = client.get(f"{API}/?place=done&fields=id", headers=headers).json["results"]
    assert {row["id"] for row in done} == {row.id for row in rows}
    undone = [client.post(f"{API}/changes/{made['id']}/undo/", headers=headers) for _ in "ab"]
    assert [(each.status_code, each.json["updated"]) for each in undone] == [(200, 3)] * 2
    assert client.get(f"{API}/?place=done", headers=headers).json["results"] == []


def test_a_filter_changes_exactly_what_the_list_shows(client, alice, token):
    done = factories.notification(alice, "Zebra", archived_at=utc_now())
    headers = token(alice)
    shown = client.get(f"{API}/?search=zebra&fields=id", headers=headers).json["results"]
    made = client.post(
        f"{API}/changes/", json={"action": "saved", "filter": {"search": "zebra"}}, headers=headers
    )
    assert [row["id"] for row in shown] == [done.id]
    assert made.json["updated"] == 1


@pytest.mark.parametrize(
    ("action", "place"), [("saved", "saved"), ("snooze", "later"), ("done", "done"), ("read", "inbox")]
)
def test_each_action_applies_to_the_given_ids(client, alice, token, action, place):
    row, headers = factories.notification(alice), token(alice)
    until = {"until": (utc_now() + timedelta(days=1)).isoformat()} if action == "snooze" else {}
    body = {"action": action, "notification_ids": [row.id], **until}
    assert client.post(f"{API}/changes/", json=body, headers=headers).json["updated"] == 1
    assert [each["id"] for each in client.get(f"{API}/?place={place}", headers=headers).json["results"]] == [
        row.id
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"action": "done"},
        {"action": "done", "notification_ids": [1], "filter": {}},
        {"action": "explode", "filter": {}},
        {"action": "snooze", "filter": {}},
    ],
)
def test_an_invalid_change_is_a_422(client, alice, token, body):
    factories.notification(alice)
    assert client.post(f"{API}/changes/", json=body, headers=token(alice)).status_code == 422


def test_ids_of_other_users_change_nothing_and_are_404(client, alice, charlie, token):
    row, headers = factories.notification(alice), token(charlie, *tokens.SCOPES)
    mine = client.post(
        f"{API}/changes/", json={"action": "read", "notification_ids": [row.id]}, headers=token(alice)
    )
    change = mine.json["id"]
    body = {"action": "done", "notification_ids": [row.id]}
    assert client.post(f"{API}/changes/", json=body, headers=headers).json == {
        "id": None,
        "action": "done",
        "updated": 0,
    }
    for method, path in (
        ("GET", f"{API}/{row.id}/explain/"),
        ("GET", f"{API}/{row.id}/"),
        ("POST", f"{API}/changes/{change}/undo/"),
        ("DELETE", f"/api/tokens/{db.session.query(ApiToken.id).filter_by(user_id=alice.id).first()[0]}/"),
    ):
        assert client.open(path, method=method, headers=headers).status_code == 404, path
    db.session.refresh(row)
    assert (row.read_at is not None, row.archived_at) == (True, None)


def test_explain_describes_the_decision_for_each_channel(client, alice, bob, admin_headers, token):
    body = factories.event_body(recipients=[alice.email])
    made = client.post("/api/events/", json=body, headers=admin_headers).json["notifications"][0]
    found = client.get(f"{API}/{made['id']}/explain/", headers=token(alice)).json
    assert found["event"]["id"] == body["id"]
    states = {way["channel"]: way["state"] for way in found["channels"]}
    assert (states["in_app"], states["email"]) == ("sent", "pending")
    assert all(way["words"] for way in found["channels"])


def test_an_invalid_search_in_a_filter_is_located_by_its_pointer(client, alice, token):
    body = {"action": "read", "filter": {"search": "is:nonsense"}}
    response = client.post(f"{API}/changes/", json=body, headers=token(alice))
    assert error_fields(response) == ["filter.search"]
    assert response.json["errors"][0]["pointer"] == "#/filter/search"


def test_the_list_returns_only_the_requested_fields(client, alice, token):
    factories.notification(alice)
    page = client.get(f"{API}/?fields=id,title", headers=token(alice)).json
    assert set(page["results"][0]) == {"id", "title"}
    assert client.get(f"{API}/?fields=password", headers=token(alice)).status_code == 422
