"""No queue starves another, and one slow message holds up no other."""

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
from app.services.sending import lease
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
def test_a_few_messages_do_not_wait_behind_a_long_queue_of_another_kind(
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


def test_a_turn_ends_after_a_few_seconds_and_gives_the_rest_back(
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


class SlowFirst:
    """A channel whose first message takes until the test releases it."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.sent: list[str] = []

    def send(self, message: Message) -> Receipt:
        if message.subject == "Slow":
            self.released.wait(20)
        self.sent.append(message.subject)
        return Receipt("250 ok")

    def close(self) -> None:
        """Nothing is open."""


def test_one_slow_message_holds_up_no_other_and_is_sent_once(
    app: Flask, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SLOW_SECONDS", 0.2)
    channel, worker = SlowFirst(), delivery_worker()
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
