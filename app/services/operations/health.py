"""Whether this process can work, for `/readyz`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from app.database.base import db
from app.services.base import broker, consumers
from app.services.operations import job_runs, migrations
from app.services.operations.job_runs import ScheduledJob


@dataclass(frozen=True)
class Readiness:
    """Whether this process can work; `detail` says why not, or what an operator should know. It may be empty."""

    is_ready: bool
    detail: str = ""


def readiness() -> Readiness:
    """Check whether this process can work."""
    try:
        version = migrations.schema_version()
    except SQLAlchemyError:
        return Readiness(is_ready=False, detail=_("The database does not respond."))
    if version.is_current:
        return Readiness(is_ready=True)
    if version.is_ahead:
        # Newer code migrates the database before the last server of this code has been replaced.
        migrations.warn_of_newer_database(version)
    return Readiness(version.is_ahead, f"{version} {version.advice}")


def broker_problem(now: datetime) -> tuple[str, str] | None:
    """Return what is wrong between the servers and the workers: a word and a sentence. None if nothing is.

    Raises:
        SQLAlchemyError: the database, which knows the workers, does not respond.
    """
    queue = broker.current()
    if queue is None:
        return None
    if not queue.check():
        return "away", _(
            "The message broker does not respond. After 30 seconds, the servers send messages themselves."
        )
    served = consumers.count_by_queue(now)
    if missing := [name for name in broker.SEND_QUEUES if name not in served]:
        return "no workers", _(
            "These queues have no worker: %(names)s. Servers send their messages until you start bin/worker.",
            names=", ".join(missing),
        )
    return None


def schedule_problem(schedule: Mapping[str, ScheduledJob], now: datetime) -> str | None:
    """Return which jobs are late, as a sentence, or None."""
    try:
        late = job_runs.late_jobs(schedule, now)
    except SQLAlchemyError:
        db.session.rollback()
        return None
    if not late:
        return None
    return _("These jobs are late: %(names)s. Check that a scheduler is running.", names=", ".join(late))
