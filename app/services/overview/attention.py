"""Finds the problems that an admin should look at, in a few queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.database.base import db
from app.models import Delivery, JobRun, SourceCall, Suppression
from app.services.deliveries.delivery_log import has_outcome
from app.services.operations import health, job_runs, migrations
from app.services.operations.job_runs import ScheduledJob
from app.services.operations.migrations import SchemaVersion
from app.services.sending import channel_outages
from app.services.sources import people

# Older failures are history.
FAILED_WITHIN = timedelta(days=1)
# A call that waits longer is stuck: the job runs every second.
WAITING_LONG = timedelta(minutes=5)


@dataclass(frozen=True)
class Attention:
    """Problems that an admin should look at.

    Args:
        failed: deliveries of the last day that failed.
        suppressed: addresses that nothing is sent to.
        unmatched: people of other systems without an account here.
        failed_calls: calls of other systems that failed within the last day.
        waiting_calls: such calls that have waited for minutes.
        is_stopped: whether no scheduler is running.
        late_jobs: the names of late jobs.
        failed_jobs: the newest run of each job whose last run failed.
        broker: what is wrong with the message broker, as a sentence; empty if nothing is.
        outages: channels over which nothing can be sent.
        version: the migrations of the database and of this code.
        settings: what is wrong with the settings, and what to do: `detail` and `advice` of each by `name`.
    """

    failed: int
    suppressed: int
    unmatched: int
    failed_calls: int
    waiting_calls: int
    is_stopped: bool
    late_jobs: list[str]
    failed_jobs: list[JobRun]
    broker: str
    outages: dict[str, channel_outages.Outage]
    version: SchemaVersion
    settings: Sequence[Any]


def find_problems(
    config: Mapping[str, Any], schedule: Mapping[str, ScheduledJob], now: datetime
) -> Attention:
    """Look for everything that needs attention, without a network call.

    Args:
        config: the application's configuration.
        schedule: the jobs that should run.
    """
    counts = db.session.execute(
        select(
            _count(Delivery.id, has_outcome("failed"), Delivery.created_at >= now - FAILED_WITHIN),
            _count(Suppression.id),
            select(func.count()).select_from(people.select_unmatched().subquery()).scalar_subquery(),
            _count(
                SourceCall.id, SourceCall.state == "failed", SourceCall.received_at >= now - FAILED_WITHIN
            ),
            _count(SourceCall.id, SourceCall.state == "waiting", SourceCall.due_at < now - WAITING_LONG),
        )
    ).one()
    runs, late = job_runs.latest_runs(), job_runs.late_jobs(schedule, now)
    broker = health.broker_problem(now)
    return Attention(
        *counts,
        is_stopped=job_runs.is_stopped(runs, late),
        late_jobs=late,
        failed_jobs=[run for name, run in runs.items() if name in schedule and run.state == "failed"],
        broker=broker[1] if broker else "",
        outages=channel_outages.current_outages(),
        version=migrations.schema_version(),
        settings=config["SETTING_PROBLEMS"],
    )


def _count(column: InstrumentedAttribute[int], *conditions: ColumnElement[bool]) -> Any:
    return select(func.count(column)).where(*conditions).scalar_subquery()
