"""Runs of jobs: each slot of the schedule is run once, retried when it fails, and shown to admins.

Rows decide who runs what, so any number of processes may share the schedule.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ScalarSelect, case, delete, func, select, update

from app.clock import utc_now
from app.database.base import db
from app.database.writing import BULK, insert_ignore, upsert, writing
from app.models import JobRun, User
from app.services.base import audit
from app.services.routing import alerts

# How long a process that died keeps its run; a live run renews its lease.
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 3
RETRY_AFTER = timedelta(seconds=20)
KEPT_FOR = timedelta(days=7)
# The runs that the history of a job shows.
HISTORY = 100
# A slot that has not begun by then is late.
LATE_AFTER = timedelta(minutes=2)


class ScheduledJob(Protocol):
    """The part of a job that services need; they do not import jobs."""

    def slot(self, now: datetime) -> datetime: ...


def begin(name: str, slot_at: datetime, holder: str, now: datetime | None = None) -> int | None:
    """Begin the run of a slot, and commit.

    Returns:
        the run's id; None if the slot was run, is being run, or failed too often or too recently.
    """
    now = now or utc_now()
    row = db.session.execute(
        select(JobRun.id, JobRun.state, JobRun.tries, JobRun.finished_at, JobRun.lease_until).where(
            JobRun.name == name, JobRun.slot_at == slot_at
        )
    ).one_or_none()
    running = {
        "state": "running",
        "holder": holder,
        "started_at": now,
        "finished_at": None,
        "lease_until": now + LEASE,
    }
    run_id: int | None = None
    if row is None:
        values = running | {"name": name, "slot_at": slot_at, "failures": _failures_before(name, slot_at)}
        new = insert_ignore(JobRun).values(tries=1, count=0, error="", **values).returning(JobRun.id)
        run_id = db.session.scalar(new)
    elif _may_retry(row, now):
        again = update(JobRun).where(
            JobRun.id == row.id, JobRun.tries == row.tries, JobRun.state == row.state
        )
        run_id = db.session.scalar(
            again.values(tries=JobRun.tries + 1, **running).returning(JobRun.id), execution_options=BULK
        )
    db.session.commit()
    return run_id


def keep(run_id: int, now: datetime | None = None) -> None:
    """Renew the lease of a long run, and commit."""
    until = (now or utc_now()) + LEASE
    running = update(JobRun).where(JobRun.id == run_id, JobRun.state == "running")
    db.session.execute(running.values(lease_until=until), execution_options=BULK)
    db.session.commit()


def finish(run_id: int, count: int, now: datetime | None = None) -> None:
    """Record that a run succeeded, and commit."""
    done = {"state": "succeeded", "count": count, "error": "", "failures": 0, "finished_at": now or utc_now()}
    db.session.execute(update(JobRun).where(JobRun.id == run_id).values(done), execution_options=BULK)
    db.session.commit()


def fail(run_id: int, error: str, now: datetime | None = None) -> None:
    """Record that a run failed, alert admins to the third failure in a row, and commit.

    Whatever the run left uncommitted is rolled back first.
    """
    db.session.rollback()
    now = now or utc_now()
    failed = {"state": "failed", "error": error[:2000], "failures": JobRun.failures + 1, "finished_at": now}
    row = db.session.execute(
        update(JobRun).where(JobRun.id == run_id).values(failed).returning(JobRun.name, JobRun.failures),
        execution_options=BULK,
    ).one()
    alerts.report_job_failure(row.name, row.failures, error, now)
    db.session.commit()


def record_frequent_run(
    name: str, started_at: datetime, count: int, error: str = "", now: datetime | None = None
) -> None:
    """Record a run of a frequent job in the row of its minute, and commit.

    Whatever a failed run left uncommitted is rolled back first.

    Args:
        error: the error of a failed run.
    """
    if error:
        db.session.rollback()
    now = now or utc_now()
    minute = started_at.replace(second=0, microsecond=0)
    state = "failed" if error else "succeeded"
    new = upsert(JobRun).values(
        name=name,
        slot_at=minute,
        state=state,
        tries=1,
        failures=_failures_before(name, minute) + 1 if error else 0,
        started_at=started_at,
        finished_at=now,
        count=count,
        error=error[:2000],
        holder="",
    )
    more = new.on_conflict_do_update(
        index_elements=["name", "slot_at"],
        set_={
            "state": new.excluded.state,
            "tries": JobRun.tries + 1,
            "failures": case((new.excluded.state == "failed", JobRun.failures + 1), else_=0),
            "started_at": new.excluded.started_at,
            "finished_at": new.excluded.finished_at,
            "count": JobRun.count + new.excluded.count,
            "error": new.excluded.error,
        },
    )
    failures = db.session.execute(more.returning(JobRun.failures)).scalar_one()
    if error:
        alerts.report_job_failure(name, failures, error, now)
    db.session.commit()


def request_run(name: str, actor: User, now: datetime | None = None) -> None:
    """Request a run, which a scheduler starts within seconds, and commit."""
    now = now or utc_now()
    newest = select(JobRun.id).where(JobRun.name == name).order_by(JobRun.id.desc()).limit(1)
    with writing():
        # Two admins who ask at the same time get one run.
        db.session.scalar(newest.with_for_update())
        if db.session.scalar(newest.where(JobRun.state == "asked")) is None:
            values = {"slot_at": now, "started_at": now, "failures": _failures_before(name, now)}
            asked = insert_ignore(JobRun).values(
                name=name, state="asked", tries=0, count=0, error="", holder="", **values
            )
            db.session.execute(asked)
            audit.record("job.asked", name, actor=actor)


def claim_requested(
    names: Collection[str], holder: str, now: datetime | None = None
) -> list[tuple[int, str]]:
    """Begin the requested runs of these jobs, and commit; returns their ids and names."""
    asked = select(JobRun.id).where(JobRun.state == "asked", JobRun.name.in_(names))
    if db.session.scalar(asked.limit(1)) is None:
        return []
    now = now or utc_now()
    values = {"state": "running", "tries": 1, "holder": holder, "started_at": now, "lease_until": now + LEASE}
    rows = db.session.execute(
        update(JobRun)
        .where(JobRun.state == "asked", JobRun.name.in_(names))
        .values(values)
        .returning(JobRun.id, JobRun.name),
        execution_options=BULK,
    ).all()
    db.session.commit()
    return [(row.id, row.name) for row in rows]


def late_jobs(schedule: Mapping[str, ScheduledJob], now: datetime) -> list[str]:
    """Return the names of the jobs whose last slot should have begun and has not, or that waits for a clock set back.

    A job that has never run is not late: this installation may be new.
    """
    slots = select(JobRun.name, func.max(JobRun.slot_at)).group_by(JobRun.name)
    newest = dict(db.session.execute(slots.where(JobRun.state != "asked")).all())
    running = select(JobRun.name).where(JobRun.state == "running", JobRun.lease_until >= now)
    busy = set(db.session.scalars(running))
    late = []
    for name, job in schedule.items():
        slot_at = newest.get(name)
        if slot_at is None or name in busy:
            continue
        # Frequent jobs share a row per minute.
        expected = min(job.slot(now - LATE_AFTER), now - LATE_AFTER - timedelta(minutes=1))
        if slot_at < expected or slot_at > now + LATE_AFTER:
            late.append(name)
    return late


def latest_runs() -> dict[str, JobRun]:
    """Load the newest run of each job, by name."""
    newest = select(JobRun.name, func.max(JobRun.slot_at).label("slot_at")).group_by(JobRun.name).subquery()
    runs = select(JobRun).join(newest, (newest.c.name == JobRun.name) & (newest.c.slot_at == JobRun.slot_at))
    found = db.session.scalars(runs.execution_options(populate_existing=True))
    return {run.name: run for run in found}


def is_stopped(runs: Mapping[str, JobRun], late: Collection[str]) -> bool:
    """Whether no scheduler is running. The sweep is recorded every minute, so a gap means that.

    Args:
        runs, late: from `latest_runs` and `late_jobs`.
    """
    return "sweep" not in runs or "sweep" in late


def latest(name: str) -> JobRun | None:
    """Load the newest run of a job."""
    newest = select(JobRun).where(JobRun.name == name).order_by(JobRun.slot_at.desc()).limit(1)
    return db.session.scalar(newest.execution_options(populate_existing=True))


def history(name: str, limit: int = HISTORY) -> Sequence[JobRun]:
    """List the newest runs of a job, newest first. A frequent job has one row for each minute."""
    newest = select(JobRun).where(JobRun.name == name).order_by(JobRun.slot_at.desc()).limit(limit)
    return db.session.scalars(newest.execution_options(populate_existing=True)).all()


def purge_runs(now: datetime | None = None) -> int:
    """Delete old runs, and commit; returns how many."""
    old = delete(JobRun).where(JobRun.slot_at < (now or utc_now()) - KEPT_FOR).returning(JobRun.id)
    count = len(db.session.execute(old, execution_options=BULK).all())
    db.session.commit()
    return count


def _may_retry(row: Any, now: datetime) -> bool:
    if row.state == "running":
        return bool(row.lease_until < now)  # Its process died.
    return bool(row.state == "failed" and row.tries < MAX_ATTEMPTS and row.finished_at <= now - RETRY_AFTER)


def _failures_before(name: str, slot_at: datetime) -> ScalarSelect[int]:
    """Count the failures in a row before a slot."""
    before = select(JobRun.failures).where(JobRun.name == name, JobRun.slot_at < slot_at)
    return func.coalesce(before.order_by(JobRun.slot_at.desc()).limit(1).scalar_subquery(), 0)  # type: ignore[return-value]
