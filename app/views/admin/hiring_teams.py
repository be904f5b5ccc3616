"""Admin pages for the hiring teams of jobs."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.forms.integers import parse_integer
from app.services.base.errors import Invalid
from app.services.routing import hiring_teams
from app.views.web.auth import admin_required, current_user

bp = Blueprint("hiring_teams", __name__, url_prefix="/admin/hiring-teams")


@bp.get("")
@admin_required
def index() -> str:
    search = request.args.get("q", "").strip()[:100]
    jobs, older = hiring_teams.page_for(search, before=request.args.get("before", type=parse_integer))
    return render_template("hiring_teams/index.html", search=search, jobs=jobs, older=older)


@bp.get("/<row_id:job_id>")
@admin_required
def edit(job_id: int) -> str:
    job = hiring_teams.get(job_id)
    return _page(job_id, "\n".join(user.email for user in job.team), is_confidential=job.is_confidential)


@bp.post("/<row_id:job_id>")
@admin_required
def save(job_id: int) -> Response | tuple[str, int]:
    team, is_confidential = request.form.get("team", ""), "is_confidential" in request.form
    try:
        job = hiring_teams.set_team(current_user, job_id, team.split(), is_confidential=is_confidential)
    except Invalid as error:
        sentence = " ".join(error.errors.values())
        return _page(job_id, team, is_confidential=is_confidential, error=sentence), 422
    flash(_("The team of “%(job)s” is saved.", job=job.title or job.external_id))
    return redirect(url_for(".index"), 303)


def _page(job_id: int, team: str, *, is_confidential: bool, error: str = "") -> str:
    job = hiring_teams.get(job_id)
    return render_template(
        "hiring_teams/edit.html", job=job, team=team, is_confidential=is_confidential, error=error
    )
