"""Admin pages for the schedule: the health of each job, a button to run it now, and its history."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.services.operations import health, job_runs
from app.services.sending import channel_outages
from app.views.presenters import job_rows
from app.views.presenters.job_rows import ListedJob
from app.views.web import htmx
from app.views.web.auth import admin_required, current_user

bp = Blueprint("jobs", __name__, url_prefix="/admin/jobs")


@bp.get("")
@admin_required
def index() -> Response:
    now, schedule = utc_now(), _schedule()
    runs, late = job_runs.latest_runs(), job_runs.late_jobs(schedule, now)
    outages = channel_outages.current_outages()
    rows = [
        job_rows.build_row(
            job,
            runs.get(job.name),
            now,
            is_late=job.name in late,
            is_held_up=bool(outages) and job.name == "deliver",
        )
        for job in schedule.values()
    ]
    is_busy = any(row.last_run and row.last_run.state in {"asked", "running"} for row in rows)
    beat = runs.get("sweep")
    page = render_template(
        "jobs/_list.html" if htmx.is_partial() else "jobs/index.html",
        rows=rows,
        states=job_rows.STATES,
        is_stopped=job_runs.is_stopped(runs, late),
        last_seen=job_rows.ago(now - beat.started_at) if beat else "",
        late_count=len(late),
        is_busy=is_busy,
        outages=outages,
        broker_problem=health.broker_problem(now),
    )
    return htmx.vary(page)


@bp.get("/<name>")
@admin_required
def show(name: str) -> str:
    job, now = _find(name), utc_now()
    return render_template(
        "jobs/show.html",
        job=job,
        interval=job_rows.describe_interval(job.every),
        runs=[job_rows.describe_run(run, now) for run in job_runs.history(name)],
        states=job_rows.STATES,
    )


@bp.post("/<name>/runs")
@admin_required
def run(name: str) -> Response:
    job = _find(name)
    job_runs.request_run(name, current_user)
    flash(_("%(name)s starts in a few seconds.", name=job.title))
    return redirect(url_for(".index"), 303)


def _schedule() -> dict[str, ListedJob]:
    schedule: dict[str, ListedJob] = current_app.extensions["schedule"]
    return schedule


def _find(name: str) -> ListedJob:
    job = _schedule().get(name)
    if job is None:
        abort(404)
    return job
