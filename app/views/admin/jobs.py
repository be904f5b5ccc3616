"""Admin page for the schedule: the last and next run of each job, and a button to run it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from flask import Blueprint, abort, current_app, flash, redirect, render_template, url_for
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.services.operations import job_runs
from app.services.sending import channel_outages
from app.views.web import htmx
from app.views.web.auth import admin_required, current_user

if TYPE_CHECKING:
    from app.models import JobRun

bp = Blueprint("jobs", __name__, url_prefix="/admin/jobs")

# The tone of each state's tag, and its label.
STATES: dict[str, tuple[str, LazyString]] = {
    "asked": ("info", _l("Queued")),
    "running": ("info", _l("Running")),
    "stopped": ("bad", _l("Interrupted")),
    "succeeded": ("ok", _l("Done")),
    "held_up": ("warn", _l("Messages wait")),
    "failed": ("bad", _l("Failed")),
}


class ListedJob(Protocol):
    """The part of a job that the page needs; views do not import jobs."""

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> LazyString: ...

    @property
    def is_frequent(self) -> bool: ...

    def slot(self, now: datetime) -> datetime: ...

    def next_at(self, now: datetime) -> datetime: ...


@dataclass(frozen=True)
class JobRow:
    """One job as the page shows it; `state` is a key of STATES, empty before the first run."""

    name: str
    about: LazyString
    run: JobRun | None
    state: str
    next_at: datetime | None
    is_late: bool

    @property
    def seconds(self) -> float | None:
        """The duration of the last run; None while it runs."""
        if self.run is None or self.run.finished_at is None:
            return None
        return (self.run.finished_at - self.run.started_at).total_seconds()


@bp.get("")
@admin_required
def index() -> Response:
    now = utc_now()
    schedule: dict[str, ListedJob] = current_app.extensions["schedule"]
    late = job_runs.late_jobs(schedule, now)
    outages = channel_outages.current_outages()
    rows = [
        _job_row(job, now, is_late=job.name in late, is_held_up=bool(outages) and job.name == "deliver")
        for job in schedule.values()
    ]
    # The sweep is recorded every minute, so a gap means that no scheduler is running.
    is_stopped = any(row.name == "sweep" and (row.run is None or row.is_late) for row in rows)
    is_busy = any(row.state in {"asked", "running"} for row in rows)
    template = "jobs/_table.html" if htmx.is_partial() else "jobs/index.html"
    return htmx.vary(
        render_template(
            template, rows=rows, states=STATES, is_stopped=is_stopped, is_busy=is_busy, outages=outages
        )
    )


@bp.post("/<name>/runs")
@admin_required
def run(name: str) -> Response:
    if name not in current_app.extensions["schedule"]:
        abort(404)
    job_runs.request_run(name, current_user)
    flash(_("“%(name)s” starts in a few seconds.", name=name))
    return redirect(url_for(".index"), 303)


def _job_row(job: ListedJob, now: datetime, *, is_late: bool, is_held_up: bool) -> JobRow:
    last_run = job_runs.latest(job.name)
    next_at = None if job.is_frequent else job.next_at(now)
    state = _state(last_run, now)
    if is_held_up and state == "succeeded":
        state = "held_up"  # The run did what it could, which was nothing.
    return JobRow(job.name, job.about, last_run, state, next_at, is_late)


def _state(last_run: JobRun | None, now: datetime) -> str:
    if last_run is None:
        return ""
    if last_run.state == "running" and last_run.lease_until and last_run.lease_until < now:
        return "stopped"
    return last_run.state
