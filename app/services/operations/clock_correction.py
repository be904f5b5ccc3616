"""Corrects times of jobs and limits that lie ahead of the clock after it was set back, so that nothing waits again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, update

from app.clock import TOLERANCE
from app.database.base import db
from app.database.writing import BULK
from app.models import JobRun, Lease, SecondFactor, SignInAttempt
from app.services.accounts import second_factor
from app.services.operations import job_runs


def correct_jobs(now: datetime, *, was_set: bool) -> None:
    """Correct every time that only a clock ahead of ours can have written, and commit.

    Args:
        was_set: the clock was set a moment ago. Runs that are under way then get a full lease, so that no process takes
            them over because the clock was set forward.
    """
    until = now + job_runs.LEASE
    running = update(JobRun).where(JobRun.state == "running").values(lease_until=until)
    statements = (
        running if was_set else running.where(JobRun.lease_until > until),
        # These are renewed every few seconds, and last for less than a run.
        delete(Lease).where(Lease.held_until > until),
        # Slots that are still to come run again.
        delete(JobRun).where(JobRun.slot_at > now + TOLERANCE, JobRun.state.in_(("succeeded", "failed"))),
        # Codes are refused until the time of the last one, which is a long way off.
        update(SecondFactor)
        .where(SecondFactor.last_step > second_factor.step_at(now + TOLERANCE))
        .values(last_step=0),
        delete(SignInAttempt).where(SignInAttempt.attempted_at > now + TOLERANCE),
    )
    try:
        for statement in statements:
            db.session.execute(statement, execution_options=BULK)
        db.session.commit()
    except Exception:
        db.session.rollback()
        raise
