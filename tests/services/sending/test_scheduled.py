"""Scheduled and snoozed notifications appear in the inbox on time, independently of sending."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from app.clock import utc_now
from app.database.base import db
from app.models import User
from app.services.sending import scheduled
from app.services.sending.worker import DeliveryWorker
from tests.support import factories
from tests.support.delivery import pending_email, reload
from tests.support.smtp import Server


def test_scheduled_notification_appears_when_due_and_updates_open_pages(app: Flask, alice: User) -> None:
    later = utc_now() + timedelta(hours=1)
    note = factories.notification(alice, status="pending", sent_at=None, surfaced_at=later)
    row = factories.delivery(note, "in_app", address="", due_at=later, reason="scheduled")
    version = alice.inbox_version
    assert scheduled.show_scheduled(utc_now()) == 0
    assert reload(row).state == "pending"
    assert scheduled.show_scheduled(later) == 1
    db.session.refresh(alice)
    db.session.refresh(note)
    assert (reload(row).state, note.status, alice.inbox_version) == ("sent", "sent", version + 1)


def test_sending_ends_no_snooze_and_shows_no_scheduled_notification(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    later = utc_now() + timedelta(hours=1)
    snoozed = factories.notification(alice, read_at=utc_now(), snoozed_until=later)
    note = factories.notification(alice, status="pending", sent_at=None, surfaced_at=later)
    row = factories.delivery(note, "in_app", address="", due_at=later, reason="scheduled")
    pending_email(alice)
    assert worker.deliver_due(later + timedelta(hours=1)) == 1
    db.session.refresh(snoozed)
    assert snoozed.snoozed_until == later
    assert snoozed.read_at is not None
    assert reload(row).state == "pending"
