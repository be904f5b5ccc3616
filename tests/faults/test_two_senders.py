"""Several workers at once, on both databases: every email is sent exactly once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import func, select

from app.database.base import db
from app.models import Delivery, DeliveryAttempt, Notification
from tests.support import factories
from tests.support.delivery import deliver_due
from tests.support.smtp import Mailbox, Server, point_at

MAILS, SENDERS = 200, 4


def test_two_workers_share_the_deliveries_without_duplicates(any_app: Flask) -> None:
    server = Server(Mailbox())
    server.start()
    point_at(any_app, server.port)
    server.mailbox.seconds = 0.002
    alice = factories.user("alice@example.test")
    db.session.add_all(
        Notification(
            recipient_id=alice.id,
            notification_type="resume_processed",
            category="resume",
            title=f"Number {number}",
            message="Parsed.",
            channels=["email"],
            deliveries=[Delivery(recipient_id=alice.id, channel="email", address=alice.email)],
        )
        for number in range(MAILS)
    )
    db.session.commit()
    line = threading.Barrier(SENDERS)

    def send() -> int:
        with any_app.app_context():
            line.wait(10)
            try:
                return deliver_due()
            finally:
                db.session.remove()

    with ThreadPoolExecutor(SENDERS) as pool:
        done = [future.result(60) for future in [pool.submit(send) for _ in range(SENDERS)]]
    server.stop()
    assert sum(done) == MAILS
    assert len(server.mailbox.raw) == len(server.mailbox.message_ids) == MAILS
    assert len(server.mailbox.connections) > 1, "more than one of them sent"
    assert db.session.scalar(select(func.count()).select_from(DeliveryAttempt)) == MAILS
    assert (
        db.session.scalar(select(func.count()).where(Delivery.state == "sent", Delivery.attempts == 1))
        == MAILS
    )
    assert db.session.scalar(select(func.count()).where(Notification.status == "sent")) == MAILS
