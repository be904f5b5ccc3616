"""What is published to the broker, and what happens without it."""

from __future__ import annotations

import base64
import json
import signal
import time
from datetime import timedelta

import pytest
from flask import Flask

from app.channels import CONNECTORS
from app.channels.base import Message, Receipt
from app.clock import utc_now
from app.database.base import db
from app.jobs import tasks
from app.models import User
from app.services import create_notification
from app.services.accounts import direct_messages
from app.services.base import broker
from app.services.operations import health
from app.services.sending import outbox, publishing
from tests.support import factories
from tests.support.brokers import RedisServer, pretend_workers
from tests.support.delivery import pending_email, reload
from tests.support.endpoints import user_with_all_channels
from tests.support.sessions import open_session
from tests.support.smtp import Server
from tests.support.waiting import wait_until


def messages(redis_server: RedisServer, queue: str = "send.email") -> list[list[object]]:
    """The arguments of the tasks that wait in a queue, oldest first."""
    found = []
    for raw in reversed(redis_server.client.lrange(queue, 0, -1)):
        message = json.loads(raw)
        assert message["headers"]["task"] == "bellhop.send"
        arguments, keywords, _embedded = json.loads(base64.b64decode(message["body"]))
        assert keywords == {}
        found.append(arguments)
    return found


@pytest.fixture
def workers(broker_app: Flask) -> None:
    pretend_workers("send.email", "send.sms")


@pytest.fixture
def alice(broker_app: Flask) -> User:
    return factories.user("alice@example.test", "Alice Moreau")


def test_only_the_ids_of_due_deliveries_are_published_after_the_commit(
    workers: None, redis_server: RedisServer, alice: User
) -> None:
    create_notification(alice, "resume_processed", "Parsed", "Confidential words")
    wait_until(lambda: messages(redis_server))
    later = utc_now() + timedelta(hours=1)
    create_notification(alice, "resume_processed", "Later", "Not due", deliver_at=later)
    row = create_notification(alice, "resume_processed", "Second", "Due")
    wait_until(lambda: len(messages(redis_server)) == 2)
    published = list(messages(redis_server))
    (first,), (second,) = (ids for _channel, ids in published)
    assert {channel for channel, _ids in published} == {"email"}
    assert first < second
    assert second in {delivery.id for delivery in row.deliveries}
    assert b"Confidential" not in b"".join(redis_server.client.lrange("send.email", 0, -1))


def test_nothing_is_published_after_a_rollback(
    broker_app: Flask, workers: None, redis_server: RedisServer, alice: User
) -> None:
    direct_messages.queue("test", alice, "email", alice.email, utc_now(), lifetime=timedelta(minutes=1))
    db.session.rollback()
    create_notification(alice, "resume_processed", "Parsed", "Done.")
    wait_until(lambda: messages(redis_server))
    assert len(messages(redis_server)) == 1


@pytest.mark.parametrize(
    ("workers_more", "due", "sizes"),
    [(0, 320, [50] * 6 + [20]), (0, 15, [10, 5]), (3, 220, [14] * 15 + [10])],
    ids=["at most fifty ids", "at least ten", "four messages for each worker"],
)
def test_a_burst_is_split_evenly_among_the_workers(
    workers: None, redis_server: RedisServer, alice: User, workers_more: int, due: int, sizes: list[int]
) -> None:
    for _number in range(workers_more):
        pretend_workers("send.email")
    rows = [pending_email(alice, due_at=utc_now() - timedelta(seconds=6)) for _ in range(due)]
    assert publishing.current().publish_unclaimed() == due
    published = messages(redis_server)
    assert [len(ids) for _channel, ids in published] == sizes
    assert sorted(each for _channel, ids in published for each in ids) == sorted(row.id for row in rows)


def test_only_what_is_due_and_unclaimed_for_five_seconds_is_published_again(
    broker_app: Flask, workers: None, redis_server: RedisServer, alice: User
) -> None:
    now = utc_now()
    pending_email(alice, due_at=now - timedelta(seconds=4))
    pending_email(alice, due_at=now - timedelta(seconds=9), state="claimed", lease_until=now, token="x")
    old = pending_email(alice, due_at=now - timedelta(seconds=6))
    publisher = publishing.current()
    assert publisher.publish_unclaimed(now) == 1
    assert messages(redis_server) == [["email", [old.id]]]
    assert publisher.publish_unclaimed(now) == 0, "once in five seconds"


def test_deliveries_of_a_worker_that_died_are_published_one_by_one(
    broker_app: Flask, workers: None, redis_server: RedisServer, alice: User
) -> None:
    past = utc_now() - timedelta(seconds=6)
    suspects = [pending_email(alice, due_at=past, crashes=1) for _ in range(2)]
    others = [pending_email(alice, due_at=past) for _ in range(2)]
    publishing.current().publish_unclaimed()
    assert sorted(ids for _channel, ids in messages(redis_server)) == sorted(
        [*([row.id] for row in suspects), [row.id for row in others]]
    )


def test_what_is_taken_back_from_a_worker_that_died_is_published_at_once(
    broker_app: Flask, workers: None, redis_server: RedisServer, alice: User
) -> None:
    row, now = pending_email(alice), utc_now()
    outbox.claim("email", now, lease_until=now + outbox.LEASE, holder="dead")
    outbox.sweep(now + outbox.LEASE + timedelta(seconds=1))
    wait_until(lambda: messages(redis_server))
    assert messages(redis_server) == [["email", [row.id]]]


def test_a_server_that_is_busy_with_text_messages_publishes_emails_meanwhile(
    broker_app: Flask, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "PUBLISH_EVERY_SECONDS", 0.0)
    alice = user_with_all_channels(phone="+442079460958")
    email = pending_email(alice, due_at=utc_now() + timedelta(hours=1))
    published: list[object] = []

    class Provider:
        def send(self, _message: Message) -> Receipt:
            reload(email).due_at = utc_now() - timedelta(seconds=6)
            db.session.commit()
            wait_until(lambda: messages(redis_server))
            published.extend(messages(redis_server))
            return Receipt("sent")

        def close(self) -> None:
            """Do nothing: no connection is open."""

    monkeypatch.setitem(CONNECTORS, "sms", Provider)
    pretend_workers("send.email")
    factories.delivery(factories.notification(alice), "sms", address=alice.phone)
    tasks.deliver()
    assert published


def test_a_queue_that_is_long_enough_gets_no_more(
    broker_app: Flask, workers: None, redis_server: RedisServer, alice: User
) -> None:
    redis_server.client.rpush("send.email", *["{}"] * publishing.ENOUGH_MESSAGES)
    pending_email(alice, due_at=utc_now() - timedelta(minutes=1))
    assert publishing.current().publish_unclaimed() == 0


def test_without_a_worker_the_servers_send_and_publish_nothing(
    broker_app: Flask, redis_server: RedisServer, broker_smtp: Server, alice: User
) -> None:
    row = pending_email(alice, due_at=utc_now() - timedelta(minutes=1))
    assert tasks.deliver() == 1
    assert reload(row).state == "sent"
    assert messages(redis_server) == []
    assert health.broker_problem(utc_now())[0] == "no workers"


def test_with_workers_the_servers_leave_the_sending_to_them(
    broker_app: Flask, redis_server: RedisServer, broker_smtp: Server, alice: User
) -> None:
    pretend_workers(*broker.SEND_QUEUES)
    row = pending_email(alice, due_at=utc_now() - timedelta(minutes=1))
    assert tasks.deliver() == 1
    assert reload(row).state == "pending"
    assert messages(redis_server) == [["email", [row.id]]]
    assert health.broker_problem(utc_now()) is None


def test_while_the_broker_is_away_callers_do_not_wait_and_the_servers_send_after_half_a_minute(
    broker_app: Flask,
    workers: None,
    redis_server: RedisServer,
    broker_smtp: Server,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_notification(alice, "resume_processed", "Warm", "All statements are built.")
    redis_server.stop()
    started = time.monotonic()
    row = create_notification(alice, "resume_processed", "Parsed", "Done.")
    assert time.monotonic() - started < 0.1
    queue = broker_app.extensions["broker"]
    wait_until(lambda: not queue.check())
    email = next(each for each in row.deliveries if each.channel == "email")
    assert health.broker_problem(utc_now())[0] == "away"
    assert not publishing.current().must_send("email")
    tasks.deliver()
    assert reload(email).state == "pending", "not yet"
    monkeypatch.setattr(publishing, "SEND_AFTER_SECONDS", 0.0)
    tasks.deliver()
    assert reload(email).state == "sent"
    redis_server.start()
    wait_until(queue.check)
    assert not publishing.current().must_send("email"), "it is back"


def test_a_broker_that_hangs_is_away(broker_app: Flask, redis_server: RedisServer) -> None:
    queue = broker_app.extensions["broker"]
    assert queue.check()
    redis_server.process.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    assert not queue.check()
    assert time.monotonic() - started < 2
    redis_server.process.send_signal(signal.SIGCONT)
    wait_until(queue.check)


def test_the_metrics_name_queues_and_workers_and_an_outage_is_shown(
    broker_app: Flask, workers: None, redis_server: RedisServer
) -> None:
    redis_server.client.rpush("send.email", "{}")
    page = broker_app.test_client().get("/metrics").text
    assert "bellhop_broker_up 1.0" in page
    assert 'bellhop_queue_messages{queue="send.email"} 1.0' in page
    assert 'bellhop_queue_workers{queue="send.email"} 1.0' in page
    assert 'bellhop_queue_workers{queue="send.push"} 0.0' in page
    redis_server.stop()
    assert "bellhop_broker_up 0.0" in broker_app.test_client().get("/metrics").text
    assert broker_app.test_client().get("/readyz").json["broker"] == "away"
    bob = factories.user("bob@example.test", "Bob Okafor", role="admin")
    page = open_session(broker_app.test_client(), bob).get("/admin/jobs").text
    assert "The message broker does not respond." in page


def test_a_message_names_the_request_that_led_to_it(
    broker_app: Flask, workers: None, redis_server: RedisServer, alice: User
) -> None:
    with broker_app.test_request_context(headers={"X-Request-ID": "from-the-proxy.1"}):
        create_notification(alice, "resume_processed", "Parsed", "Done.")
    wait_until(lambda: messages(redis_server))
    raw = json.loads(redis_server.client.lindex("send.email", 0))
    assert raw["headers"]["request_ids"] == "from-the-proxy.1"
