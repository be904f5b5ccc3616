"""Real Celery workers on PostgreSQL and Redis: killed, starved of their broker, and more than one."""

from __future__ import annotations

import http.client
import json
import logging
import os
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from statistics import quantiles

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, update

from app import jobs
from app.clock import utc_now
from app.database.base import db
from app.jobs import tasks
from app.models import Announcement, Delivery, DeliveryAttempt, Digest, Notification, User
from app.services import create_notification
from app.services.accounts import tokens
from app.services.announcements import management
from app.services.announcements.validation import AnnouncementRequest
from app.services.base import broker
from tests.support import factories
from tests.support.announcements import NEWS, crowd
from tests.support.brokers import (
    Proxy,
    RedisServer,
    add_broker,
    celery_worker,
    hanging_server,
    served,
    start_worker,
)
from tests.support.collector import collecting
from tests.support.delivery import pending_email
from tests.support.gunicorn import serving
from tests.support.smtp import Mailbox, Server, free_port, point_at
from tests.support.smtp_sink import Sink, smtp_sink
from tests.support.threads import run_at_once
from tests.support.waiting import wait_until

# One process, so that at most one message is on its way at a time.
EMAIL = ("-Q", "send.email", "--concurrency", "1", "--loglevel", "INFO")

# A run of hours: FAULT_MAILS=100000 FAULT_KILLS=500.
MAILS = int(os.environ.get("FAULT_MAILS", "120"))
KILLS = int(os.environ.get("FAULT_KILLS", "2"))
# Ten minutes: FAULT_AWAY_SECONDS=600.
AWAY_SECONDS = float(os.environ.get("FAULT_AWAY_SECONDS", "40"))
SCALE_MAILS = int(os.environ.get("FAULT_SCALE_MAILS", "400"))
log = logging.getLogger(__name__)


def sent() -> int:
    db.session.rollback()
    return db.session.scalar(
        select(func.count()).where(Delivery.channel == "email", Delivery.state == "sent")
    )


def has_processes(group: int) -> bool:
    """Whether a process of this group is alive."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def alice(broker_app: Flask) -> User:
    return factories.user("alice@example.test", "Alice Moreau")


def test_a_worker_sends_what_a_dead_one_held_and_a_server_commits_and_stops_at_once(
    broker_app: Flask, broker_smtp: Server, alice: User, tmp_path: Path
) -> None:
    pending_email(alice, state="claimed", lease_until=utc_now(), token="of a worker that died")
    with celery_worker(broker_app, *EMAIL, log=tmp_path / "worker.log") as worker:
        assert served() == {"send.email": 1}
        wait_until(lambda: sent() == 1)
        create_notification(alice, "resume_processed", "Parsed", "Done.")
        wait_until(lambda: sent() == 2)
        assert len(broker_smtp.mailbox.raw) == 2
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
    log = (tmp_path / "worker.log").read_text()
    assert "bellhop.send" in log
    assert "Traceback" not in log
    assert "Connection to broker lost" not in log
    assert served() == {}, "others know at once that it is gone"


@pytest.mark.long
def test_a_stopping_worker_does_not_wait_for_a_slow_mail_server(
    broker_app: Flask, broker_smtp: Server, alice: User, tmp_path: Path
) -> None:
    broker_smtp.mailbox.seconds = 30
    with start_worker(broker_app, ["bin/queue_workers.py"], log=tmp_path / "log") as worker:
        wait_until(lambda: served()["send.email"] > 0, 60)
        create_notification(alice, "resume_processed", "Parsed", "Done.")
        wait_until(lambda: len(broker_smtp.mailbox.connections) > 0)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
        wait_until(lambda: not has_processes(worker.pid), 5)


def test_a_worker_sends_its_traces(
    broker_app: Flask, broker_smtp: Server, alice: User, tmp_path: Path
) -> None:
    pytest.importorskip("opentelemetry.exporter", reason="requirements-telemetry.txt is not installed")
    with collecting() as collector:
        settings = {"log": tmp_path / "worker.log", **collector.settings}
        with celery_worker(broker_app, *EMAIL, **settings) as worker:
            create_notification(alice, "resume_processed", "Parsed", "Done.")
            wait_until(lambda: sent() == 1)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(10) == 0
        ((name, span),) = collector.spans()
        assert (name, span["bellhop.role"], span["failed"]) == ("bellhop.send", "worker", False)


def test_workers_write_announcements_and_digests_in_chunks(
    broker_app: Flask, broker_smtp: Server, bob: User, tmp_path: Path
) -> None:
    crowd(350)
    made = management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    reader = factories.user("reader@example.test", preference={"daily_digest": True, "digest_hour": 0})
    factories.notification(reader)
    with celery_worker(broker_app, "-Q", "bulk", "-c", "1", log=tmp_path / "worker.log"):
        assert tasks.announcements() == 1, "handed over"
        assert tasks.daily_digest() == 1, "handed over"
        wait_until(lambda: written(made.id) == "written", 30)
        wait_until(lambda: count_of(Digest) == 1)
    assert count_of(Notification) == 1 + 352, "everyone once, and the one that the digest lists"
    assert "Traceback" not in (tmp_path / "worker.log").read_text()


def written(announcement_id: int) -> str:
    return db.session.get_one(Announcement, announcement_id, populate_existing=True).state


def count_of(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def queue(user: User, many: int) -> None:
    """Queue this many emails, due since a minute."""
    db.session.add_all(
        Notification(
            recipient_id=user.id,
            notification_type="resume_processed",
            category="resume",
            title=f"Number {number}",
            message="Parsed.",
            channels=["email"],
            deliveries=[Delivery(recipient_id=user.id, channel="email", address=user.email)],
        )
        for number in range(many)
    )
    db.session.commit()


@pytest.fixture
def bob(broker_app: Flask) -> User:
    return factories.user("bob@example.test", "Bob Okafor", role="admin")


@pytest.fixture
def smtp_of_pg(pg_app: Flask) -> Iterator[Server]:
    server = Server(Mailbox())
    server.start()
    point_at(pg_app, server.port)
    yield server
    server.stop()


@pytest.fixture
def schedule(broker_app: Flask) -> Iterator[None]:
    """The schedule of a server, which publishes and sweeps while the test runs."""
    running = jobs.start(broker_app, ["deliver", "sweep"])
    yield
    running.stop()


@pytest.mark.long
def test_fifty_equal_posts_to_two_servers_are_one_notification_and_one_email(
    broker_app: Flask,
    broker_smtp: Server,
    bob: User,
    tmp_path: Path,
) -> None:
    alice = factories.user("alice@example.test", "Alice Moreau")
    _, text = tokens.create(bob, "test", ["events"])
    headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
    event = json.dumps(factories.event_body(recipients=[alice.email])).encode()
    settings = {
        "CELERY_BROKER_URL": broker_app.config["CELERY_BROKER_URL"],
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(broker_smtp.port),
        "EMAIL_USE_TLS": "false",
    }
    database = db.engine.url.render_as_string(hide_password=False)

    def post(server: str) -> int:
        call = urllib.request.Request(f"{server}/api/events/", event, headers)
        return urllib.request.urlopen(call, timeout=60).status

    with (
        celery_worker(broker_app, *EMAIL, log=tmp_path / "worker.log"),
        serving(database, tmp_path / "one.log", **settings) as one,
        serving(database, tmp_path / "two.log", **settings) as two,
        ThreadPoolExecutor(50) as crowd_of_callers,
    ):
        answers = Counter(crowd_of_callers.map(post, [one.url, two.url] * 25))
        wait_until(lambda: sent() == 1, 30)
    assert answers == {201: 1, 200: 49}
    assert count_of(Notification) == 1
    assert len(broker_smtp.mailbox.raw) == 1


@pytest.mark.long
def test_four_schedulers_and_three_workers_send_one_digest_per_local_date(
    broker_app: Flask, broker_smtp: Server, tmp_path: Path
) -> None:
    zones = ("Pacific/Kiritimati", "Asia/Kathmandu", "Europe/Paris", "America/Lima", "Pacific/Pago_Pago")
    wants = {"daily_digest": True, "digest_hour": 0, "email_enabled": True}
    people = [
        factories.bare_user(f"person{number}@example.test", time_zone=zone, preference=wants)
        for number, zone in enumerate(zones * 50)
    ]
    db.session.add_all(people)
    db.session.commit()
    db.session.execute(insert(Notification), [factories.notification_values(user, 1) for user in people])
    db.session.commit()
    queues = ("-Q", "bulk,send.email", "-c", "1")
    with ExitStack() as stack:
        for number in range(3):
            log = tmp_path / f"worker{number}.log"
            stack.enter_context(celery_worker(broker_app, *queues, "-n", f"{number}@%h", log=log))
        for number in range(4):
            log = tmp_path / f"scheduler{number}.log"
            stack.enter_context(start_worker(broker_app, ["-m", "flask", "scheduler"], log=log))
        # What the schedulers avoid: all of them hand the same people over at once.
        run_at_once(broker_app, tasks.daily_digest)
        wait_until(lambda: count_of(Digest) == len(people) == sent(), 60)
        run_at_once(broker_app, tasks.daily_digest)
        wait_until(lambda: broker_app.extensions["broker"].count_waiting(broker.BULK_QUEUE) == 0)
    assert count_of(Digest) == len(people)
    assert len(broker_smtp.mailbox.raw) == len(broker_smtp.mailbox.message_ids) == len(people)


@pytest.mark.long
def test_rabbitmq_carries_the_same(
    pg_app: Flask, rabbitmq_url: str, smtp_of_pg: Server, tmp_path: Path
) -> None:
    add_broker(pg_app, rabbitmq_url)
    alice = factories.user("alice@example.test", "Alice Moreau")
    with celery_worker(pg_app, *EMAIL, log=tmp_path / "worker.log"):
        create_notification(alice, "resume_processed", "Parsed", "Done.")
        wait_until(lambda: sent() == 1)
        queue(alice, 120)
        db.session.execute(update(Delivery).values(due_at=utc_now() - timedelta(minutes=1)))
        db.session.commit()
        assert tasks.deliver() >= 120, "published again"
        wait_until(lambda: sent() == 121, 120)
    assert len(smtp_of_pg.mailbox.message_ids) == len(smtp_of_pg.mailbox.raw) == 121
    assert pg_app.extensions["broker"].count_waiting("send.email") == 0
    assert "Traceback" not in (tmp_path / "worker.log").read_text()


@pytest.mark.long
@pytest.mark.timeout(300 + MAILS + 90 * KILLS)
def test_killed_workers_lose_nothing_and_repeat_few_emails(
    broker_app: Flask, broker_smtp: Server, schedule: None, alice: User, tmp_path: Path
) -> None:
    """SIGKILL of the processes that send, one each time: what they held moves again when its lease ends."""
    broker_smtp.mailbox.seconds = 0.05
    with celery_worker(broker_app, *EMAIL, log=tmp_path / "worker.log") as worker:
        queue(alice, MAILS)
        for _kill in range(KILLS):
            before = len(broker_smtp.mailbox.raw)
            wait_until(lambda before=before: len(broker_smtp.mailbox.raw) >= before + 20, 90)
            (child,) = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
            os.kill(int(child), signal.SIGKILL)
        wait_until(lambda: sent() == MAILS, 120 + MAILS / 5)
    ids = broker_smtp.mailbox.message_ids
    assert len(ids) == MAILS
    assert sum(ids.values()) - MAILS <= KILLS, (
        "at most the one at hand for each kill, with the same Message-ID"
    )
    assert count_of(DeliveryAttempt) == MAILS


@pytest.mark.long
def test_a_worker_whose_connection_to_redis_vanished_works_again_within_a_minute(
    broker_app: Flask,
    broker_smtp: Server,
    redis_server: RedisServer,
    schedule: None,
    alice: User,
    tmp_path: Path,
) -> None:
    broker_smtp.mailbox.seconds = 2
    proxy = Proxy(redis_server.port)
    try:
        through = {"CELERY_BROKER_URL": f"redis://127.0.0.1:{proxy.port}/0"}
        with celery_worker(broker_app, *EMAIL, log=tmp_path / "worker.log", **through):
            create_notification(alice, "resume_processed", "Before", "Done.")
            # It sends the email now, and acknowledges the message afterwards.
            wait_until(lambda: broker_smtp.mailbox.connections or broker_smtp.mailbox.raw)
            proxy.freeze()
            wait_until(lambda: sent() == 1)
            create_notification(alice, "resume_processed", "After", "Done.")
            wait_until(lambda: sent() == 2, 60)
    finally:
        proxy.close()
    assert len(broker_smtp.mailbox.raw) == 2


@pytest.mark.long
@pytest.mark.timeout(AWAY_SECONDS + 300)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["refuses", "hangs"])
def test_posts_are_as_quick_without_the_broker(
    broker_app: Flask, redis_server: RedisServer, bob: User, how: signal.Signals, tmp_path: Path
) -> None:
    """Two servers get the same posts at the same time; one of them loses its broker, which counts its calls, too."""
    alice = factories.user("alice@example.test", "Alice Moreau")
    _, text = tokens.create(bob, "test", ["events"])
    headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
    database, port = db.engine.url.render_as_string(hide_password=False), free_port()
    point_at(broker_app, port)
    settings = {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(port), "EMAIL_USE_TLS": "false"}
    other_redis = RedisServer(tmp_path)
    other_redis.start()
    times: tuple[list[float], list[float]] = ([], [])

    def post(connection: http.client.HTTPConnection) -> float:
        event = json.dumps(factories.event_body("resume.processed", recipients=[alice.email]))
        started = time.perf_counter()
        connection.request("POST", "/api/events/", event, headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 201
        return time.perf_counter() - started

    try:
        with (
            smtp_sink(tmp_path / "mails", port) as sink,
            celery_worker(broker_app, *EMAIL, log=tmp_path / "worker.log"),
            serving(database, tmp_path / "one.log", REDIS_URL=redis_server.url, **settings) as one,
            serving(database, tmp_path / "two.log", REDIS_URL=other_redis.url, **settings) as two,
        ):
            connections = [http.client.HTTPConnection("127.0.0.1", each.port) for each in (one, two)]
            for _number in range(20):
                for connection in connections:
                    post(connection)
            other_redis.process.send_signal(how)
            ends_at, number = time.monotonic() + AWAY_SECONDS, 0
            while time.monotonic() < ends_at:
                # Each is first as often as the other.
                for which in ((0, 1), (1, 0))[number % 2]:
                    times[which].append(post(connections[which]))
                number += 1
                time.sleep(0.02)
            posted = 40 + 2 * number
            wait_until(lambda: sent() == posted, 60)
            other_redis.process.send_signal(signal.SIGCONT)
            time.sleep(6)
            arrived = sink.message_ids()
            for connection in connections:
                connection.close()
    finally:
        other_redis.stop()
        other_redis.client.close()
    with_broker, without = (quantiles(each, n=100) for each in times)
    for percent in (50, 90, 99):
        seconds = with_broker[percent - 1], without[percent - 1]
        log.info("p%d of %d posts: %.4f s, without the broker %.4f s", percent, number, *seconds)
        # Of a few hundred posts beside other work, the slowest tenth is a matter of chance.
        assert percent > 50 or seconds[1] <= 1.2 * seconds[0]
    assert sum(arrived.values()) == len(arrived) == posted


@pytest.mark.long
def test_a_lost_and_a_flushed_broker_cost_seconds(
    broker_app: Flask,
    broker_smtp: Server,
    redis_server: RedisServer,
    schedule: None,
    alice: User,
    tmp_path: Path,
) -> None:
    with celery_worker(broker_app, *EMAIL, log=tmp_path / "worker.log"):
        create_notification(alice, "resume_processed", "Before", "Done.")
        wait_until(lambda: sent() == 1)
        redis_server.stop()
        started = time.monotonic()
        create_notification(alice, "resume_processed", "While it is away", "Done.")
        assert time.monotonic() - started < 0.1
        wait_until(lambda: sent() == 2, 60)
        assert time.monotonic() - started > 25, "not before half a minute"
        count = 2
        while time.monotonic() < started + AWAY_SECONDS:
            create_notification(alice, "resume_processed", f"Still away {count}", "Done.")
            count += 1
            wait_until(lambda count=count: sent() == count, 10)
            time.sleep(0.2)
        redis_server.start()
        wait_until(broker_app.extensions["broker"].check)
        for number in range(5):
            create_notification(alice, "resume_processed", f"Back {number}", "Done.")
            redis_server.client.flushall()
        wait_until(lambda: sent() == count + 5, 60)
    assert set(broker_smtp.mailbox.message_ids.values()) == {1}
    assert len(broker_smtp.mailbox.raw) == count + 5


@pytest.fixture
def sink(broker_app: Flask, tmp_path: Path) -> Iterator[Sink]:
    """A mail server in a process of its own that takes 50 ms for an email."""
    port = free_port()
    point_at(broker_app, port)
    with smtp_sink(tmp_path / "emails", port, 0.05) as running:
        yield running


def crowd_of(many: int) -> list[User]:
    """Create people with a phone; emails to one person wait for each other at that person's row."""
    people = [
        factories.bare_user(
            f"person{number}@example.test",
            phone=f"+44207946{number:04}",
            preference={"sms_enabled": True},
        )
        for number in range(many)
    ]
    db.session.add_all(people)
    db.session.commit()
    return people


def rate_of_emails(sink: Sink, people: list[User], many: int) -> float:
    """Queue this many emails; returns how many were sent in a second, from the first to the last."""
    before = len(sink.emails())
    for user in people:
        queue(user, many // len(people))
    wait_until(lambda: len(sink.emails()) >= before + many, 60 + many / 10)
    times = sorted(at for at, _name in sink.emails()[before:])
    return (many - 1) / (times[-1] - times[0])


@pytest.mark.long
@pytest.mark.timeout(300 + SCALE_MAILS)
def test_four_workers_send_three_times_as_much_as_one(
    broker_app: Flask, sink: Sink, schedule: None, tmp_path: Path
) -> None:
    people = crowd_of(50)
    rates: dict[int, list[float]] = {1: [], 4: []}
    for number in (1, 4, 1, 4):
        with ExitStack() as stack:
            for worker in range(number):
                name, log_file = f"{worker}@%h", tmp_path / f"{number}-{worker}.log"
                stack.enter_context(celery_worker(broker_app, *EMAIL, "-n", name, log=log_file))
            rates[number].append(rate_of_emails(sink, people, SCALE_MAILS))
    log.info("Emails per second of 1 and 4 workers: %s", rates)
    assert max(rates[4]) >= 3 * max(rates[1])


@pytest.mark.long
def test_text_messages_that_hang_do_not_delay_emails(
    broker_app: Flask, sink: Sink, schedule: None, tmp_path: Path
) -> None:
    """`bin/worker` runs a worker for each queue."""
    people, port = crowd_of(50), free_port()
    settings = {
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "t",
        "TWILIO_FROM": "+15005550006",
        "TWILIO_BASE_URL": f"http://127.0.0.1:{port}",
    }
    alone, beside = [], []
    with (
        hanging_server(port) as calls,
        start_worker(broker_app, ["bin/queue_workers.py"], log=tmp_path / "worker.log", **settings) as worker,
    ):
        wait_until(lambda: len(served()) == len(broker.QUEUES) or worker.poll() is not None, 90)
        # Alternating, because other work on the machine makes a difference, too.
        for _round in range(3):
            alone.append(rate_of_emails(sink, people, 200))
            for user in people:
                factories.delivery(factories.notification(user), "sms", address=user.phone)
            wait_until(lambda: calls, 30)
            beside.append(rate_of_emails(sink, people, 200))
            over = {"state": "cancelled", "token": None, "lease_until": None}
            db.session.execute(update(Delivery).where(Delivery.channel == "sms").values(over))
            db.session.commit()
            while calls:
                calls.pop().close()
    log.info("Emails per second alone %s, beside text messages that hang %s", alone, beside)
    assert max(beside) >= 0.95 * max(alone)
