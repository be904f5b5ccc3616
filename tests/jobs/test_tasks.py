"""The jobs by themselves."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from app.clock import utc_now
from app.database.base import db
from app.jobs import tasks
from app.models import User
from app.services.operations import leases
from tests.support import factories


def test_deliver_shows_scheduled_notifications_and_ends_snoozes(app: Flask, alice: User) -> None:
    later = utc_now() + timedelta(hours=1)
    scheduled = factories.notification(alice, status="pending", sent_at=None, surfaced_at=later)
    delivery = factories.delivery(scheduled, "in_app", address="", due_at=later, reason="scheduled")
    snoozed = factories.notification(alice, read_at=utc_now(), snoozed_until=later)
    tasks.deliver(later - timedelta(seconds=1))
    for row in (delivery, snoozed):
        db.session.refresh(row)
    assert (delivery.state, snoozed.snoozed_until) == ("pending", later)
    tasks.deliver(later)
    for row in (delivery, snoozed):
        db.session.refresh(row)
    assert (delivery.state, snoozed.snoozed_until, snoozed.read_at) == ("sent", None, None)


def test_a_process_has_one_delivery_worker_with_its_name(app: Flask) -> None:
    assert tasks.delivery_worker() is tasks.delivery_worker()
    assert tasks.delivery_worker().holder == leases.holder_id()
