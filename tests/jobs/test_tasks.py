"""The functions that the schedule runs."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.jobs import tasks
from app.models import SendRate, User
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


def test_retention_deletes_the_limits_of_domains_without_recent_emails(app: Flask) -> None:
    now = utc_now()
    for name, age in (("@old.test", timedelta(hours=2)), ("@new.test", timedelta(minutes=1))):
        db.session.add(SendRate(name=name, next_at=now - age))
    db.session.commit()
    assert tasks.retention(now) == 1
    assert list(db.session.scalars(select(SendRate.name))) == ["@new.test"]
