"""The whole schedule on one page."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta

from flask import Flask
from flask_babel import lazy_gettext as _l

from app.jobs import tasks
from app.jobs.scheduler import Job, Scheduler
from app.services.base import inbox_pubsub
from app.services.sending import publishing

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)

SCHEDULE = {
    job.name: job
    for job in (
        Job(
            "deliver",
            _l("Messages"),
            _l("Sends due deliveries on every channel"),
            tasks.deliver,
            every=SECOND,
            is_shared=True,
        ),
        Job(
            "sweep",
            _l("Stuck messages"),
            _l("Returns stuck deliveries to the queue"),
            tasks.sweep,
            every=5 * SECOND,
            is_shared=True,
        ),
        Job(
            "announcements",
            _l("Announcements"),
            _l("Creates announcement notifications in batches"),
            tasks.announcements,
            every=SECOND,
            is_shared=True,
        ),
        Job(
            "sources",
            _l("Sources"),
            _l("Turns the calls of other systems into notifications"),
            tasks.map_sources,
            every=SECOND,
        ),
        Job(
            "reminders",
            _l("Reminders"),
            _l("Sends interview and evaluation reminders"),
            tasks.remind,
            every=MINUTE,
        ),
        # Every quarter of an hour, because some time zones are offset by a quarter of an hour.
        Job(
            "daily-digest",
            _l("Daily digest"),
            _l("Sends daily digests at each person's hour"),
            tasks.daily_digest,
            every=15 * MINUTE,
        ),
        Job(
            "weekly-summary",
            _l("Weekly summary"),
            _l("Sends weekly summaries on Mondays"),
            tasks.weekly_summary,
            every=15 * MINUTE,
        ),
        Job(
            "alerts",
            _l("Alerts"),
            _l("Alerts admins when messages fail or a job stops"),
            tasks.alert,
            every=5 * MINUTE,
        ),
        Job(
            "retention",
            _l("Clean-up"),
            _l("Deletes data past its retention period"),
            tasks.retention,
            every=DAY,
            after=3 * 60 * MINUTE,
        ),
    )
}


def register(app: Flask) -> None:
    """Make the schedule available to pages, which must not import jobs, and publish to broker and Redis."""
    app.extensions["schedule"] = SCHEDULE
    publishing.register(app)
    inbox_pubsub.register(app)


def start(app: Flask, names: Collection[str] = tuple(SCHEDULE)) -> Scheduler:
    """Run jobs in background threads of this process.

    Args:
        names: the jobs to run; default all of them.
    """
    # Sending may take longer than a second. Skipping the next run is expected; don't log it.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    scheduler = Scheduler(app, [SCHEDULE[name] for name in names])
    scheduler.start()
    return scheduler
