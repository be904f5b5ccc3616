"""The clock is set back or forward while jobs run: they continue within a minute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app import jobs
from app.clock import ClockWatch, utc_now
from app.database.base import db
from app.jobs.scheduler import Job, Scheduler
from app.models import (
    Delivery,
    DeliveryAttempt,
    JobRun,
    Lease,
    Notification,
    SecondFactor,
    SignInAttempt,
    User,
)
from app.services import create_notification
from app.services.accounts import second_factor
from app.services.interviews import reminders
from app.services.notifications.filters import Filters
from app.services.notifications.inbox import page_for
from app.services.operations import clock_correction, job_runs, leases
from app.services.sending import clock_correction as sending_clock_correction
from app.services.sending import outbox
from tests.support import factories
from tests.support.second_factor import turn_on
from tests.support.smtp import Server
from tests.support.waiting import wait_until

SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
JUMPS = {"an hour back": -HOUR, "a day on": DAY, "a year back": -365 * DAY, "a year on": 365 * DAY}
jump_of_any_size = pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)


@contextmanager
def running(scheduler: Scheduler) -> Iterator[None]:
    scheduler.start()
    try:
        yield
    finally:
        scheduler.stop()


@jump_of_any_size
def test_every_job_runs_after_a_clock_change(app: Flask, jump: timedelta) -> None:
    counts = {"frequent": 0, "slots": 0}

    def job(name: str, every: timedelta) -> Job:
        def run(_now: object, _progress: object) -> int:
            counts[name] += 1
            return 0

        return Job(name, _l("Count"), _l("Counts"), run, every=every)

    with running(Scheduler(app, [job("frequent", SECOND), job("slots", MINUTE)])):
        wait_until(lambda: min(counts.values()) > 0)
        with time_machine.travel(datetime.now(UTC) + jump, tick=True):
            before = dict(counts)
            wait_until(lambda: all(counts[name] > before[name] for name in counts))


@jump_of_any_size
def test_mail_is_sent_after_a_clock_change(app: Flask, smtp: Server, alice: User, jump: timedelta) -> None:
    scheduler = jobs.start(app)
    try:
        with time_machine.travel(datetime.now(UTC) + jump, tick=True):
            create_notification(alice, "resume_processed", "Parsed", "Done.")
            wait_until(lambda: smtp.mailbox.raw)
    finally:
        scheduler.stop()


@pytest.mark.parametrize("jump", [-HOUR, -365 * DAY])
def test_a_slot_that_ran_before_the_clock_went_back_runs_again(app: Flask, jump: timedelta) -> None:
    now = utc_now()
    run_id = job_runs.begin("reminders", now, "me", now)
    assert run_id is not None
    job_runs.finish(run_id, 0, now)
    assert job_runs.begin("reminders", now, "me", now) is None
    clock_correction.correct_jobs(now + jump, was_set=True)
    assert job_runs.begin("reminders", now, "me", now + jump) is not None


def test_nothing_waits_again_after_the_clock_went_back(alice: User) -> None:
    now = utc_now()
    earlier = now - HOUR
    first, second = (factories.notification(alice, created_at=now - n * MINUTE) for n in (2, 1))
    queued = factories.delivery(first, created_at=now, due_at=now, reason="queued")
    released = factories.delivery(first, "webhook", created_at=now, due_at=now, reason="released")
    held = factories.delivery(first, "sms", created_at=now, due_at=now + 10 * MINUTE, reason="unread_wait")
    chosen = factories.delivery(first, "push", created_at=now, due_at=now + 5 * HOUR, reason="quiet_hours")
    retried = factories.delivery(
        second, created_at=now - DAY, due_at=now + 5 * MINUTE, state="retry_wait", reason="deferred"
    )
    attempt = {"number": 1, "started_at": now, "finished_at": now, "outcome": "retry_wait"}
    db.session.add(DeliveryAttempt(delivery_id=retried.id, **attempt))
    db.session.commit()
    assert page_for(alice, Filters(), now=earlier).rows == []
    sending_clock_correction.correct_deliveries(earlier, was_set=True)
    db.session.expire_all()
    assert [row.id for row in page_for(alice, Filters(), now=earlier).rows] == [second.id, first.id]
    assert queued.due_at == released.due_at == earlier
    assert held.due_at == earlier + 10 * MINUTE
    assert chosen.due_at == now + 5 * HOUR
    assert retried.due_at == earlier + 5 * MINUTE


def test_scheduled_and_snoozed_notifications_keep_their_time(alice: User) -> None:
    now = utc_now()
    scheduled = factories.notification(alice, surfaced_at=now + HOUR, deliver_at=now + HOUR)
    snoozed = factories.notification(alice, snoozed_until=now + HOUR, surfaced_at=now + HOUR)
    sending_clock_correction.correct_deliveries(now - HOUR, was_set=True)
    db.session.expire_all()
    assert scheduled.surfaced_at == snoozed.surfaced_at == now + HOUR


@pytest.mark.parametrize("jump", [-HOUR, DAY])
def test_claims_survive_a_clock_change(alice: User, jump: timedelta) -> None:
    now = utc_now()
    row = factories.delivery(factories.notification(alice), created_at=now - HOUR, due_at=now - HOUR)
    outbox.claim("email", now, lease_until=now + outbox.LEASE, holder="a live one", most=1)
    sending_clock_correction.correct_deliveries(now + jump, was_set=True)
    assert outbox.sweep(now + jump + SECOND) == 0
    assert outbox.sweep(now + jump + outbox.LEASE + SECOND) == 1
    db.session.refresh(row)
    assert row.crashes == 1


def test_starting_extends_no_claim_of_a_dead_process(alice: User) -> None:
    now = utc_now()
    factories.delivery(factories.notification(alice), created_at=now - HOUR, due_at=now - HOUR)
    outbox.claim("email", now, lease_until=now + outbox.LEASE, holder="a dead one", most=1)
    sending_clock_correction.correct_deliveries(now + 20 * SECOND, was_set=False)
    assert outbox.sweep(now + outbox.LEASE + SECOND) == 1


def test_a_lease_from_a_fast_clock_is_free(app: Flask) -> None:
    now = utc_now()
    assert leases.hold("job sweep", "a dead one", 15, now=now + HOUR)
    assert not leases.hold("job sweep", "me", 15, now=now)
    clock_correction.correct_jobs(now, was_set=False)
    assert leases.hold("job sweep", "me", 15, now=now)
    assert db.session.scalar(select(func.count()).select_from(Lease)) == 1


def test_sign_in_attempts_recorded_by_a_fast_clock_lock_no_one_out(app: Flask) -> None:
    now = utc_now()
    db.session.add(SignInAttempt(email="alice@example.test", attempted_at=now + 365 * DAY))
    db.session.commit()
    clock_correction.correct_jobs(now, was_set=True)
    assert db.session.scalar(select(func.count()).select_from(SignInAttempt)) == 0


def test_a_code_used_at_the_time_of_a_fast_clock_does_not_block_later_ones(alice: User) -> None:
    now = utc_now()
    turn_on(alice, now=now + 365 * DAY)
    clock_correction.correct_jobs(now, was_set=True)
    assert db.session.get_one(SecondFactor, alice.id, populate_existing=True).last_step == 0
    second_factor.turn_off(alice)
    turn_on(alice, now=now)
    clock_correction.correct_jobs(now, was_set=True)
    assert db.session.get_one(SecondFactor, alice.id, populate_existing=True).last_step > 0


def test_a_reminder_skipped_by_a_fast_clock_is_sent(alice: User) -> None:
    start = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
    factories.interview(alice, starts_at=start)
    assert reminders.remind_due(start + MINUTE) == 0
    assert reminders.remind_due(start - HOUR) == 1
    kinds = select(Notification.notification_type).where(Notification.recipient_id == alice.id)
    assert db.session.scalars(kinds).all() == ["interview_reminder"]


def test_small_clock_corrections_are_ignored() -> None:
    watch = ClockWatch()
    with time_machine.travel(datetime.now(UTC) + 2 * SECOND, tick=True):
        assert watch.read_jump() == timedelta()
    with time_machine.travel(datetime.now(UTC) - HOUR, tick=True):
        assert abs(watch.read_jump() + HOUR) < SECOND
        assert watch.read_jump() == timedelta()


@pytest.mark.parametrize("ago", [5 * MINUTE, -HOUR])
def test_a_late_schedule_is_reported(client: FlaskClient, bob: User, sign_in: object, ago: timedelta) -> None:
    assert client.get("/readyz").get_json() == {"status": "ok"}
    job_runs.record_frequent_run("sweep", utc_now() - ago, 0)
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.get_json()["schedule"] == "late"
    assert "sweep" in response.get_json()["detail"]
    page = sign_in(bob).get("/admin/jobs").get_data(as_text=True)
    assert "Late" in page
    assert "Start it with bin/serve or flask scheduler." in page
    job_runs.record_frequent_run("sweep", utc_now(), 0)
    if ago > timedelta():
        assert client.get("/readyz").get_json() == {"status": "ok"}
    assert db.session.scalar(select(func.count()).select_from(JobRun)) == 2
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 0
