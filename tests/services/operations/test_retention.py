"""Old rows are deleted by type and in batches; saved notifications are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import and_, func, select

import config
from app import catalog
from app.database.base import Base, db
from app.models import (
    AuditEntry,
    Delivery,
    Digest,
    Event,
    Interview,
    JobRun,
    Notification,
    SignInAttempt,
    Source,
    SourceCall,
    SourceFact,
    SourcePerson,
    User,
)
from app.services.operations import retention
from tests.support import factories
from tests.support.retention import KEPT

NOW = datetime(2026, 3, 12, 3, 0, tzinfo=UTC)


def left(model: type[Base]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_types_with_a_shorter_retention_time_exist() -> None:
    assert set(retention.SHORTER) < set(catalog.TYPES)


@pytest.mark.parametrize(
    ("kind", "days"),
    [
        ("resume_processed", 365),
        ("system_alert", 180),
        ("interview_reminder", 90),
        ("evaluation_due", 180),
    ],
)
def test_each_type_is_deleted_after_its_own_retention_time(alice: User, kind: str, days: int) -> None:
    age = timedelta(days=days)
    young = factories.notification(alice, notification_type=kind, created_at=NOW - age + timedelta(hours=1))
    old = factories.notification(alice, notification_type=kind, created_at=NOW - age - timedelta(hours=1))
    factories.delivery(old)
    before = alice.inbox_version
    assert retention.purge(KEPT, NOW) == 1
    assert (list(db.session.scalars(select(Notification.id))), left(Delivery)) == ([young.id], 0)
    db.session.refresh(alice)
    assert alice.inbox_version > before


def test_saved_and_recently_snoozed_notifications_are_kept(alice: User) -> None:
    long_ago = NOW - timedelta(days=2000)
    factories.notification(alice, created_at=long_ago, saved_at=long_ago)
    factories.notification(alice, created_at=long_ago, surfaced_at=NOW - timedelta(days=1))
    assert retention.purge(KEPT, NOW) == 0


def test_old_rows_are_deleted_in_batches_until_none_is_left(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "CHUNK", 10)
    for number in range(25):
        factories.notification(alice, f"Number {number}", created_at=NOW - timedelta(days=500))
    steps: list[int] = []
    assert retention.purge(KEPT, NOW, lambda done, _total: steps.append(done)) == 25
    assert steps == [10, 20, 25]


def test_each_transaction_looks_at_few_rows_and_at_each_row_once(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    monkeypatch.setattr(retention, "SPAN", 4)
    old = NOW - timedelta(days=500)
    rows = [factories.notification(alice, created_at=old, saved_at=NOW if n % 3 else None) for n in range(12)]
    first = rows[0].id
    looked_at: list[list[int]] = []
    delete = retention._delete_chunk

    def deleted(model: type[Base], is_old: Any) -> list[int]:
        if model is not Notification:
            return delete(model, is_old)
        # The bounds, without what makes a row old.
        of_span = and_(*is_old.clauses[:2])
        looked_at.append([row - first for row in db.session.scalars(select(Notification.id).where(of_span))])
        return delete(model, is_old)

    monkeypatch.setattr(retention, "_delete_chunk", deleted)
    assert retention.purge(KEPT, NOW) == 4
    assert looked_at == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert left(Notification) == 8


def test_old_deliveries_digests_runs_and_events_are_deleted(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    old = NOW - timedelta(days=500)
    mail = Delivery(kind="invitation", recipient_id=alice.id, channel="email", created_at=old)
    digest = Digest(user_id=alice.id, kind="daily_digest", local_date=old.date(), settled_at=old)
    run = JobRun(name="sweep", slot_at=old, started_at=old, state="succeeded")
    told = Event(source="/t", external_id="1", type="job.created", occurred_at=old, received_at=old, data={})
    db.session.add_all([mail, digest, run, told])
    db.session.commit()
    assert retention.purge(KEPT, NOW) == 4
    assert [left(model) for model in (Delivery, Digest, JobRun, Event)] == [0, 0, 0, 0]


def test_the_settings_say_how_long_data_is_kept(alice: User) -> None:
    kept = config.read(
        {"KEEP_NOTIFICATIONS_DAYS": "20", "KEEP_AUDIT_DAYS": "10", "KEEP_SOURCE_CALLS_DAYS": "7"}
    )[0]
    source = Source(public_id="x", kind="ashby", name="Ashby", secret="")
    db.session.add(source)
    db.session.flush()
    for days in (6, 8, 11, 21, 54, 56):
        at = NOW - timedelta(days=days)
        factories.notification(alice, notification_type="interview_reminder", created_at=at)
        mail = Delivery(kind="daily_digest", recipient_id=alice.id, channel="email", created_at=at)
        entry = AuditEntry(action="user.created", subject=f"{days} days", at=at)
        times = {"occurred_at": at, "received_at": at}
        event = Event(source="/t", external_id=str(days), type="job.created", data={}, **times)
        call = {"external_id": str(days), "action": "x", "body": b"{}", "state": "ignored", "due_at": at}
        db.session.add_all([mail, entry, event, SourceCall(source_id=source.id, **call, **times)])
    db.session.commit()
    retention.purge(retention.Retention.from_config(kept), NOW)

    def ages(column: Any) -> list[int]:
        return sorted((NOW - at).days for at in db.session.scalars(select(column)))

    assert ages(Notification.created_at) == [6, 8, 11]
    assert ages(Delivery.created_at) == [6, 8, 11]
    assert ages(AuditEntry.at) == [6, 8]
    assert ages(SourceCall.received_at) == [6]
    assert ages(Event.received_at) == [6, 8, 11, 21, 54]


def test_people_of_other_systems_are_deleted_unless_they_are_matched(alice: User) -> None:
    source = Source(public_id="x", kind="ashby", name="Ashby", secret="")
    db.session.add(source)
    db.session.flush()
    long_ago = NOW - KEPT.events - timedelta(hours=1)
    for name, seen_at, user_id, dismissed_at in (
        ("unmatched", long_ago, None, None),
        ("dismissed", long_ago, None, long_ago),
        ("matched", long_ago, alice.id, None),
        ("new", NOW - KEPT.events + timedelta(hours=1), None, None),
    ):
        person = SourcePerson(source_id=source.id, external=name, seen_at=seen_at, user_id=user_id)
        person.dismissed_at = dismissed_at
        db.session.add(person)
    db.session.commit()
    assert retention.purge(KEPT, NOW) == 2
    assert set(db.session.scalars(select(SourcePerson.external))) == {"matched", "new"}


def test_facts_interviews_and_sign_in_attempts_are_deleted_in_time(alice: User) -> None:
    source = Source(public_id="x", kind="ashby", name="Ashby", secret="")
    db.session.add(source)
    db.session.flush()
    ages = {SourceFact: KEPT.events, Interview: timedelta(days=730), SignInAttempt: timedelta(days=1)}
    for name, margin in (("old", timedelta(minutes=-1)), ("new", timedelta(minutes=1))):
        seen, ended, tried = (NOW - age + margin for age in ages.values())
        db.session.add(SourceFact(source_id=source.id, key=name, value={}, seen_at=seen))
        db.session.add(SignInAttempt(email=name, address="", device="", attempted_at=tried))
        factories.interview(starts_at=ended - timedelta(hours=1), external_id=name)
    assert retention.purge(KEPT, NOW) == 3
    kept = (SourceFact.key, Interview.external_id, SignInAttempt.email)
    assert [list(db.session.scalars(select(column))) for column in kept] == [["new"]] * 3
