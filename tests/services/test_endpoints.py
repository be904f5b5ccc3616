"""SMS, push and webhooks through the outbox: what each answer leads to, and that a dead channel slows no other."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import lazy_gettext
from sqlalchemy import select
from standardwebhooks import Webhook as Verifier

from app import catalog
from app.channels import CONNECTORS, safe_http
from app.channels.base import Message, Receipt
from app.channels.push import PushChannel
from app.channels.sms import TwilioChannel
from app.channels.webhook import WebhookChannel
from app.clock import utc_now
from app.database.base import db
from app.models import (
    AuditEntry,
    Delivery,
    Notification,
    PushSubscription,
    Suppression,
    UserNotificationPreference,
    Webhook,
)
from app.services.accounts import webhooks
from app.services.deliveries import webhook_calls
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from tests.channels.test_push import OURS, Browser
from tests.support import factories
from tests.support.waiting import wait_until
from tests.support.web import Reply, WebServer

SENDER = SiteIdentity("http://bellhop.test", "Bellhop <bellhop@example.test>", "a key for tests only")
# Markup, a header's end, an override and an isolate of direction, zero-width characters, a bell.
NASTY = "<script>x</script>\r\nTo: b\u202egnp\u2066.exe\u200b\u200d\ufeff\x07 {{ 7 }}"
HIDDEN = set("\r\n\u202e\u2066\u200b\u200d\ufeff\x07")


def loopback(address: safe_http.IPAddress) -> bool:
    return address.is_loopback


@pytest.fixture
def ways(any_app: Flask, web_server: WebServer, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """The channels as configured, but allowed to reach the local server."""
    monkeypatch.setitem(CONNECTORS, "webhook", lambda: WebhookChannel(loopback))
    monkeypatch.setitem(CONNECTORS, "push", lambda: PushChannel(OURS, "mailto:a@example.test", loopback))
    monkeypatch.setitem(CONNECTORS, "sms", lambda: TwilioChannel(web_server.url, "AC1", "t", "+15005550006"))
    return web_server


def everything_on(email: str = "alice@example.test", **fields: Any) -> Any:
    on = {"sms_enabled": True, "push_enabled": True, "webhook_enabled": True}
    return factories.user(email, preference=on, **fields)


def hook(user: Any, url: str, **fields: Any) -> Webhook:
    made = Webhook(user_id=user.id, url=url, secret_salt="salt", rotation=1, failures=0, **fields)
    db.session.add(made)
    db.session.commit()
    return made


def browser(user: Any, url: str, keys: Browser) -> PushSubscription:
    made = PushSubscription(
        user_id=user.id, endpoint=url, p256dh=keys.p256dh, auth=keys.auth, label="Firefox"
    )
    db.session.add(made)
    db.session.commit()
    return made


def again(row: Delivery) -> Delivery:
    return db.session.get_one(Delivery, row.id, populate_existing=True)


def deliver(now: Any = None) -> int:
    return DeliveryWorker(SENDER).deliver_due(now)


def test_a_webhook_gets_the_notification_signed_and_its_state_is_sent(ways: WebServer) -> None:
    alice = everything_on()
    mine = hook(alice, ways.url + "/hook")
    note = factories.notification(alice, NASTY, message=NASTY, data={"who": NASTY})
    row = factories.delivery(note, "webhook", address=mine.address)
    deliver()
    assert (again(row).state, again(row).reason) == ("sent", "sent")
    call = ways.calls[0]
    (secret,) = webhooks.secrets_of(mine, SENDER.secret, utc_now())
    data = Verifier(secret).verify(call.body, call.headers)
    assert data["type"] == "notification.created"
    assert data["data"]["id"] == note.id
    assert data["data"]["url"] == f"http://bellhop.test/notifications/{note.id}"
    # Escaped, so that no program on the way sees it, and whole for the one that reads it.
    assert call.body.isascii()
    assert not HIDDEN & set(call.body.decode())
    assert data["data"]["title"] == NASTY
    assert call.headers["webhook-id"] == f"msg_{row.id}_{int(row.created_at.timestamp() * 1_000_000)}"


def test_a_failing_webhook_rests_as_a_whole_longer_each_time_and_recovers(ways: WebServer) -> None:
    alice = everything_on()
    mine = hook(alice, ways.url)
    rows = [
        factories.delivery(factories.notification(alice), "webhook", address=mine.address) for _ in range(12)
    ]
    ways.usual = Reply(500, b"sorry")
    start = utc_now() + timedelta(seconds=1)
    deliver(start)
    # A batch was in hand; what waited behind it was spared.
    assert len(ways.calls) < len(rows)
    states = {again(row).state for row in rows}
    assert states <= {"retry_wait", "pending"}
    assert all(again(row).due_at > start for row in rows)
    kept = db.session.get_one(Webhook, mine.id, populate_existing=True)
    assert kept.failures == len(ways.calls)
    assert kept.failing_since == start
    ways.usual = Reply(200)
    deliver(start + timedelta(hours=3))
    assert {again(row).state for row in rows} == {"sent"}
    kept = db.session.get_one(Webhook, mine.id, populate_existing=True)
    assert (kept.failures, kept.failing_since) == (0, None)


def test_a_webhook_is_tried_by_its_schedule_and_as_late_as_it_asks(ways: WebServer) -> None:
    alice = everything_on()
    mine = hook(alice, ways.url)
    row = factories.delivery(factories.notification(alice), "webhook", address=mine.address)
    ways.usual = Reply(503)
    now = utc_now() + timedelta(seconds=1)
    for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400):
        deliver(now)
        due_at = again(row).due_at
        assert 0.8 * seconds <= (due_at - now).total_seconds() <= 1.2 * seconds
        now = due_at
    deliver(now)
    assert (again(row).state, again(row).reason) == ("failed", "gave_up")
    other = factories.delivery(factories.notification(alice), "webhook", address=mine.address)
    ways.usual = Reply(429, headers={"Retry-After": "4000"})
    now += timedelta(hours=1)
    deliver(now)
    assert (again(other).due_at - now).total_seconds() >= 4000


@pytest.mark.parametrize(("reply", "hours"), [(Reply(410, b"gone"), 0), (Reply(500, b"broken"), 121)])
def test_gone_or_failing_for_five_days_switches_it_off_and_tells_its_owner(
    reply: Reply, hours: int, ways: WebServer
) -> None:
    alice, now = everything_on(), utc_now() + timedelta(seconds=1)
    mine = hook(alice, ways.url, failing_since=now - timedelta(hours=hours))
    row = factories.delivery(factories.notification(alice), "webhook", address=mine.address)
    later = factories.delivery(
        factories.notification(alice), "webhook", address=mine.address, due_at=now + timedelta(hours=1)
    )
    ways.usual = reply
    deliver(now)
    kept = db.session.get_one(Webhook, mine.id, populate_existing=True)
    assert kept.disabled_at == now
    assert reply.body.decode() in kept.disabled_reason
    assert again(row).state == ("failed" if hours == 0 else "retry_wait")
    told = db.session.scalars(
        select(Notification).where(Notification.notification_type == "system_alert")
    ).one()
    assert (told.recipient_id, told.title) == (alice.id, "Your webhook was turned off")
    assert ways.url in told.message
    assert set(told.channels) == {"in_app", "email"}
    assert db.session.scalar(select(AuditEntry).where(AuditEntry.action == "webhook.switched_off"))
    deliver(now + timedelta(hours=2))
    assert (again(later).state, again(later).reason) == ("skipped", "endpoint_gone")
    assert len(ways.calls) == 1


def test_a_browser_reads_a_clean_line_and_opens_the_notification(ways: WebServer) -> None:
    alice, keys = everything_on(), Browser()
    mine = browser(alice, ways.url + "/b", keys)
    note = factories.notification(alice, NASTY, message=NASTY * 99, priority="urgent")
    row = factories.delivery(note, "push", address=mine.address)
    deliver()
    assert again(row).state == "sent"
    call = ways.calls[0]
    data = keys.read(call.body)
    assert (data["url"], call.headers["urgency"]) == (f"/notifications/{note.id}", "high")
    assert not HIDDEN & set(data["title"] + data["message"])
    assert data["title"].startswith("<script>x</script> To: b")
    assert len(call.body) < 4096


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_dropped_and_the_others_stay(status: int, ways: WebServer) -> None:
    alice = everything_on()
    gone = browser(alice, ways.url + "/gone", Browser())
    there = browser(alice, ways.url + "/there", Browser())
    note = factories.notification(alice)
    rows = [factories.delivery(note, "push", address=one.address) for one in (gone, there)]
    ways.answers = [Reply(status), Reply(201)]
    deliver()
    # Both are called at once, so either may have been given the refusal.
    assert sorted(again(row).state for row in rows) == ["failed", "sent"]
    (left,) = db.session.scalars(select(PushSubscription))
    assert [left.address] == [row.address for row in rows if again(row).state == "sent"]


def test_a_number_that_was_given_out_again_and_a_shared_browser_get_nothing_of_whoever_had_them(
    ways: WebServer,
) -> None:
    alice, charlie = everything_on(), everything_on("charlie@example.test")
    hers, shared = hook(alice, ways.url + "/hers"), browser(alice, ways.url + "/shared", Browser())
    note = factories.notification(alice, "A secret")
    rows = [
        factories.delivery(note, "webhook", address=hers.address),
        factories.delivery(note, "push", address=shared.address),
    ]
    number = hers.id
    db.session.delete(hers)
    shared.user_id = charlie.id
    db.session.commit()
    hook(charlie, ways.url + "/his", id=number)
    deliver()
    assert ways.calls == []
    assert not {again(row).state for row in rows} & {"sent", "pending", "claimed"}


def test_a_new_webhook_gets_nothing_of_the_one_whose_number_it_was_given(ways: WebServer) -> None:
    alice = everything_on()
    first = hook(alice, ways.url + "/first")
    row = factories.delivery(factories.notification(alice), "webhook", address=first.address)
    number = first.id
    db.session.delete(first)
    db.session.commit()
    hook(alice, ways.url + "/second", id=number)
    deliver()
    assert ways.calls == []
    assert again(row).state != "sent"
    assert webhook_calls.page_for(alice, number).lines == []


def test_an_sms_is_one_segment_with_a_link_and_no_tricks(ways: WebServer) -> None:
    from urllib.parse import parse_qs

    from app.rendering import sms_segments

    alice = everything_on(phone="+442079460958")
    note = factories.notification(alice, NASTY)
    row = factories.delivery(note, "sms", address="+442079460958", text=f"{NASTY} “Zoë” " + "long " * 80)
    ways.usual = Reply(201, b'{"sid":"SM1","status":"queued"}')
    deliver()
    assert (again(row).state, again(row).log[0].response) == ("sent", "201 SM1 queued")
    text = parse_qs(ways.calls[0].body.decode())["Body"][0]
    assert sms_segments.sms_size(text).segments == 1
    assert sms_segments.sms_size(text).is_gsm7
    assert text.endswith(f" http://bellhop.test/n/{note.id}")
    assert not HIDDEN & set(text)


def test_whoever_answers_stop_gets_no_text_again(ways: WebServer) -> None:
    alice = everything_on(phone="+442079460958")
    first = factories.delivery(factories.notification(alice), "sms", address=alice.phone)
    ways.usual = Reply(400, json.dumps({"code": 21610, "message": "unsubscribed recipient"}).encode())
    deliver()
    assert again(first).state == "failed"
    assert db.session.scalars(select(Suppression.address)).all() == ["+442079460958"]
    second = factories.delivery(factories.notification(alice), "sms", address=alice.phone)
    deliver()
    assert again(second).state == "suppressed"
    assert len(ways.calls) == 1


def test_a_text_whose_answer_was_lost_is_repeated_once_after_a_quarter_of_an_hour(
    ways: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_http, "TOTAL_SECONDS", 0.2)
    alice = everything_on(phone="+442079460958")
    row = factories.delivery(factories.notification(alice), "sms", address=alice.phone)
    ways.usual = Reply(after=5)
    now = utc_now() + timedelta(seconds=1)
    deliver(now)
    assert again(row).state == "retry_wait"
    assert again(row).due_at == now + timedelta(minutes=15)
    deliver(now + timedelta(minutes=15))
    assert again(row).state == "uncertain"


def test_a_number_that_was_changed_meanwhile_is_not_written_to(ways: WebServer) -> None:
    alice = everything_on(phone="+442079460000")
    row = factories.delivery(factories.notification(alice), "sms", address="+442079460958")
    deliver()
    assert (again(row).state, again(row).reason) == ("skipped", "endpoint_gone")
    assert ways.calls == []


@pytest.mark.parametrize("any_app", ["sqlite"], indirect=True)
def test_one_dead_channel_slows_no_other(ways: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Webhooks that hang until they are cut off: mail and push due meanwhile still leave at once."""
    monkeypatch.setattr(safe_http, "TOTAL_SECONDS", 6.0)
    sent: dict[str, float] = {}

    class Quick:
        def __init__(self, name: str) -> None:
            self.name = name

        def send(self, message: Message) -> Receipt:
            sent.setdefault(message.address, time.monotonic())
            return Receipt("250 ok")

        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setitem(CONNECTORS, "email", lambda: Quick("email"))
    monkeypatch.setitem(CONNECTORS, "sms", lambda: Quick("sms"))
    alice = everything_on(phone="+442079460958")
    ways.usual = Reply(after=30)
    mine = hook(alice, ways.url)
    for _number in range(3):
        factories.delivery(factories.notification(alice), "webhook", address=mine.address)
    app = ways_app()
    courier = DeliveryWorker(SENDER)

    def run() -> None:
        with app.app_context():
            courier.deliver_due()

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: ways.calls)
    began_at = time.monotonic()
    factories.delivery(factories.notification(alice), "email", address="a@example.test")
    factories.delivery(factories.notification(alice), "sms", address=alice.phone)
    wait_until(lambda: len(sent) == 2, 4)
    assert max(sent.values()) - began_at < 2
    assert thread.is_alive()
    courier.stopping.set()
    thread.join(15)
    assert not thread.is_alive()


def ways_app() -> Flask:
    from flask import current_app

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app


def test_a_new_channel_is_a_file_and_a_row(ways: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worked example of docs/channels.md, run as it stands there."""
    text = (Path(__file__).parents[2] / "docs" / "channels.md").read_text()
    source = text.partition("```python\n")[2].partition("```")[0]
    row = text.rpartition("```python\n")[2].partition("```")[0]
    example: dict[str, Any] = {"__name__": "chat"}
    exec(compile(source, "chat.py", "exec"), example)
    chat = eval(row.strip(), {"ChannelSpec": catalog.ChannelSpec, "_l": lazy_gettext})
    monkeypatch.setitem(catalog.CHANNELS, "chat", chat)
    monkeypatch.setattr(
        safe_http.post, "__kwdefaults__", safe_http.post.__kwdefaults__ | {"may_reach": loopback}
    )
    monkeypatch.setitem(CONNECTORS, "chat", example["connect"])
    monkeypatch.setattr(UserNotificationPreference, "chat_enabled", True, raising=False)
    note = factories.notification(everything_on(), "Booked", message="On Thursday.")
    row = factories.delivery(note, "chat", address=ways.url + "/room")
    ways.answers = [Reply(503)]
    now = utc_now() + timedelta(seconds=1)
    deliver(now)
    assert again(row).state == "retry_wait"
    deliver(again(row).due_at)
    assert again(row).state == "sent"
    expected = f"Booked\nOn Thursday.\nhttp://bellhop.test/notifications/{note.id}"
    assert json.loads(ways.calls[-1].body) == {"text": expected}
