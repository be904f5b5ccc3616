"""The whole timetable on one page, and what runs it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger
from flask import Flask

from app.jobs import deliver, sweep
from app.services import leases

# A process that dies keeps its leases this long; shorter than the claims that are then to be swept.
LEASE_SECONDS = 15
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One line of the timetable. `is_shared`: every process runs it, where others are run by one at a time."""

    name: str
    run: Callable[[datetime | None], int]
    trigger: BaseTrigger
    is_shared: bool = False


TIMETABLE = {
    job.name: job
    for job in (
        Job("deliver", deliver.run, IntervalTrigger(seconds=1), is_shared=True),
        Job("sweep", sweep.run, IntervalTrigger(seconds=5)),
    )
}


class Running:
    """A timetable that is being kept, until `stop`."""

    def __init__(self, app: Flask, names: Collection[str]) -> None:
        self.app = app
        self.scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1}
        )
        for name in names:
            job = TIMETABLE[name]
            self.scheduler.add_job(
                self._run,
                job.trigger,
                args=[job],
                id=name,
                next_run_time=datetime.now(UTC),
                misfire_grace_time=None,
            )

    def _run(self, job: Job) -> None:
        with self.app.app_context():
            holder = deliver.courier().holder
            if job.is_shared or leases.hold(f"job {job.name}", holder, LEASE_SECONDS):
                job.run(None)

    def stop(self) -> None:
        """End after the message at hand, give back what was claimed, and let others keep the timetable."""
        with self.app.app_context():
            deliver.courier().stopping.set()
            self.scheduler.shutdown(wait=True)
            leases.release(deliver.courier().holder)


def start(app: Flask, names: Collection[str] = tuple(TIMETABLE)) -> Running:
    """Keep the timetable in background threads of this process.

    Args:
        names: the jobs to keep; default all of them.
    """
    # Sending may take longer than its second: that the next run is left out then is intended, and no news.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    running = Running(app, names)
    running.scheduler.start()
    return running
