"""A claim is renewed while it is worked on, and checked before each message."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, User
from app.services.sending import claim as claims
from app.services.sending import outbox
from app.services.sending.claim import Claim
from app.services.sending.results import SendResult
from app.services.sending.worker import DeliveryWorker
from tests.support import factories
from tests.support.delivery import pending_email, reload
from tests.support.smtp import Server


def test_worker_paused_beyond_its_lease_knows_which_deliveries_it_lost(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    lost, kept = pending_email(alice), pending_email(alice)
    now = utc_now()
    token, ids = outbox.claim("email", now, most=20, lease_until=now, holder="one")
    claim = Claim(token, ids, now)
    db.session.execute(update(Delivery).where(Delivery.id == lost.id).values(token="another's"))
    db.session.commit()
    assert not claim.still_holds(lost.id)
    assert claim.still_holds(kept.id)
    assert reload(kept).lease_until > utc_now() + timedelta(seconds=25)


def test_claim_is_renewed_while_the_server_is_slower_than_the_lease(
    app: Flask, smtp: Server, alice: User, worker: DeliveryWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(claims, "HEARTBEAT_SECONDS", 0.2)
    smtp.mailbox.seconds = 2.5
    row = pending_email(alice)

    def send() -> None:
        with app.app_context():
            worker.deliver_due()

    sender = threading.Thread(target=send)
    sender.start()
    swept = 0
    while sender.is_alive():
        swept += outbox.sweep()
        sender.join(0.1)
    assert swept == 0
    assert (reload(row).state, len(smtp.mailbox.raw)) == ("sent", 1)


def test_no_result_is_lost_while_others_are_being_recorded(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[int] = []
    monkeypatch.setattr(
        claims.send_results,
        "record_results",
        lambda _token, results: recorded.extend(result.delivery_id for result in results),
    )
    claim, is_done = Claim("a token", set(), utc_now()), threading.Event()

    def record() -> None:
        while not is_done.is_set():
            claim.record_results()

    recorder = threading.Thread(target=record)
    recorder.start()
    for number in range(5000):
        claim.add_result(SendResult(number, "sent", utc_now()))
    is_done.set()
    recorder.join()
    claim.record_results()
    assert recorded == list(range(5000))
