"""Each slot of the schedule is run once; failures are retried, and admins are alerted once."""

from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import jobs
from app.database.base import db
from app.jobs import scheduler
from app.models import JobRun, Notification, User
from app.services.operations import job_runs
from tests.support import factories
from tests.support.waiting import wait_until

NOW = datetime(2026, 3, 12, 9, 0, 30, tzinfo=UTC)
SLOT = NOW.replace(second=0)
MINUTE = timedelta(minutes=1)


def alerts(user: User) -> int:
    query = select(func.count()).select_from(Notification).where(Notification.recipient_id == user.id)
    return db.session.scalar(query) or 0


def test_every_process_computes_the_same_slots() -> None:
    daily, nightly = jobs.SCHEDULE["daily-digest"], jobs.SCHEDULE["retention"]
    assert daily.slot(datetime(2026, 3, 12, 9, 14, 59, 7, UTC)) == datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
    assert nightly.slot(datetime(2026, 3, 12, 2, 59, tzinfo=UTC)) == datetime(2026, 3, 11, 3, 0, tzinfo=UTC)


def test_one_of_many_processes_starts_a_slot(any_app: Flask) -> None:
    begun: list[int | None] = []

    def begin(number: int) -> None:
        with any_app.app_context():
            begun.append(job_runs.begin("reminders", SLOT, f"process {number}", NOW))

    threads = [threading.Thread(target=begin, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([run_id for run_id in begun if run_id is not None]) == 1


def test_a_run_is_taken_over_only_if_its_process_died(app: Flask) -> None:
    run_id = job_runs.begin("daily-digest", SLOT, "dead", NOW)
    assert run_id is not None
    assert job_runs.begin("daily-digest", SLOT, "other", NOW + timedelta(seconds=59)) is None
    job_runs.keep(run_id, NOW + timedelta(seconds=59))
    assert job_runs.begin("daily-digest", SLOT, "other", NOW + timedelta(seconds=61)) is None
    assert job_runs.begin("daily-digest", SLOT, "other", NOW + timedelta(seconds=120)) == run_id


def test_a_failed_run_is_attempted_three_times(app: Flask) -> None:
    at, tries = NOW, 0
    for _ in range(20):
        run_id = job_runs.begin("retention", SLOT, "me", at)
        if run_id is not None:
            tries += 1
            job_runs.fail(run_id, "it broke", at)
        at += timedelta(seconds=10)
    assert tries == 3


def test_a_run_that_succeeded_is_not_run_again(app: Flask) -> None:
    run_id = job_runs.begin("retention", SLOT, "me", NOW)
    assert run_id is not None
    job_runs.finish(run_id, 5, NOW)
    assert job_runs.begin("retention", SLOT, "me", NOW + timedelta(hours=1)) is None


def test_admins_are_alerted_once_to_a_failing_job_and_again_after_a_success(
    app: Flask, alice: User, bob: User
) -> None:
    def fail(minute: int) -> None:
        at = NOW + minute * MINUTE
        run_id = job_runs.begin("reminders", SLOT + minute * MINUTE, "me", at)
        assert run_id is not None
        job_runs.fail(run_id, "it broke", at)

    for minute in range(10):
        fail(minute)
        assert alerts(bob) == (0 if minute < 2 else 1)
    run_id = job_runs.begin("reminders", SLOT + 10 * MINUTE, "me", NOW + 10 * MINUTE)
    assert run_id is not None
    job_runs.finish(run_id, 0, NOW + 10 * MINUTE)
    for minute in range(11, 20):
        fail(minute)
    assert (alerts(bob), alerts(alice)) == (2, 0)


def test_frequent_runs_share_a_row_each_minute_and_their_failures_alert_once(app: Flask, bob: User) -> None:
    for second in range(150):
        at = SLOT + timedelta(seconds=second)
        job_runs.record_frequent_run("deliver", at, 1, "" if second < 20 else "it broke", at)
    rows = list(db.session.scalars(select(JobRun).order_by(JobRun.slot_at)))
    assert [(row.count, row.tries) for row in rows] == [(60, 60), (60, 60), (30, 30)]
    assert alerts(bob) == 1


def test_a_manual_run_is_claimed_by_one_process(app: Flask, bob: User) -> None:
    job_runs.request_run("retention", bob, NOW)
    job_runs.request_run("retention", bob, NOW + MINUTE)
    assert job_runs.claim_requested(["deliver"], "worker", NOW) == []
    assert [name for _, name in job_runs.claim_requested(["retention"], "one", NOW)] == ["retention"]
    assert job_runs.claim_requested(["retention"], "another", NOW) == []


def test_scheduler_records_the_error_of_a_failed_run_and_continues(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_now: datetime | None, _progress: scheduler.Progress) -> int:
        raise ValueError("no such table")

    job = dataclasses.replace(jobs.SCHEDULE["reminders"], run=broken)
    monkeypatch.setitem(jobs.SCHEDULE, "reminders", job)
    kept = jobs.start(app, ["reminders"])
    try:
        wait_until(lambda: job_runs.latest("reminders"))
        wait_until(lambda: job_runs.latest("reminders").state == "failed")  # type: ignore[union-attr]
    finally:
        kept.stop()
    row = job_runs.latest("reminders")
    assert row is not None
    assert row.error == "ValueError: no such table"


@pytest.mark.parametrize("name", sorted(jobs.SCHEDULE))
def test_every_job_can_be_run_manually_and_is_recorded(app: Flask, name: str) -> None:
    answer = app.test_cli_runner().invoke(args=["jobs", "run", name, "--at", "2026-03-12T08:00:00+01:00"])
    assert (answer.exit_code, answer.stdout) == (0, f"{name}: 0\n")
    row = job_runs.latest(name)
    assert row is not None
    assert row.state == "succeeded"


def test_the_command_fails_if_the_job_fails(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_now: datetime | None, _progress: scheduler.Progress) -> int:
        raise ValueError("no such table")

    monkeypatch.setitem(jobs.SCHEDULE, "sweep", dataclasses.replace(jobs.SCHEDULE["sweep"], run=broken))
    assert app.test_cli_runner().invoke(args=["jobs", "run", "sweep"]).exit_code == 1


def test_the_digest_command_shows_progress(app: Flask) -> None:
    for number in range(3):
        factories.user(f"p{number}@example.test", preference={"daily_digest": True})
    answer = app.test_cli_runner().invoke(args=["jobs", "run", "daily-digest"])
    assert answer.stderr == "3 of 3\n"
