"""The whole timetable on one page."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta

from flask import Flask
from flask_babel import lazy_gettext as _l

from app.jobs import announcements, deliver, digests, reminders, retention, sweep
from app.jobs.scheduler import Job, Scheduler

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)

SCHEDULE = {
    job.name: job
    for job in (
        Job(
            "deliver", _l("Sends due deliveries on every channel"), deliver.run, every=SECOND, is_shared=True
        ),
        Job("sweep", _l("Returns stuck deliveries to the queue"), sweep.run, every=5 * SECOND),
        Job(
            "announcements",
            _l("Creates announcement notifications in batches"),
            announcements.run,
            every=SECOND,
            is_shared=True,
        ),
        Job(
            "reminders",
            _l("Sends interview and evaluation reminders"),
            reminders.run,
            every=MINUTE,
        ),
        # Every quarter of an hour, because there are zones whose clocks are a quarter of an hour off.
        Job(
            "daily-digest",
            _l("Sends daily digests at each person's hour"),
            digests.run_daily,
            every=15 * MINUTE,
        ),
        Job("weekly-summary", _l("Sends weekly summaries on Mondays"), digests.run_weekly, every=15 * MINUTE),
        Job(
            "retention",
            _l("Deletes data past its retention period"),
            retention.run,
            every=DAY,
            after=3 * 60 * MINUTE,
        ),
    )
}


def register(app: Flask) -> None:
    """Let pages show the timetable, which they do not import."""
    app.extensions["timetable"] = SCHEDULE


def start(app: Flask, names: Collection[str] = tuple(SCHEDULE)) -> Scheduler:
    """Keep the timetable in background threads of this process.

    Args:
        names: the jobs to keep; default all of them.
    """
    # Sending may take longer than its second: that the next run is left out then is intended, and no news.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    running = Scheduler(app, [SCHEDULE[name] for name in names])
    running.scheduler.start()
    return running
