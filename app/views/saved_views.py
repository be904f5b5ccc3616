"""Saved views, which save the filters of a list under a name, and recent searches."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from app.forms.notifications import ListQuery
from app.services.base.errors import Invalid
from app.services.notifications import recent_searches, saved_views
from app.views.presenters import view_links
from app.views.web import htmx
from app.views.web.auth import current_user, login_required

bp = Blueprint("saved_views", __name__, url_prefix="/notifications")

VIEW_ID = "<row_id:view_id>"
# Tips in the search box: a term, and what it does.
SEARCH_TIPS = (
    ("is:unread", _l("or is:saved")),
    ("in:done", _l("or in:inbox, in:snoozed")),
    ("type:interview", _l("by category")),
    ("priority:urgent", _l("by priority")),
    ("candidate:priya", _l("or job:, company:")),
    ("from:3w", _l("or today, november, also before:")),
    ('"on site"', _l("exact phrase")),
    ("-reminder", _l("exclude")),
)


@bp.app_template_global("recent_searches")
def list_searches() -> tuple[str, ...]:
    """Return the recent searches of the signed-in user."""
    return tuple(recent_searches.recent_searches(current_user))


@bp.get("/views")
@login_required
def index() -> str:
    """Show all views, to rename, move and delete them."""
    return render_template("saved_views/index.html")


@bp.post("/views")
@login_required
def create() -> Response:
    """Save the filters of the current list under a name."""
    query = ListQuery.read(request.form.get("view", request.form.get("list", "")))
    view = saved_views.create(current_user, request.form.get("name", ""), view_links.filter_of(query))
    flash(_("Saved as “%(name)s”", name=view.name))
    return _go(url_for("notifications.index", **query.params(view_id=None)))


@bp.post(f"/views/{VIEW_ID}")
@login_required
def change(view_id: int) -> Response:
    """Change the name and the colour of a view or delete it, or give it the filters of the current list."""
    if "view" in request.form:
        query = ListQuery.read(request.form["view"])
        view = saved_views.change(current_user, view_id, **asdict(view_links.filter_of(query)))
        flash(_("“%(name)s” updated", name=view.name))
        return _go(url_for("notifications.index", **query.params(view_id=None)))
    if request.form.get("_method") == "delete":
        view = saved_views.delete(current_user, view_id)
        undo = {"url": url_for(".restore", view_id=view_id)}
        flash({"text": _("Deleted “%(name)s”", name=view.name), "undo": undo})  # type: ignore[arg-type]  # kept as JSON
    else:
        view = saved_views.change(
            current_user, view_id, name=request.form.get("name", ""), colour=request.form.get("colour")
        )
        flash(_("“%(name)s” updated", name=view.name))
    return _go(url_for(".index"))


@bp.post(f"/views/{VIEW_ID}/position")
@login_required
def move(view_id: int) -> Response:
    """Move a view up or down. Its button keeps the focus."""
    saved_views.move(current_user, view_id, -1 if request.form.get("to") == "up" else 1)
    if not htmx.is_partial():
        return redirect(url_for(".index"), 303)
    return htmx.vary(render_template("saved_views/list.hx.html"))


@bp.post(f"/views/{VIEW_ID}/restoration")
@login_required
def restore(view_id: int) -> Response:
    """Undo the deletion of a view."""
    saved_views.restore(current_user, view_id)
    return _go(url_for(".index"))


@bp.route("/searches", methods=["POST", "DELETE"])
@login_required
def change_searches() -> Response:
    """Remember a search, or clear all of them."""
    query = ListQuery.read(request.form)
    if request.method == "DELETE" or request.form.get("_method") == "delete":
        recent_searches.forget(current_user)
    else:
        # The list shows the error of an invalid search, which is not worth repeating.
        with suppress(Invalid):
            recent_searches.remember(current_user, query.search)
    if not htmx.is_partial():
        return redirect(url_for("notifications.index"), 303)
    return htmx.vary(render_template("notifications/toolbar/_recent.html", searches=list_searches()))


def _go(url: str) -> Response:
    return htmx.go(url) if htmx.is_partial() else redirect(url, 303)
