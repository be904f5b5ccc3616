"""No queue starves another, and one slow message delays no other."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.channels import CONNECTORS
from app.channels.base import Message, Receipt
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, User
from app.services.sending import claim
from app.services.sending import worker as worker_module
from app.services.sending.worker import DeliveryWorker
from tests.support.delivery import delivery_worker, pending_email, reload
from tests.support.smtp import Server
from tests.support.waiting import wait_until


@pytest.mark.parametrize(
    "fields",
    [{"is_urgent": True}, {"state": "retry_wait", "attempts": 1}, {"crashes": 1}, {}],
    ids=["urgent", "retry", "suspect", "new"],
)
def test_a_few_messages_do_not_wait_behind_a_long_queue(
    smtp: Server, alice: User, worker: DeliveryWorker, fields: dict[str, object]
) -> None:
    now = utc_now()
    others = {} if fields else {"state": "retry_wait", "attempts": 1}
    for number in range(100):
        pending_email(alice, f"Other {number}", due_at=now - timedelta(minutes=10), **others)
    for number in range(3):
        pending_email(alice, f"Mine {number}", due_at=now, **fields)
    worker.deliver_due(now)
    subjects = [mail["Subject"] for mail in smtp.mailbox.mails]
    assert len(subjects) == 103
    assert max(subjects.index(f"Mine {number}") for number in range(3)) < 45, "after two turns at the latest"


@pytest.mark.parametrize(
    "fields",
    [{"is_urgent": True}, {"state": "retry_wait", "attempts": 1}, {"crashes": 1}],
    ids=["urgent", "retry", "suspect"],
)
def test_a_few_messages_do_not_wait_behind_a_long_queue_of_the_broker(
    smtp: Server, alice: User, worker: DeliveryWorker, fields: dict[str, object]
) -> None:
    named = [pending_email(alice, f"Other {number}").id for number in range(3)]
    pending_email(alice, "Mine", due_at=utc_now(), **fields)
    worker.deliver_named("email", named)
    assert smtp.mailbox.mails[0]["Subject"] == "Mine"
    assert len(smtp.mailbox.mails) == 4


def test_a_turn_ends_after_a_few_seconds_and_releases_the_rest(
    smtp: Server, alice: User, worker: DeliveryWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "TURN_SECONDS", 0.1)
    smtp.mailbox.seconds = 0.06
    for number in range(12):
        pending_email(alice, f"Other {number}")
    pending_email(alice, "Urgent", due_at=utc_now(), is_urgent=True)
    for number in range(5):
        pending_email(alice, f"Held {number}", crashes=1)
    worker.deliver_due()
    subjects = [mail["Subject"] for mail in smtp.mailbox.mails]
    assert subjects[0] == "Urgent"
    assert subjects.index("Held 4") < subjects.index("Other 11")
    assert len(subjects) == 18


class SlowChannel:
    """A channel with one message that takes until the test releases it."""

    def __init__(self) -> None:
        self.has_begun, self.released = threading.Event(), threading.Event()
        self.sent: list[str] = []

    def send(self, message: Message) -> Receipt:
        if message.subject == "Slow":
            self.has_begun.set()
            self.released.wait(20)
        self.sent.append(message.subject)
        return Receipt("250 ok")

    def close(self) -> None:
        """Do nothing: no connection is open."""


def test_one_slow_message_delays_no_other_and_is_sent_once(
    app: Flask, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "SLOW_SECONDS", 0.2)
    channel, worker = SlowChannel(), delivery_worker()
    monkeypatch.setitem(CONNECTORS, "email", lambda: channel)
    slow = pending_email(alice, "Slow")
    for number in range(30):
        pending_email(alice, f"Number {number}")

    def run() -> None:
        with app.app_context():
            worker.deliver_due()
            db.session.remove()

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: len(channel.sent) == 30)
    assert reload(slow).state == "claimed"
    channel.released.set()
    thread.join(20)
    assert sorted(channel.sent) == sorted(["Slow", *(f"Number {number}" for number in range(30))])
    assert db.session.scalar(select(func.count()).where(Delivery.state == "sent")) == 31
    assert db.session.scalar(select(func.max(Delivery.attempts))) == 1


def test_what_waits_behind_a_hanging_message_is_given_back_as_soon_as_the_worker_stops(
    app: Flask, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "GROUP_SECONDS", 60)  # Results are still in memory.
    channel, worker = SlowChannel(), delivery_worker()
    monkeypatch.setitem(CONNECTORS, "email", lambda: channel)
    rows = [
        pending_email(alice, title, due_at=utc_now() - timedelta(minutes=10 - number))
        for number, title in enumerate(("First", "Second", "Slow", "Fourth", "Fifth"))
    ]

    def run() -> None:
        with app.app_context():
            worker.deliver_due()
            db.session.remove()

    thread = threading.Thread(target=run)
    thread.start()
    assert channel.has_begun.wait(20)
    worker.stop()
    states = [reload(row).state for row in rows]
    channel.released.set()
    thread.join(20)
    assert states == ["sent", "sent", "claimed", "pending", "pending"]
    assert [reload(row).state for row in rows] == ["sent", "sent", "sent", "pending", "pending"]
    assert (channel.sent, [row.crashes for row in rows]) == (["First", "Second", "Slow"], [0] * 5)
