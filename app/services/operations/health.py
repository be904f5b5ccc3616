"""Whether this process can work, for `/readyz`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from app.database.base import db
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
