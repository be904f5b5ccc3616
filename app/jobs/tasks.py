"""The jobs. Each takes the instant to act at (None: now) and a progress callback, and returns a count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import current_app

from app.catalog import DAILY_DIGEST, WEEKLY_SUMMARY
from app.clock import utc_now
from app.services.accounts.sessions import SessionLimits
from app.services.announcements import writer
from app.services.digests import settle
from app.services.interviews import evaluations, reminders
from app.services.operations import database_file, leases
from app.services.operations import retention as retention_service
from app.services.sending import outbox, scheduled
from app.services.sending.email import SiteIdentity
from app.services.sending.rate_limits import RateLimits
from app.services.sending.worker import DeliveryWorker

# Called with the number of items done and the total.
Progress = Callable[[int, int], None]


def no_progress(_done: int, _total: int) -> None:
    """Ignore the progress of a run."""


def deliver(now: datetime | None = None, _progress: Progress = no_progress) -> int:
    """Send what is due, over every channel; returns how many deliveries were processed."""

    def update_inboxes() -> None:
        scheduled.show_scheduled(now or utc_now())
        scheduled.unsnooze_due(now or utc_now())

    return delivery_worker().deliver_due(now, before_round=update_inboxes)


def delivery_worker() -> DeliveryWorker:
    """The delivery worker of this process, created on first use."""
    if "delivery_worker" not in current_app.extensions:
        site = SiteIdentity.from_config(current_app.config)
        current_app.extensions["delivery_worker"] = DeliveryWorker(
            site, leases.holder_id(), RateLimits.from_config(current_app.config)
        )
    worker: DeliveryWorker = current_app.extensions["delivery_worker"]
    return worker


def sweep(now: datetime | None = None, _progress: Progress = no_progress) -> int:
    """Give back the deliveries of workers that died, and tidy the database file; returns how many were given back."""
    count = outbox.sweep(now)
    database_file.empty_log_when_idle()
    return count


def announcements(now: datetime | None = None, _progress: Progress = no_progress) -> int:
    """Write announcements that are due; returns the number of recipients."""
    return writer.write_due(now)


def remind(now: datetime | None = None, _progress: Progress = no_progress) -> int:
    """Remind people of interviews and missing evaluations; returns how many were reminded."""
    return reminders.remind_due(now) + evaluations.remind_due(now)


def daily_digest(now: datetime | None = None, progress: Progress = no_progress) -> int:
    """Send the daily digests that are due; returns how many."""
    return settle.send_due(DAILY_DIGEST, now, progress)


def weekly_summary(now: datetime | None = None, progress: Progress = no_progress) -> int:
    """Send the weekly summaries that are due; returns how many."""
    return settle.send_due(WEEKLY_SUMMARY, now, progress)


def retention(now: datetime | None = None, progress: Progress = no_progress) -> int:
    """Delete data that is past its retention period; returns the number of rows."""
    limits = SessionLimits.from_config(current_app.config)
    return retention_service.purge(now, progress, session_limits=limits)
