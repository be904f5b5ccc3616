"""What keeps a timetable: rows say which process runs what, so any number of processes may keep the same one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from flask import Flask
from flask_babel import LazyString

from app.clock import utc_now
from app.database.base import db
from app.jobs import deliver
from app.services.operations import job_runs, leases

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How often slots and wishes are looked for: also how soon another process takes over, or a failure is tried again.
LOOK_EVERY, LISTEN_EVERY = timedelta(seconds=20), timedelta(seconds=2)
# A process that dies keeps its leases this long; shorter than the claims that are then to be swept.
LEASE_SECONDS = 15
KEEP_SECONDS = 10.0
log = logging.getLogger(__name__)

# Told how far a run has come: done, of how many.
Progress = Callable[[int, int], None]


def no_progress(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Job:
    """One line of the timetable. `after` shifts its slots; `is_shared`: every process runs it, not one at a time."""

    name: str
    about: LazyString
    run: Callable[[datetime | None, Progress], int]
    every: timedelta
    after: timedelta = timedelta(0)
    is_shared: bool = False

    @property
    def is_frequent(self) -> bool:
        """Runs every few seconds, so that its single runs are not worth a row each."""
        return self.every < timedelta(minutes=1)

    def slot(self, now: datetime) -> datetime:
        """The moment of the timetable that `now` belongs to."""
        return now - (now - EPOCH - self.after) % self.every

    def next_at(self, now: datetime) -> datetime:
        """When the next slot begins."""
        return self.slot(now) + self.every


class Scheduler:
    """A timetable that is being kept, until `stop`."""

    def __init__(self, app: Flask, jobs: Sequence[Job]) -> None:
        self.app = app
        self.jobs = {job.name: job for job in jobs}
        self.tallied: dict[str, datetime] = {}
        self.scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1}
        )
        for job in jobs:
            look_every = job.every if job.is_frequent else LOOK_EVERY
            self._add(job.name, self._keep_going if job.is_frequent else self._look, look_every, job)
        self._add("wishes", self._listen, LISTEN_EVERY)

    def stop(self) -> None:
        """End after the message at hand, give back what was claimed, and let others keep the timetable."""
        with self.app.app_context():
            deliver.courier().stopping.set()
            self.scheduler.shutdown(wait=True)
            leases.release(deliver.courier().holder)

    def _add(self, name: str, function: Callable[..., None], every: timedelta, *args: Job) -> None:
        trigger = IntervalTrigger(seconds=int(every.total_seconds()), start_date=EPOCH)
        now = datetime.now(UTC)
        self.scheduler.add_job(
            function, trigger, args=args, id=name, next_run_time=now, misfire_grace_time=None
        )

    def _keep_going(self, job: Job) -> None:
        """Run a frequent job; where it does nothing, that is written down once a minute."""
        with self.app.app_context():
            if not job.is_shared and not leases.hold(
                f"job {job.name}", deliver.courier().holder, LEASE_SECONDS
            ):
                return
            started_at, count, error = utc_now(), 0, ""
            try:
                count = job.run(None, no_progress)
            except Exception as failure:
                db.session.rollback()
                log.exception("The job %s failed", job.name)
                error = describe_error(failure)
            minute = started_at.replace(second=0, microsecond=0)
            if count or error or self.tallied.get(job.name) != minute:
                self.tallied[job.name] = minute
                job_runs.record_frequent_run(job.name, started_at, count, error)

    def _look(self, job: Job) -> None:
        """Run the present slot of a job, where nobody has."""
        with self.app.app_context():
            run_id = job_runs.begin(job.name, job.slot(utc_now()), deliver.courier().holder)
            if run_id is not None:
                run_job(job, run_id)

    def _listen(self) -> None:
        """Run what an admin asked for."""
        with self.app.app_context():
            for run_id, name in job_runs.claim_requested(self.jobs, deliver.courier().holder):
                run_job(self.jobs[name], run_id)


def run_job(job: Job, run_id: int, at: datetime | None = None, watch: Progress = no_progress) -> int | None:
    """Run a job whose run was begun, and write down how it went.

    Args:
        at: the instant to act at instead of the clock's.
        watch: told how far it has come.
    Returns:
        what the job counts; None where it failed, which is logged.
    """
    kept_at = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal kept_at
        if time.monotonic() - kept_at > KEEP_SECONDS:
            job_runs.keep(run_id)
            kept_at = time.monotonic()
        watch(done, total)

    try:
        count = job.run(at, progress)
    except Exception as failure:
        db.session.rollback()
        log.exception("The job %s failed", job.name)
        job_runs.fail(run_id, describe_error(failure))
        return None
    job_runs.finish(run_id, count)
    return count


def run_now(job: Job, at: datetime | None, watch: Progress) -> int | None:
    """Run a job now, beside the timetable; the same answer as `carry_out`."""
    run_id = job_runs.begin(job.name, utc_now(), deliver.courier().holder)
    return None if run_id is None else run_job(job, run_id, at, watch)


def describe_error(failure: Exception) -> str:
    """What went wrong, in a line."""
    return f"{type(failure).__name__}: {failure}"
