"""Runs the schedule in background threads. Any number of processes may do so: rows decide which one runs what."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from flask import Flask
from flask_babel import LazyString
from sqlalchemy.exc import SQLAlchemyError

from app import telemetry
from app.clock import EPOCH, ClockWatch, utc_now
from app.jobs.tasks import Progress, delivery_worker, no_progress
from app.services.base import outages
from app.services.operations import clock_correction, job_runs, leases
from app.services.sending import clock_correction as sending_clock_correction

# How often to look for due slots: also how soon another process takes over, or a failed run is retried.
CHECK_SLOTS_EVERY = timedelta(seconds=20)
# How often to look for runs that admins requested.
CHECK_REQUESTS_EVERY = timedelta(seconds=2)
# A process that dies keeps its leases this long.
LEASE_SECONDS = 15
RENEW_RUN_SECONDS = 10.0
# How often to look whether the clock was set.
CHECK_CLOCK_SECONDS = 1.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One row of the schedule.

    Args:
        title: its name on pages.
        about: what it does, for admins.
        after: shifts its slots from midnight UTC.
        is_shared: every process runs it. Other jobs run in one process at a time.
    """

    name: str
    title: LazyString
    about: LazyString
    run: Callable[[datetime | None, Progress], int]
    every: timedelta
    after: timedelta = timedelta(0)
    is_shared: bool = False

    @property
    def is_frequent(self) -> bool:
        """Whether it runs every few seconds, so its runs share a row per minute."""
        return self.every < timedelta(minutes=1)

    def slot(self, now: datetime) -> datetime:
        """Return the start of the slot that `now` belongs to."""
        return now - (now - EPOCH - self.after) % self.every

    def next_at(self, now: datetime) -> datetime:
        """Return the start of the next slot."""
        return self.slot(now) + self.every


class _Every(BaseTrigger):
    """Fires at an interval from now on, however far the clock was set since the last time."""

    def __init__(self, interval: timedelta) -> None:
        self.interval = interval

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        return now + self.interval


class Scheduler:
    """Runs jobs from `start` until `stop`.

    The background scheduler waits for times of the clock. If the clock is set back, a thread of our own, which does not
    wait for such times, shortens its waits.
    """

    def __init__(self, app: Flask, jobs: Sequence[Job]) -> None:
        self._app = app
        self._jobs = {job.name: job for job in jobs}
        self._holder = leases.holder_id()
        # The minute in which each frequent job was recorded last.
        self._recorded: dict[str, datetime] = {}
        self._background = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1}
        )
        self._clock = ClockWatch()
        self._clock_lock = threading.Lock()
        self._must_correct_times = False
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch_clock, name="clock-watch", daemon=True)
        for job in jobs:
            if job.is_frequent:
                self._add(job.name, self._run_frequent, job.every, job)
            else:
                self._add(job.name, self._run_slot, CHECK_SLOTS_EVERY, job)
        self._add("requests", self._run_requested, CHECK_REQUESTS_EVERY)

    def start(self) -> None:
        """Start the background threads."""
        try:
            self._correct_times(was_set=False)
        except Exception:
            log.exception("Times ahead of the clock could not be corrected")
        self._background.start()
        self._watcher.start()

    def stop(self) -> None:
        """Stop after the current message, give back claimed deliveries, and release the leases."""
        self._stopping.set()
        with self._app.app_context():
            delivery_worker().stop()
            self._background.shutdown(wait=True)
            leases.release(self._holder)

    def _add(self, name: str, function: Callable[..., None], every: timedelta, *args: Job) -> None:
        self._background.add_job(
            self._run,
            _Every(every),
            args=(function, *args),
            id=name,
            next_run_time=utc_now(),
            misfire_grace_time=None,
        )

    def _watch_clock(self) -> None:
        """Start each run that is further away than its interval now, because the clock was set back."""
        while not self._stopping.wait(CHECK_CLOCK_SECONDS):
            try:
                self._check_clock()
                now = utc_now()
                for waiting in self._background.get_jobs():
                    next_at = waiting.next_run_time
                    if next_at is not None and next_at > now + waiting.trigger.interval:
                        waiting.modify(next_run_time=now)
            except Exception:
                log.exception("The clock could not be checked")

    def _check_clock(self) -> None:
        """If the clock was set, correct what was written by it, before any job acts on it."""
        with self._clock_lock:
            if jump := self._clock.read_jump():
                log.warning("The clock was set by %+.0f seconds", jump.total_seconds())
                self._must_correct_times = True
            if self._must_correct_times:
                self._correct_times(was_set=True)

    def _correct_times(self, *, was_set: bool) -> None:
        """Correct times ahead of the clock; if the database is unavailable, the next check tries again."""
        self._must_correct_times = False
        with self._app.app_context():
            try:
                sending_clock_correction.correct_deliveries(utc_now(), was_set=was_set)
                clock_correction.correct_jobs(utc_now(), was_set=was_set)
            except SQLAlchemyError as error:
                if not outages.is_outage(error):
                    raise
                self._must_correct_times = was_set
                outages.report(error)

    def _run(self, function: Callable[..., None], *args: Job) -> None:
        """Run one of the functions below. If the database is unavailable, the next time will do."""
        self._check_clock()
        with self._app.app_context():
            try:
                function(*args)
            except SQLAlchemyError as error:
                if not outages.is_outage(error):
                    raise
                outages.report(error)

    def _run_frequent(self, job: Job) -> None:
        """Run a frequent job. While it finds nothing to do, it is recorded once a minute."""
        if not job.is_shared and not leases.hold(f"job {job.name}", self._holder, LEASE_SECONDS):
            return
        started_at, count, error = utc_now(), 0, ""
        began_at = time.time_ns()
        try:
            count = job.run(None, no_progress)
        except Exception as failure:
            if outages.is_outage(failure):
                raise  # It cannot be recorded either.
            log.exception("The job %s failed", job.name)
            error = describe_error(failure)
        minute = started_at.replace(second=0, microsecond=0)
        if count or error or self._recorded.get(job.name) != minute:
            self._recorded[job.name] = minute
            job_runs.record_frequent_run(job.name, started_at, count, error)
            _record(job, began_at, count, error)

    def _run_slot(self, job: Job) -> None:
        """Run the current slot of a job, unless it has been run."""
        run_id = job_runs.begin(job.name, job.slot(utc_now()), self._holder)
        if run_id is not None:
            run_job(job, run_id)

    def _run_requested(self) -> None:
        """Run what an admin requested."""
        for run_id, name in job_runs.claim_requested(self._jobs, self._holder):
            run_job(self._jobs[name], run_id)


def run_job(job: Job, run_id: int, at: datetime | None = None, watch: Progress = no_progress) -> int | None:
    """Run a job whose run has been recorded as begun, and record the result.

    Args:
        at: act as if it were this time.
        watch: called with the progress of the run.
    Returns:
        the job's count; None if it failed, which is logged.
    """
    renewed_at, began_at = time.monotonic(), time.time_ns()

    def progress(done: int, total: int) -> None:
        nonlocal renewed_at
        if time.monotonic() - renewed_at > RENEW_RUN_SECONDS:
            job_runs.keep(run_id)
            renewed_at = time.monotonic()
        watch(done, total)

    try:
        count = job.run(at, progress)
    except Exception as failure:
        if outages.is_outage(failure):
            raise  # The run is begun again when its lease has ended.
        log.exception("The job %s failed", job.name)
        job_runs.fail(run_id, describe_error(failure))
        _record(job, began_at, 0, describe_error(failure))
        return None
    job_runs.finish(run_id, count)
    _record(job, began_at, count)
    return count


def _record(job: Job, began_at: int, count: int, error: str = "") -> None:
    telemetry.record(f"job {job.name}", began_at, failed=bool(error), attributes={"bellhop.job.count": count})


def run_now(job: Job, at: datetime | None, watch: Progress) -> int | None:
    """Run a job now, outside the schedule; returns the same as `run_job`."""
    run_id = job_runs.begin(job.name, utc_now(), leases.holder_id())
    return None if run_id is None else run_job(job, run_id, at, watch)


def describe_error(failure: Exception) -> str:
    """Return an error in one line."""
    return f"{type(failure).__name__}: {failure}"
