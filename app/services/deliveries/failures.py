"""Watches for failing deliveries and stopped jobs: the number beside Deliveries, and one alert a day to the admins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import LazyString, format_decimal
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app.database.base import db
from app.database.writing import writing
from app.models import AuditEntry, Delivery, JobRun
from app.services.base import audit, recipients
from app.services.deliveries.delivery_log import OUTCOMES
from app.services.operations import job_runs
from app.services.operations.job_runs import ScheduledJob
from app.services.routing import alerts

# Only the newest are counted, so that it costs the same whatever the log holds.
WATCHED = 2_000
WITHIN = timedelta(days=1)
# Fewer, or a smaller share of what was tried, is what mail servers do every day.
MIN_FAILED, MIN_SHARE = 5, 0.05
# A job that is late in two checks has stopped. After an outage of the whole scheduler, the first check is too early.
CHECKED_BEFORE = timedelta(minutes=11)
JOB = "alerts"


@dataclass(frozen=True)
class RecentDeliveries:
    """How many of the newest deliveries outside the app were tried within a day, and how many of them failed."""

    tried: int
    failed: int

    @property
    def is_alarming(self) -> bool:
        return self.failed >= MIN_FAILED and self.failed >= self.tried * MIN_SHARE


def count_recent(now: datetime) -> RecentDeliveries:
    """Count the newest deliveries of the last day."""
    newest = select(Delivery.state, Delivery.created_at).where(Delivery.channel != "in_app")
    found = newest.order_by(Delivery.id.desc()).limit(WATCHED).subquery()
    failed = func.count().filter(found.c.state.in_(OUTCOMES["failed"].states))
    tried = func.count().filter(found.c.state.in_(("sent", *OUTCOMES["failed"].states)))
    row = db.session.execute(select(tried, failed).where(found.c.created_at >= now - WITHIN)).one()
    return RecentDeliveries(*row)


def alert_admins(schedule: Mapping[str, ScheduledJob], now: datetime) -> int:
    """Alert the admins if many deliveries failed, or if a job has stopped: to each at most once a day.

    Returns:
        how many alerts were raised.
    """
    recent, count = count_recent(now), 0
    if recent.is_alarming:
        count += _alert_once(
            "deliveries.failing",
            "",
            _l("%(count)s messages could not be delivered", count=LazyString(format_decimal, recent.failed)),
            _l(
                "%(failed)s of the last %(tried)s messages failed within a day. Open the delivery log to see why, "
                "and to resend them. You won't be alerted again today.",
                failed=LazyString(format_decimal, recent.failed),
                tried=LazyString(format_decimal, recent.tried),
            ),
            "/admin/deliveries?outcome=failed",
            now=now,
        )
    for name in _stopped_jobs(schedule, now):
        count += _alert_once(
            "job.stopped",
            name,
            _l("The job “%(name)s” has stopped", name=name),
            _l("It did not run on time. Check that a scheduler is running."),
            "/admin/jobs",
            now=now,
        )
    return count


def _stopped_jobs(schedule: Mapping[str, ScheduledJob], now: datetime) -> list[str]:
    earlier = select(JobRun.id).where(
        JobRun.name == JOB,
        JobRun.state == "succeeded",
        JobRun.slot_at >= now - CHECKED_BEFORE,
        JobRun.slot_at < now - CHECKED_BEFORE / 3,
    )
    if db.session.scalar(earlier.limit(1)) is None:
        return []
    return [name for name in job_runs.late_jobs(schedule, now) if name != JOB]


def _alert_once(
    action: str, subject: str, title: LazyString, message: LazyString, url: str, *, now: datetime
) -> int:
    """Raise an alert unless the audit log has it within a day; returns how many were raised."""
    earlier = select(AuditEntry.id).where(
        AuditEntry.action == action, AuditEntry.subject == subject, AuditEntry.at > now - WITHIN
    )
    with writing():
        if db.session.scalar(earlier.limit(1)) is not None:
            return 0
        audit.record(action, subject)
        # In the app only, because email may be what fails.
        people = recipients.active_admins()
        alerts.raise_system_alert(people, title, message, url, now, is_exact=True, channels=("in_app",))
    return 1
