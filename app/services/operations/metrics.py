"""Metrics for Prometheus, in its text format 0.0.4.

Every number but those of the broker and the streams is read from the database, so each process reports the same. A
query's cost depends on what is open or recent, not on the length of the tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, DeliveryAttempt
from app.models.delivery import WAITING_STATES
from app.services.base import broker, consumers
from app.services.base.broker import Broker, BrokerAway
from app.services.operations import job_runs

# How many of the newest attempts are counted by outcome.
RECENT = 1000


def render_metrics(jobs: Collection[str], streams: int, now: datetime | None = None) -> bytes:
    """Render the current metrics.

    Args:
        jobs: the names of the jobs in the schedule.
        streams: how many event streams this process has open.
    """
    # A registry of its own: the global one would add metrics of this one process.
    registry = CollectorRegistry()
    registry.register(_BellhopCollector(jobs, streams, now or utc_now()))
    return generate_latest(registry)


class _BellhopCollector(Collector):
    def __init__(self, jobs: Collection[str], streams: int, now: datetime) -> None:
        self._jobs, self._streams, self._now = jobs, streams, now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _open_deliveries()
        yield _overdue_seconds(self._now)
        yield _recent_attempts()
        yield from _job_families(self._jobs)
        yield GaugeMetricFamily(
            "bellhop_streams_open", "Event streams that this process has open.", value=self._streams
        )
        if queue := broker.current():
            yield from _broker_families(queue, self._now)


def _broker_families(queue: Broker, now: datetime) -> Iterator[GaugeMetricFamily]:
    up = GaugeMetricFamily("bellhop_broker_up", "Whether this process reaches the message broker.")
    messages = GaugeMetricFamily(
        "bellhop_queue_messages", "Messages that no worker has taken yet.", labels=("queue",)
    )
    workers = GaugeMetricFamily("bellhop_queue_workers", "Workers of a queue.", labels=("queue",))
    up.add_metric((), float(queue.check()))
    counts = consumers.count_by_queue(now)
    for name in broker.QUEUES:
        workers.add_metric((name,), counts[name])
        with suppress(BrokerAway):
            messages.add_metric((name,), queue.count_waiting(name))
    yield from (up, messages, workers)


def _open_deliveries() -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "bellhop_deliveries_open",
        "Deliveries that wait or are being sent.",
        labels=("channel", "state"),
    )
    # Two queries, one for each partial index: a single condition would read the whole table.
    counts = select(Delivery.channel, Delivery.state, func.count()).group_by(Delivery.channel, Delivery.state)
    rows = [
        *db.session.execute(counts.where(Delivery.state.in_(WAITING_STATES))),
        *db.session.execute(counts.where(Delivery.state == "claimed")),
    ]
    for channel, state, count in sorted(map(tuple, rows)):
        family.add_metric((channel, state), count)
    return family


def _overdue_seconds(now: datetime) -> GaugeMetricFamily:
    waiting = Delivery.state.in_(WAITING_STATES)
    oldest = db.session.scalar(select(func.min(Delivery.due_at)).where(waiting))
    return GaugeMetricFamily(
        "bellhop_delivery_overdue_seconds",
        "How long the longest overdue delivery has been due.",
        value=max((now - oldest).total_seconds(), 0.0) if oldest else 0.0,
    )


def _recent_attempts() -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "bellhop_recent_attempts",
        f"Outcomes of the newest {RECENT} attempts.",
        labels=("channel", "outcome"),
    )
    newest = (
        select(DeliveryAttempt.delivery_id, DeliveryAttempt.outcome)
        .order_by(DeliveryAttempt.id.desc())
        .limit(RECENT)
        .subquery()
    )
    query = select(Delivery.channel, newest.c.outcome, func.count()).join(
        newest, newest.c.delivery_id == Delivery.id
    )
    rows = db.session.execute(
        query.group_by(Delivery.channel, newest.c.outcome).order_by("channel", "outcome")
    )
    for channel, outcome, count in rows:
        family.add_metric((channel, outcome), count)
    return family


def _job_families(jobs: Collection[str]) -> Iterator[GaugeMetricFamily]:
    starts = GaugeMetricFamily(
        "bellhop_job_last_start_seconds", "When a job last started, as Unix time.", labels=("job",)
    )
    failures = GaugeMetricFamily(
        "bellhop_job_failures", "How many runs of a job have failed in a row.", labels=("job",)
    )
    for name in jobs:
        if run := job_runs.latest(name):
            starts.add_metric((name,), run.started_at.timestamp())
            failures.add_metric((name,), run.failures)
    yield starts
    yield failures
