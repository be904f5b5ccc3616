"""The palette: one field to go to any page, to act on what is selected, and to find a person, a candidate or a job."""

from __future__ import annotations

from typing import NamedTuple, get_args

from flask import Blueprint, abort, render_template, request
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from app.services.accounts import administration
from app.services.notifications import names
from app.services.preferences import editing as preference_editing
from app.services.preferences.fields import Theme
from app.views.web.auth import current_user, login_required

bp = Blueprint("palette", __name__, url_prefix="/palette")

MAX_PEOPLE = 5


class NameGroup(NamedTuple):
    """How suggested names of one kind are shown."""

    label: LazyString
    icon: str


NAME_GROUPS = {
    "candidate": NameGroup(_l("Candidates"), "candidate"),
    "job": NameGroup(_l("Jobs"), "job"),
    "company": NameGroup(_l("Companies"), "globe"),
}


@bp.get("")
@login_required
def show() -> str:
    """Render the entries that do not depend on the text in the field."""
    return render_template("palette/show.html")


@bp.get("/search")
@login_required
def search() -> str:
    """Render what is found for the text in the field."""
    text = request.args.get("q", "").replace("\0", "").strip()[:200]
    is_finding_people = text and current_user.is_admin
    return render_template(
        "palette/search.html",
        text=text,
        names=names.suggest(current_user, text) if text else (),
        name_groups=NAME_GROUPS,
        people=administration.page_for(text, limit=MAX_PEOPLE).rows if is_finding_people else (),
    )


@bp.get("/names")
@login_required
def suggest() -> str:
    """Render names for the search box of a list."""
    text = request.args.get("q", "").replace("\0", "").strip()[:200]
    found = names.suggest(current_user, text)
    return render_template("palette/suggest.html", names=found, name_groups=NAME_GROUPS)


@bp.post("/theme")
@login_required
def set_theme() -> Response:
    """Choose light, dark, or what the device says."""
    theme = request.form.get("theme", "")
    if theme not in get_args(Theme):
        abort(400)
    preference_editing.change(current_user, {"theme": theme})
    return Response(status=204)
