"""What is old goes, type by type and in small steps; what somebody saved stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import catalog
from app.database.base import Base, db
from app.models import Delivery, Digest, Event, JobRun, Notification, User
from app.services.operations import retention
from tests.support import factories

NOW = datetime(2026, 3, 12, 3, 0, tzinfo=UTC)


def left(model: type[Base]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_every_type_has_an_age() -> None:
    assert set(retention.KEPT_DAYS) == set(catalog.TYPES)


@pytest.mark.parametrize("kind", ["resume_processed", "system_alert", "interview_reminder"])
def test_each_type_is_kept_for_its_own_time(alice: User, kind: str) -> None:
    age = timedelta(days=retention.KEPT_DAYS[kind])
    young = factories.notification(alice, notification_type=kind, created_at=NOW - age + timedelta(hours=1))
    old = factories.notification(alice, notification_type=kind, created_at=NOW - age - timedelta(hours=1))
    factories.delivery(old)
    before = alice.inbox_version
    assert retention.purge(NOW) == 1
    assert (list(db.session.scalars(select(Notification.id))), left(Delivery)) == ([young.id], 0)
    db.session.refresh(alice)
    assert alice.inbox_version > before


def test_what_was_saved_or_put_off_until_lately_stays(alice: User) -> None:
    long_ago = NOW - timedelta(days=2000)
    factories.notification(alice, created_at=long_ago, saved_at=long_ago)
    factories.notification(alice, created_at=long_ago, surfaced_at=NOW - timedelta(days=1))
    assert retention.purge(NOW) == 0


def test_it_goes_on_step_by_step_until_nothing_old_is_left(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "CHUNK", 10)
    for number in range(25):
        factories.notification(alice, f"Number {number}", created_at=NOW - timedelta(days=500))
    steps: list[int] = []
    assert retention.purge(NOW, lambda done, _total: steps.append(done)) == 25
    assert steps == [10, 20, 25]


def test_the_rest_goes_too_when_nobody_needs_it_any_more(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    old = NOW - timedelta(days=500)
    mail = Delivery(kind="invitation", recipient_id=alice.id, channel="email", created_at=old)
    digest = Digest(user_id=alice.id, kind="daily_digest", local_date=old.date(), settled_at=old)
    run = JobRun(name="sweep", slot_at=old, started_at=old, state="succeeded")
    told = Event(source="/t", external_id="1", type="job.created", occurred_at=old, received_at=old, data={})
    db.session.add_all([mail, digest, run, told])
    db.session.commit()
    assert retention.purge(NOW) == 4
    assert [left(model) for model in (Delivery, Digest, JobRun, Event)] == [0, 0, 0, 0]
