from __future__ import annotations

import time
from datetime import datetime, timedelta

from flask import Flask
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import jobs
from app.clock import utc_now
from app.database.base import db
from app.jobs.scheduler import Job, Scheduler
from app.jobs.tasks import Progress
from app.models import Delivery, Lease, User
from app.services import create_notification
from app.services.operations import leases
from app.services.sending import outbox
from tests.support import factories
from tests.support.smtp import Server
from tests.support.waiting import wait_until


def state_of(row: Delivery) -> str:
    db.session.refresh(row)
    return row.state


def test_a_reported_event_is_emailed_within_seconds(app: Flask, smtp: Server, alice: User) -> None:
    running = jobs.start(app)
    try:
        time.sleep(0.3)  # At any moment within a second.
        create_notification(alice, "resume_processed", "Parsed", "Done.")
        posted_at = time.monotonic()
        wait_until(lambda: smtp.mailbox.raw)
        assert time.monotonic() - posted_at < 10
    finally:
        running.stop()


def test_deliveries_of_a_dead_worker_are_released_at_start(app: Flask, smtp: Server, alice: User) -> None:
    row = factories.delivery(factories.notification(alice))
    long_ago = utc_now() - timedelta(minutes=1)
    outbox.claim("email", utc_now(), lease_until=long_ago, holder="a dead one", most=20)
    running = jobs.start(app)
    try:
        wait_until(lambda: state_of(row) == "sent")
    finally:
        running.stop()


def test_an_exclusive_job_waits_while_another_process_runs_it(app: Flask) -> None:
    runs: list[str] = []

    def job(name: str, *, is_shared: bool) -> Job:
        def run(_now: datetime | None, _progress: Progress) -> int:
            runs.append(name)
            return 0

        return Job(name, _l("Title"), _l("About"), run, every=timedelta(seconds=1), is_shared=is_shared)

    leases.hold("job exclusive", "another process", 30)
    running = Scheduler(app, [job("exclusive", is_shared=False), job("shared", is_shared=True)])
    running.start()
    wait_until(lambda: len(runs) > 1)
    running.stop()
    assert set(runs) == {"shared"}


def test_stopping_releases_the_leases_at_once(app: Flask, smtp: Server) -> None:
    running = jobs.start(app, ["sources"])
    wait_until(lambda: db.session.scalar(select(Lease.holder)))
    assert not leases.hold("job sources", "another process", 15)
    running.stop()
    assert leases.hold("job sources", "another process", 15)


def test_the_command_runs_a_job_at_a_given_time(app: Flask, smtp: Server, alice: User) -> None:
    row = factories.delivery(factories.notification(alice), due_at=utc_now() + timedelta(days=2))
    runner = app.test_cli_runner()
    assert runner.invoke(args=["jobs", "run", "deliver"]).exit_code == 0
    assert state_of(row) == "pending"
    at = (utc_now() + timedelta(days=3)).isoformat()
    assert runner.invoke(args=["jobs", "run", "deliver", "--at", at]).exit_code == 0
    assert state_of(row) == "sent"


def test_the_command_explains_a_bad_time(app: Flask) -> None:
    for at in ("tomorrow", "2026-03-12T08:00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"):
        answer = app.test_cli_runner().invoke(args=["jobs", "run", "sweep", "--at", at])
        assert answer.exit_code == 2
        assert "with its offset" in answer.output
