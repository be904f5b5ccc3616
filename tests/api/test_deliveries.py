"""The delivery log over the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.database.base import db
from app.models import Delivery
from tests.support import factories


def test_deliveries_are_listed_retried_and_cancelled(client, alice, admin_headers):
    row = factories.delivery(factories.notification(alice), state="failed", reason="refused")
    other = factories.delivery(factories.notification(alice))
    page = client.get("/api/deliveries/?limit=1", headers=admin_headers).json
    assert page["results"][0]["id"] == other.id
    following = client.get(page["next"].removeprefix("http://bellhop.test"), headers=admin_headers).json
    assert following["results"][0]["id"] == row.id
    back = client.get(following["previous"].removeprefix("http://bellhop.test"), headers=admin_headers).json
    assert (back["results"], back["next"], back["previous"]) == (page["results"], page["next"], None)
    assert client.post(f"/api/deliveries/{row.id}/retry/", headers=admin_headers).json["state"] == "pending"
    assert (
        client.post(f"/api/deliveries/{other.id}/cancel/", headers=admin_headers).json["state"] == "cancelled"
    )
    assert client.post(f"/api/deliveries/{other.id}/cancel/", headers=admin_headers).status_code == 409
    assert db.session.get_one(Delivery, other.id, populate_existing=True).state == "cancelled"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("recipient=ALICE", {"mine"}),
        ("recipient=%25", set()),
        ("notification_type=job_created", {"theirs"}),
        ("notification_type=job_created,interview_scheduled&channel=email", {"mine", "theirs"}),
        ("created_after=2026-03-12T10:00:00Z", {"mine"}),
        ("created_before=2026-03-12T10:00:00Z", {"theirs"}),
        ("created_after=2026-03-12T10:00:00Z&recipient=charlie", set()),
    ],
)
def test_deliveries_are_filtered_by_recipient_type_and_time(
    client, alice, charlie, admin_headers, query, expected
):
    noon = datetime(2026, 3, 12, 12, tzinfo=UTC)
    theirs = factories.notification(charlie, notification_type="job_created")
    found = {
        factories.delivery(factories.notification(alice), created_at=noon).id: "mine",
        factories.delivery(theirs, created_at=noon - timedelta(days=1)).id: "theirs",
    }
    page = client.get(f"/api/deliveries/?{query}", headers=admin_headers).json
    assert {found[row["id"]] for row in page["results"]} == expected


@pytest.mark.parametrize("query", ["notification_type=x", "created_after=yesterday", "since=1"])
def test_an_invalid_delivery_filter_is_a_422(client, admin_headers, query):
    assert client.get(f"/api/deliveries/?{query}", headers=admin_headers).status_code == 422
