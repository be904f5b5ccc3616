"""The jobs that events are about: whether they are confidential, and who is on their hiring teams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flask_babel import gettext as _
from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import selectinload

from app import canonical_addresses
from app.clock import utc_now
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.writing import insert_ignore, writing
from app.models import HiringJob, HiringTeamMember, User
from app.services.base import audit, paging, recipients
from app.services.base.errors import NotFound
from app.services.base.recipients import Recipient
from app.services.routing.candidate_and_job import CandidateAndJob

_JOBS = Base.metadata.tables["hiring_jobs"]
_KNOWN = CompiledStatement(
    select(_JOBS.c.title, _JOBS.c.is_confidential).where(_JOBS.c.external_id == bindparam("external_id"))
)


def page_for(
    search: str = "", *, before: int | None = None, limit: int = 50
) -> tuple[list[HiringJob], int | None]:
    """Load a page of jobs with their teams, newest first.

    Args:
        search: part of the title or of the platform's id.
        before: the cursor of the page, from an earlier call.
    Returns:
        The jobs, and the cursor of the next page; None on the last one.
    """
    query = select(HiringJob).options(selectinload(HiringJob.team))
    if search:
        names = (func.lower(name) for name in (HiringJob.title, HiringJob.external_id))
        query = query.where(or_(*(name.contains(search.lower(), autoescape=True) for name in names)))
    rows, older, _newer = paging.newest_first(query, HiringJob.id, before=before, limit=limit)
    return rows, older


def get(row_id: int) -> HiringJob:
    """Load a job. Raises NotFound."""
    job = db.session.get(HiringJob, row_id)
    if job is None:
        raise NotFound(_("Job not found."))
    return job


def set_team(actor: User, row_id: int, emails: Sequence[str], *, is_confidential: bool) -> HiringJob:
    """Set the hiring team of a job, and whether it is confidential. Later events do not change the team.

    Raises:
        NotFound: the job is unknown.
        Invalid: an address belongs to no active account; keyed `team[i]`.
    """
    people = recipients.by_emails(emails, "team") if emails else []
    with writing(lock=HiringJob, row_id=row_id) as job:
        if job is None:
            raise NotFound(_("Job not found."))
        job.team = list(db.session.scalars(select(User).where(User.id.in_([person.id for person in people]))))
        job.is_team_set, job.is_confidential = True, is_confidential
        audit.record(
            "hiring_team.set",
            job.title or job.external_id,
            actor=actor,
            team=[person.email for person in people],
            is_confidential=is_confidential,
        )
    return job


def complete(about: CandidateAndJob) -> CandidateAndJob:
    """Mark what is about a confidential job as confidential."""
    if about.job_id is None or about.is_confidential:
        return about
    known = _KNOWN.fetch(external_id=about.job_id)
    return replace(about, is_confidential=bool(known) and known[0].is_confidential)


def team_of(job_id: str | None) -> list[Recipient]:
    """Load the active people on the hiring team of a job."""
    if job_id is None:
        return []
    members = (
        select(HiringTeamMember.user_id)
        .join(HiringJob, HiringJob.id == HiringTeamMember.job_id)
        .where(HiringJob.external_id == job_id)
    )
    return recipients.by_ids(db.session.scalars(members).all())


def record(about: CandidateAndJob, *, is_confidential: bool | None) -> None:
    """Keep what an event says about its job, in the caller's transaction.

    Args:
        is_confidential: whether the job is confidential; None if the event does not say.
    """
    if about.job_id is None:
        return
    known = _KNOWN.fetch(external_id=about.job_id)
    is_news = (
        not known
        or about.hiring_team
        or about.job_title not in {"", known[0].title}
        or is_confidential not in {None, known[0].is_confidential}
    )
    if not is_news:
        return
    if not known:
        values = {"external_id": about.job_id, "title": about.job_title, "created_at": utc_now()}
        db.session.execute(insert_ignore(HiringJob).values(values))
    query = select(HiringJob).where(HiringJob.external_id == about.job_id)
    job = db.session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()
    job.title = about.job_title or job.title
    if is_confidential is not None:
        job.is_confidential = is_confidential
    if about.hiring_team and not job.is_team_set:
        emails = [canonical_addresses.key(email) for email in about.hiring_team]
        job.team = list(db.session.scalars(select(User).where(User.email.in_(emails))))
    db.session.flush()
