"""How responses of webhooks, push services and Twilio affect the address and its deliveries."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.channels import safe_http
from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, Notification, PushSubscription, Suppression, Webhook
from app.services.deliveries import webhook_calls
from tests.channels.test_push import Browser
from tests.support import factories
from tests.support.delivery import deliver_due, reload
from tests.support.endpoints import add_browser, add_webhook, user_with_all_channels
from tests.support.web import Reply, WebServer


def test_deliveries_to_a_failing_webhook_all_wait_longer_each_time_until_it_recovers(
    channel_server: WebServer,
) -> None:
    alice = user_with_all_channels()
    mine = add_webhook(alice, channel_server.url)
    rows = [
        factories.delivery(factories.notification(alice), "webhook", address=mine.address) for _ in range(12)
    ]
    channel_server.usual = Reply(500, b"sorry")
    start = utc_now() + timedelta(seconds=1)
    deliver_due(start)
    # The batch in progress was sent; the deliveries behind it were not.
    assert len(channel_server.calls) < len(rows)
    states = {reload(row).state for row in rows}
    assert states <= {"retry_wait", "pending"}
    assert all(reload(row).due_at > start for row in rows)
    kept = db.session.get_one(Webhook, mine.id, populate_existing=True)
    assert kept.failures == len(channel_server.calls)
    assert kept.failing_since == start
    channel_server.usual = Reply(200)
    deliver_due(start + timedelta(hours=3))
    assert {reload(row).state for row in rows} == {"sent"}
    kept = db.session.get_one(Webhook, mine.id, populate_existing=True)
    assert (kept.failures, kept.failing_since) == (0, None)


def test_webhook_is_retried_on_schedule_and_not_before_its_retry_after(channel_server: WebServer) -> None:
    alice = user_with_all_channels()
    mine = add_webhook(alice, channel_server.url)
    row = factories.delivery(factories.notification(alice), "webhook", address=mine.address)
    channel_server.usual = Reply(503)
    now = utc_now() + timedelta(seconds=1)
    for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400):
        deliver_due(now)
        due_at = reload(row).due_at
        assert 0.8 * seconds <= (due_at - now).total_seconds() <= 1.2 * seconds
        now = due_at
    deliver_due(now)
    assert (reload(row).state, reload(row).reason) == ("failed", "gave_up")
    other = factories.delivery(factories.notification(alice), "webhook", address=mine.address)
    channel_server.usual = Reply(429, headers={"Retry-After": "4000"})
    now += timedelta(hours=1)
    deliver_due(now)
    assert (reload(other).due_at - now).total_seconds() >= 4000


@pytest.mark.parametrize(("reply", "hours"), [(Reply(410, b"gone"), 0), (Reply(500, b"broken"), 121)])
def test_webhook_that_is_gone_or_fails_for_five_days_is_disabled_and_its_owner_alerted(
    reply: Reply, hours: int, channel_server: WebServer
) -> None:
    # Later than the rows below become due, however slow the machine is.
    alice, now = user_with_all_channels(), utc_now() + timedelta(minutes=1)
    mine = add_webhook(alice, channel_server.url, failing_since=now - timedelta(hours=hours))
    row = factories.delivery(factories.notification(alice), "webhook", address=mine.address)
    later = factories.delivery(
        factories.notification(alice), "webhook", address=mine.address, due_at=now + timedelta(hours=1)
    )
    channel_server.usual = reply
    deliver_due(now)
    kept = db.session.get_one(Webhook, mine.id, populate_existing=True)
    assert kept.disabled_at == now
    assert reply.body.decode() in kept.disabled_reason
    assert reload(row).state == ("failed" if hours == 0 else "retry_wait")
    told = db.session.scalars(
        select(Notification).where(Notification.notification_type == "system_alert")
    ).one()
    assert (told.recipient_id, told.title) == (alice.id, "Your webhook was turned off")
    assert channel_server.url in told.message
    assert set(told.channels) == {"in_app", "email"}
    assert db.session.scalar(select(AuditEntry).where(AuditEntry.action == "webhook.switched_off"))
    deliver_due(now + timedelta(hours=2))
    assert (reload(later).state, reload(later).reason) == ("skipped", "endpoint_gone")
    assert len(channel_server.calls) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_browser_that_is_gone_is_removed_and_the_others_stay(status: int, channel_server: WebServer) -> None:
    alice = user_with_all_channels()
    gone = add_browser(alice, channel_server.url + "/gone", Browser())
    there = add_browser(alice, channel_server.url + "/there", Browser())
    note = factories.notification(alice)
    rows = [factories.delivery(note, "push", address=one.address) for one in (gone, there)]
    channel_server.answers = [Reply(status), Reply(201)]
    deliver_due()
    # Both are called at once, so either may have got the rejection.
    assert sorted(reload(row).state for row in rows) == ["failed", "sent"]
    (left,) = db.session.scalars(select(PushSubscription))
    assert [left.address] == [row.address for row in rows if reload(row).state == "sent"]


def test_reused_webhook_id_and_shared_browser_do_not_get_the_previous_owners_messages(
    channel_server: WebServer,
) -> None:
    alice, charlie = user_with_all_channels(), user_with_all_channels("charlie@example.test")
    hers, shared = (
        add_webhook(alice, channel_server.url + "/hers"),
        add_browser(alice, channel_server.url + "/shared", Browser()),
    )
    note = factories.notification(alice, "A secret")
    rows = [
        factories.delivery(note, "webhook", address=hers.address),
        factories.delivery(note, "push", address=shared.address),
    ]
    number = hers.id
    db.session.delete(hers)
    shared.user_id = charlie.id
    db.session.commit()
    add_webhook(charlie, channel_server.url + "/his", id=number)
    deliver_due()
    assert channel_server.calls == []
    assert not {reload(row).state for row in rows} & {"sent", "pending", "claimed"}


def test_new_webhook_does_not_get_deliveries_of_a_deleted_one_with_its_id(channel_server: WebServer) -> None:
    alice = user_with_all_channels()
    first = add_webhook(alice, channel_server.url + "/first")
    row = factories.delivery(factories.notification(alice), "webhook", address=first.address)
    number = first.id
    db.session.delete(first)
    db.session.commit()
    add_webhook(alice, channel_server.url + "/second", id=number)
    deliver_due()
    assert channel_server.calls == []
    assert reload(row).state != "sent"
    assert webhook_calls.page_for(alice, number).lines == []


def test_number_that_replied_stop_gets_no_more_texts(channel_server: WebServer) -> None:
    alice = user_with_all_channels(phone="+442079460958")
    first = factories.delivery(factories.notification(alice), "sms", address=alice.phone)
    channel_server.usual = Reply(
        400, json.dumps({"code": 21610, "message": "unsubscribed recipient"}).encode()
    )
    deliver_due()
    assert reload(first).state == "failed"
    assert db.session.scalars(select(Suppression.address)).all() == ["+442079460958"]
    second = factories.delivery(factories.notification(alice), "sms", address=alice.phone)
    deliver_due()
    assert reload(second).state == "suppressed"
    assert len(channel_server.calls) == 1


@pytest.mark.long
def test_unacknowledged_text_is_repeated_once_after_fifteen_minutes(
    channel_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_http, "TOTAL_SECONDS", 0.2)
    alice = user_with_all_channels(phone="+442079460958")
    row = factories.delivery(factories.notification(alice), "sms", address=alice.phone)
    channel_server.usual = Reply(after=5)
    now = utc_now() + timedelta(seconds=1)
    deliver_due(now)
    assert reload(row).state == "retry_wait"
    assert reload(row).due_at == now + timedelta(minutes=15)
    deliver_due(now + timedelta(minutes=15))
    assert reload(row).state == "uncertain"


def test_previous_phone_number_gets_no_texts(channel_server: WebServer) -> None:
    alice = user_with_all_channels(phone="+442079460000")
    row = factories.delivery(factories.notification(alice), "sms", address="+442079460958")
    deliver_due()
    assert (reload(row).state, reload(row).reason) == ("skipped", "endpoint_gone")
    assert channel_server.calls == []
