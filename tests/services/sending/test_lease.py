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
from app.services.sending import lease, outbox
from app.services.sending.lease import Claim
from app.services.sending.worker import DeliveryWorker
from tests.support import factories
from tests.support.delivery import pending_email, reload
from tests.support.smtp import Server


def test_worker_paused_for_longer_than_its_lease_knows_what_it_has_lost(any_app: Flask) -> None:
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
    monkeypatch.setattr(lease, "HEARTBEAT_SECONDS", 0.2)
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
