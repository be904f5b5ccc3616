"""The jobs. Each takes the instant to act at (None: now) and a progress callback, and returns a count."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import datetime

from flask import current_app

from app.catalog import DAILY_DIGEST, WEEKLY_SUMMARY
from app.clock import utc_now
from app.services.accounts.sessions import SessionLimits
from app.services.announcements import writer
from app.services.base import broker
from app.services.deliveries import failures
from app.services.digests import settle
from app.services.interviews import evaluations, reminders
from app.services.operations import database_file, leases
from app.services.operations import retention as retention_service
from app.services.sending import outbox, publishing, rate_limits, scheduled
from app.services.sending.email import SiteIdentity
from app.services.sending.publishing import Publisher
from app.services.sending.rate_limits import RateLimits
from app.services.sending.worker import DeliveryWorker
from app.services.sources import lookups, mapping

# One process at a time publishes again what is not claimed, this often.
PUBLISH_LEASE_SECONDS, PUBLISH_EVERY_SECONDS = 15, 1.0
# Called with the number of items done and the total.
Progress = Callable[[int, int], None]


def no_progress(_done: int, _total: int) -> None:
    """Ignore the progress of a run."""


def deliver(now: datetime | None = None, _progress: Progress = no_progress) -> int:
    """Send what is due, over every channel; returns how many deliveries were processed.

    With a broker, workers send. Then this publishes unclaimed ids again, and sends only over channels without a worker,
    or everything while the broker is away.
    """

    def update_inboxes() -> None:
        scheduled.show_scheduled(now or utc_now())
        scheduled.unsnooze_due(now or utc_now())

    publisher = publishing.current()
    if publisher is None or now is not None:
        return delivery_worker().deliver_due(now, before_round=update_inboxes)
    count, published_at = 0, -math.inf

    def update_and_publish() -> None:
        """Publish in between, too: what has no worker may keep this process sending for hours."""
        nonlocal count, published_at
        update_inboxes()
        if time.monotonic() - published_at >= PUBLISH_EVERY_SECONDS:
            published_at = time.monotonic()
            count += _publish_unclaimed(publisher)

    sent = delivery_worker().deliver_due(before_round=update_and_publish, must_send=publisher.must_send)
    return sent + count


def _publish_unclaimed(publisher: Publisher) -> int:
    # Also tells whether the broker is back.
    if publisher.is_reachable() and leases.hold("job publish", leases.holder_id(), PUBLISH_LEASE_SECONDS):
        return publisher.publish_unclaimed()
    return 0


def delivery_worker() -> DeliveryWorker:
    """Return the delivery worker of this process, created on first use."""
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
    """Write announcements that are due; returns the number of recipients, or of announcements handed over."""
    publisher = publishing.current()
    if publisher is None or now is not None or not publisher.has_workers(broker.BULK_QUEUE):
        return writer.write_due(now)
    unfinished = writer.list_unfinished()
    if not unfinished or not leases.hold("job publish", leases.holder_id(), PUBLISH_LEASE_SECONDS):
        return 0
    return publisher.publish_stalled(broker.WRITE_ANNOUNCEMENT, unfinished)


def map_sources(now: datetime | None = None, _progress: Progress = no_progress) -> int:
    """Map the calls of sources; returns how many."""
    config = current_app.config
    return mapping.map_due(now, lookups.Lookups(config["SECRET_KEY"], config["SOURCES_BASE_URL"]))


def remind(now: datetime | None = None, _progress: Progress = no_progress) -> int:
    """Remind people of interviews and missing evaluations; returns how many were reminded."""
    return reminders.remind_due(now) + evaluations.remind_due(now)


def daily_digest(now: datetime | None = None, progress: Progress = no_progress) -> int:
    """Send the daily digests that are due; returns how many."""
    return settle.send_due(DAILY_DIGEST, now, progress, _settle_in_worker(now))


def weekly_summary(now: datetime | None = None, progress: Progress = no_progress) -> int:
    """Send the weekly summaries that are due; returns how many."""
    return settle.send_due(WEEKLY_SUMMARY, now, progress, _settle_in_worker(now))


def _settle_in_worker(now: datetime | None) -> settle.HandOver | None:
    """Return what hands people to the workers, if there are any; not for a run that acts as if it were another time."""
    publisher = publishing.current()
    if publisher is None or now is not None or not publisher.has_workers(broker.BULK_QUEUE):
        return None

    def hand_over(kind: str, user_ids: list[int]) -> bool:
        return publisher.try_publish(broker.SETTLE_DIGESTS, (kind, user_ids), broker.BULK_QUEUE)

    return hand_over


def alert(now: datetime | None = None, _progress: Progress = no_progress) -> int:
    """Alert the admins when messages fail or a job has stopped; returns how many alerts there are."""
    return failures.alert_admins(current_app.extensions["schedule"], now or utc_now())


def retention(now: datetime | None = None, progress: Progress = no_progress) -> int:
    """Delete data that is past its retention period; returns the number of rows."""
    limits = SessionLimits.from_config(current_app.config)
    kept = retention_service.Retention.from_config(current_app.config)
    count = retention_service.purge(kept, now, progress, session_limits=limits)
    return count + rate_limits.purge_unused(now or utc_now())
