"""Numbers for whoever watches over an installation, in Prometheus' text format 0.0.4.

All of them are read from the database: whichever process is asked says the same. Each costs what is open or recent,
however long the tables are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, DeliveryAttempt
from app.services.operations import job_runs

# Of so many tries, the newest, it is told how they ended.
RECENT = 1000
Samples = Iterable[tuple[Mapping[str, str], float]]


def render_metrics(jobs: Iterable[str], now: datetime | None = None) -> str:
    """The whole page.

    Args:
        jobs: the names of the timetable.
    """
    now = now or utc_now()
    return "".join(
        line
        for name, about, samples in (
            ("bellhop_deliveries_open", "Deliveries that wait or are being sent.", _open()),
            (
                "bellhop_delivery_overdue_seconds",
                "For how long the delivery that is overdue longest has been due.",
                _overdue(now),
            ),
            (
                "bellhop_recent_attempts",
                f"How the newest {RECENT} attempts to send ended.",
                _attempts(),
            ),
            ("bellhop_job_last_start_seconds", "When a job last began, as Unix time.", _starts(jobs)),
            ("bellhop_job_failures", "How many runs of a job have failed in a row.", _failures(jobs)),
        )
        for line in _family(name, about, samples)
    )


def _family(name: str, about: str, samples: Samples) -> Iterator[str]:
    yield f"# HELP {name} {about}\n# TYPE {name} gauge\n"
    for labels, value in samples:
        # The values of labels are names of ours: none needs escaping.
        written = ",".join(f'{label}="{text}"' for label, text in labels.items())
        yield f"{name}{{{written}}} {value:.15g}\n" if written else f"{name} {value:.15g}\n"


def _open() -> Samples:
    # Asked in two, as the two partial indexes have them: one condition for all of them would read the whole table.
    counts = select(Delivery.channel, Delivery.state, func.count()).group_by(Delivery.channel, Delivery.state)
    rows = [
        *db.session.execute(counts.where(Delivery.state.in_(["pending", "retry_wait"]))),
        *db.session.execute(counts.where(Delivery.state == "claimed")),
    ]
    return [
        ({"channel": channel, "state": state}, count) for channel, state, count in sorted(map(tuple, rows))
    ]


def _overdue(now: datetime) -> Samples:
    waiting = Delivery.state.in_(["pending", "retry_wait"])
    oldest = db.session.scalar(select(func.min(Delivery.due_at)).where(waiting))
    return [({}, max((now - oldest).total_seconds(), 0.0) if oldest else 0.0)]


def _attempts() -> Samples:
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
    return [({"channel": channel, "outcome": outcome}, count) for channel, outcome, count in rows]


def _starts(jobs: Iterable[str]) -> Samples:
    runs = ((name, job_runs.latest(name)) for name in jobs)
    return [({"job": name}, run.started_at.timestamp()) for name, run in runs if run]


def _failures(jobs: Iterable[str]) -> Samples:
    runs = ((name, job_runs.latest(name)) for name in jobs)
    return [({"job": name}, run.failures) for name, run in runs if run]
