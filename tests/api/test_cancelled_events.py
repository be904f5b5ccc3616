"""Events are taken back by their own id, and found by their metadata."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.database.base import db
from app.models import Delivery
from app.services.accounts import tokens
from tests.support import factories


def test_a_cancelled_event_is_not_sent_and_leaves_the_inbox(client, alice, bob, token, worker):
    headers, own = token(bob, "events"), token(alice)
    bodies = [factories.event_body("candidate.added", ["alice@example.test"]) for _ in range(2)]
    first, second = (client.post("/api/events/", json=body, headers=headers).json for body in bodies)
    path = f"/api/events/{first['event_id']}/cancel/"
    assert client.post(path, headers=own).status_code == 403
    cancelled = client.post(path, headers=headers).json
    assert (cancelled["expired_notifications"], cancelled["cancelled_deliveries"]) == (1, 1)
    name = {"source": bodies[0]["source"], "id": bodies[0]["id"]}
    again = client.post("/api/events/cancel/", json=name, headers=headers).json
    assert again == cancelled | {"expired_notifications": 0, "cancelled_deliveries": 0}
    unknown = client.post("/api/events/cancel/", json=name | {"id": "other"}, headers=headers)
    assert unknown.status_code == 404
    shown = client.get("/api/notifications/", headers=own).json["results"]
    assert [row["id"] for row in shown] == [second["notifications"][0]["id"]]
    worker.deliver_due()
    states = db.session.scalars(
        select(Delivery.state).where(Delivery.channel == "email").order_by(Delivery.id)
    )
    assert states.all() == ["cancelled", "sent"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"metadata.n": "42"}, 1),
        ({"metadata.n": "4"}, 0),
        ({"metadata.name": "x y", "metadata.is_new": "true"}, 1),
        ({"metadata.is_new": "1"}, 0),
        ({"metadata.other": ""}, 0),
        ({'metadata.a"b': "1"}, None),
        ({"other": "1"}, None),
    ],
)
def test_lists_filter_by_metadata(any_app, query, count):
    alice = factories.user("alice@example.test")
    factories.notification(alice, data={"n": 42, "name": "x y", "is_new": True})
    _, text = tokens.create(alice, "test", ["read"])
    headers = {"Authorization": f"Bearer {text}"}
    response = any_app.test_client().get("/api/notifications/", query_string=query, headers=headers)
    assert response.status_code == (422 if count is None else 200)
    assert count is None or len(response.json["results"]) == count
