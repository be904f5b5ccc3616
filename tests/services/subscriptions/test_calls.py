"""Calls to subscriptions: when they are queued, how they are sent, and their cost without subscriptions."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from standardwebhooks import Webhook as Verifier

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, Delivery, Notification, User, Webhook
from app.services.base import signed_webhooks
from app.services.notifications import actions
from app.services.notifications.filters import Filters
from app.services.sending import outbox, results
from app.services.subscriptions import management
from app.services.subscriptions.calls import CREATED, FAILED, KIND, READ, TYPES
from tests.services.sending.conftest import channel_server  # noqa: F401  (a fixture)
from tests.support import factories
from tests.support.delivery import SITE, deliver_due, reload
from tests.support.statements import recorded
from tests.support.templates import publish_event
from tests.support.web import Reply, WebServer


@pytest.fixture
def alice(any_app: Flask) -> User:
    return factories.user("alice@example.test")


@pytest.fixture
def bob(any_app: Flask) -> User:
    return factories.user("bob@example.test", role="admin")


def subscribe(url: str = "https://hooks.example.com/", *types: str, **fields: Any) -> Webhook:
    hook = signed_webhooks.new_webhook(url, utc_now() - timedelta(days=7), types=list(types or TYPES))
    for name, value in fields.items():
        setattr(hook, name, value)
    db.session.add(hook)
    db.session.commit()
    return hook


def report(*people: User, **data: Any) -> list[int]:
    return sorted(row.id for row in publish_event("candidate.added", *people, **data))


def queued(hook: Webhook, event_type: str) -> list[dict[str, Any]]:
    query = select(Delivery).where(
        Delivery.address == hook.address, Delivery.kind == KIND, Delivery.subject == event_type
    )
    return [json.loads(row.text or "") for row in db.session.scalars(query.order_by(Delivery.id))]


def test_every_new_notification_is_posted_signed_to_each_subscription(
    alice: User,
    bob: User,
    channel_server: WebServer,  # noqa: F811
) -> None:
    hook, other = subscribe(channel_server.url + "/hook"), subscribe(channel_server.url + "/two", CREATED)
    subscribe(channel_server.url + "/failures", FAILED)
    ids = report(alice, bob, candidate_id="c1", metadata={"upload_id": 7})
    deliver_due(utc_now() + timedelta(seconds=1))
    assert sorted(call.path for call in channel_server.calls) == ["/hook", "/hook", "/two", "/two"]
    called = [call for call in channel_server.calls if call.path == "/hook"]
    (secret,) = signed_webhooks.signing_secrets(hook, SITE.secret, utc_now())
    bodies = [Verifier(secret).verify(call.body, call.headers) for call in called]
    bodies.sort(key=lambda body: body["data"]["id"])  # Several threads send.
    assert [body["type"] for body in bodies] == [CREATED, CREATED]
    assert [body["data"]["id"] for body in bodies] == ids
    assert [body["data"]["recipient"] for body in bodies] == [alice.email, bob.email]
    row = db.session.get_one(Notification, ids[0])
    first = bodies[0]["data"]
    assert (first["title"], first["candidate_id"], first["metadata"]["upload_id"]) == (row.title, "c1", 7)
    assert first["url"] == f"http://bellhop.test/notifications/{ids[0]}"
    assert datetime.fromisoformat(first["created_at"]) == row.created_at
    sent = db.session.scalars(select(Delivery).where(Delivery.kind == KIND)).all()
    assert {(each.state, each.recipient_id) for each in sent} == {("sent", None)}
    # The same id on each attempt, and another for each call.
    assert len({call.headers["webhook-id"] for call in channel_server.calls}) == 4
    assert other.failures == 0


def test_of_a_confidential_notification_the_words_are_left_out(alice: User) -> None:
    hook = subscribe()
    report(alice, is_confidential=True, candidate_id="c1", metadata={"note": "secret"})
    (facts,) = queued(hook, CREATED)
    assert (facts["candidate_id"], facts["is_confidential"]) == ("c1", True)
    assert [facts[name] for name in ("title", "message", "metadata", "action_url")] == [None] * 4
    assert "Priya" not in json.dumps(facts)


@pytest.mark.parametrize("action", ["read", "done"])
@pytest.mark.parametrize("is_bulk", [False, True])
def test_what_a_person_reads_is_reported_once(alice: User, action: str, is_bulk: bool) -> None:
    hook = subscribe()
    first, second = factories.notification(alice), factories.notification(alice, read_at=utc_now())
    chosen: dict[str, Any] = {"filters": Filters()} if is_bulk else {"ids": [first.id]}
    for _time in range(2):
        actions.change(alice, action, **chosen)
    (facts,) = queued(hook, READ)
    read_at = db.session.get_one(Notification, first.id, populate_existing=True).read_at
    assert (facts["id"], facts["recipient"]) == (first.id, alice.email)
    assert datetime.fromisoformat(facts["read_at"]) == read_at
    actions.change(alice, "unread", ids=[first.id, second.id])
    actions.change(alice, "saved", ids=[first.id, second.id])
    assert len(queued(hook, READ)) == 1


def test_a_delivery_that_fails_for_good_is_reported_and_one_that_is_retried_is_not(
    alice: User,
    channel_server: WebServer,  # noqa: F811
) -> None:
    hook = subscribe("https://hooks.example.com/", FAILED)
    note = factories.notification(alice)
    mine = Webhook(user_id=alice.id, url=channel_server.url, secret_salt="s", rotation=1, types=[])
    alice.preference.webhook_enabled = True
    db.session.add(mine)
    db.session.commit()
    row = factories.delivery(note, "webhook", address=mine.address)
    channel_server.answers += [Reply(500), Reply(410, b"gone")]
    deliver_due(utc_now() + timedelta(seconds=1))
    assert (reload(row).state, queued(hook, FAILED)) == ("retry_wait", [])
    deliver_due(utc_now() + timedelta(minutes=1))
    (facts,) = queued(hook, FAILED)
    assert (facts["id"], facts["notification_id"], facts["channel"]) == (row.id, note.id, "webhook")
    assert (facts["state"], facts["recipient"], facts["attempts"]) == ("failed", alice.email, 2)
    assert "410" in facts["detail"]


@pytest.mark.parametrize(
    ("state", "is_reported"),
    [
        *((state, True) for state in ("failed", "dead", "uncertain", "expired")),
        *((state, False) for state in ("sent", "skipped", "cancelled", "suppressed", "retry_wait")),
    ],
)
def test_each_state_that_ends_without_success_is_reported(alice: User, state: str, is_reported: bool) -> None:
    hook, now = subscribe(), utc_now()
    row = factories.delivery(factories.notification(alice), state="claimed", token="mine", lease_until=now)
    assert results.record_results("mine", [results.SendResult(row.id, state, now, started_at=now)]) == 1
    assert [facts["state"] for facts in queued(hook, FAILED)] == [state] * is_reported


def test_a_delivery_that_kills_its_workers_is_reported(alice: User) -> None:
    hook, now = subscribe(), utc_now()
    row = factories.delivery(
        factories.notification(alice),
        state="claimed",
        crashes=outbox.CRASHES_UNTIL_DEAD - 1,
        lease_until=now - timedelta(seconds=1),
    )
    outbox.sweep(now)
    (facts,) = queued(hook, FAILED)
    assert (facts["id"], facts["state"], facts["reason"]) == (row.id, "dead", "crashed")


@pytest.mark.parametrize(("reply", "hours"), [(Reply(410, b"gone"), 0), (Reply(500, b"broken"), 121)])
def test_a_subscription_that_is_gone_or_fails_for_five_days_is_turned_off_and_the_admins_alerted(
    alice: User,
    bob: User,
    reply: Reply,
    hours: int,
    channel_server: WebServer,  # noqa: F811
) -> None:
    now = utc_now() + timedelta(minutes=1)
    hook = subscribe(channel_server.url + "/secret-path", failing_since=now - timedelta(hours=hours))
    report(alice)
    channel_server.usual = reply
    deliver_due(now)
    kept = db.session.get_one(Webhook, hook.id, populate_existing=True)
    assert kept.disabled_at == now
    assert str(reply.status) in kept.disabled_reason
    told = db.session.scalars(
        select(Notification).where(Notification.notification_type == "system_alert")
    ).one()
    assert (told.recipient_id, told.title) == (bob.id, "A subscription was turned off")
    entry = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "subscription.switched_off")
    ).one()
    assert "secret-path" not in told.message + str(entry.detail) + entry.subject
    # Neither its own failure nor the alert is queued for it, and nothing is sent to it any more.
    assert queued(hook, FAILED) == []
    report(alice)
    assert len(queued(hook, CREATED)) == 1


def test_calls_of_a_removed_or_disabled_subscription_are_not_sent(
    alice: User,
    bob: User,
    channel_server: WebServer,  # noqa: F811
) -> None:
    hook, off = subscribe(channel_server.url), subscribe(channel_server.url)
    report(alice)
    management.remove(hook.id, actor=bob)
    management.change(off.id, actor=bob, is_enabled=False)
    deliver_due(utc_now() + timedelta(seconds=1))
    assert channel_server.calls == []
    reasons = {row.reason for row in db.session.scalars(select(Delivery).where(Delivery.kind == KIND))}
    assert reasons == {"endpoint_gone"}


def test_a_failed_transaction_queues_nothing(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = subscribe()

    def fail(**_kwargs: Any) -> None:
        raise RuntimeError("the transaction fails after the calls were written")

    monkeypatch.setattr("app.services.base.outgoing.note", fail)
    with pytest.raises(RuntimeError):
        report(alice)
    assert queued(hook, CREATED) == []


def test_without_subscriptions_nothing_is_executed_for_them(alice: User) -> None:
    report(alice)
    note = factories.notification(alice)
    with recorded() as statements:
        report(alice)
        actions.change(alice, "read", ids=[note.id])
        actions.change(alice, "done", filters=Filters())
    asking = [text for text in statements if "webhooks" in text]
    # They ask on the way: each of these statements runs anyway.
    assert len(asking) == 3
    assert all("has_subscriptions" in text for text in asking)
