"""The timetable for admins: how each job went last, when it comes next, and a button to run it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, url_for
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.services.operations import job_runs
from app.views.web import htmx
from app.views.web.auth import admin_required, current_user

bp = Blueprint("jobs", __name__, url_prefix="/admin/jobs")

STATES: dict[str, tuple[str, LazyString]] = {
    "asked": ("info", _l("Asked for")),
    "running": ("info", _l("Running")),
    "stopped": ("bad", _l("Its process died")),
    "succeeded": ("ok", _l("Done")),
    "failed": ("bad", _l("Failed")),
}
# The sweep is written down every minute: when it is not, nothing keeps the timetable.
SILENT_AFTER = timedelta(minutes=3)


@dataclass(frozen=True)
class Line:
    """One job as the page shows it."""

    name: str
    about: LazyString
    run: Any
    state: str
    next_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long the last run took."""
        if self.run is None or self.run.finished_at is None:
            return None
        return float((self.run.finished_at - self.run.started_at).total_seconds())


@bp.get("")
@admin_required
def index() -> Response:
    now = utc_now()
    lines = [_line(job, now) for job in current_app.extensions["timetable"].values()]
    sweep = next(line.run for line in lines if line.name == "sweep")
    is_silent = sweep is None or sweep.started_at < now - SILENT_AFTER
    is_busy = any(line.state in {"asked", "running"} for line in lines)
    template = "jobs/_table.html" if htmx.is_partial() else "jobs/index.html"
    return htmx.vary(
        render_template(template, lines=lines, states=STATES, is_silent=is_silent, is_busy=is_busy)
    )


@bp.post("/<name>/runs")
@admin_required
def run(name: str) -> Response:
    if name not in current_app.extensions["timetable"]:
        abort(404)
    job_runs.request_run(name, current_user)
    flash(_("“%(name)s” runs within seconds.", name=name))
    return redirect(url_for(".index"), 303)


def _line(job: Any, now: datetime) -> Line:
    row = job_runs.latest(job.name)
    state = row.state if row else ""
    if row and state == "running" and row.lease_until and row.lease_until < now:
        state = "stopped"
    return Line(job.name, job.about, row, state, None if job.is_frequent else job.next_at(now))
