"""Saved views: made from the list that is shown, entries of the navigation, put in order on a page of their own."""

from __future__ import annotations

from dataclasses import astuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.forms.notifications import ListQuery
from app.services.notifications import saved_views
from app.services.notifications.saved_views import Filter, ViewWithCount
from app.views.web import htmx
from app.views.web.auth import current_user, login_required

bp = Blueprint("saved_views", __name__, url_prefix="/notifications/views")

VIEW_ID = "<int(max=9223372036854775807):view_id>"


@bp.app_template_global("saved_views")
def shown() -> list[tuple[ListQuery, ViewWithCount]]:
    """The views of whoever is signed in, each with the list that it leads to."""
    views = saved_views.view_with_count(current_user)
    return [(ListQuery(*astuple(view.filter)), view) for view in views]


@bp.get("")
@login_required
def index() -> str:
    """All views, to be renamed, moved and deleted."""
    return render_template("saved_views/index.html")


@bp.post("")
@login_required
def create() -> Response:
    """Save the list that is shown under a name."""
    query = ListQuery.read(request.form.get("view", request.form.get("list", "")))
    wanted = Filter(query.place, query.categories, query.priorities, query.search)
    view = saved_views.create(current_user, request.form.get("name", ""), wanted)
    flash(_("Saved as “%(name)s”", name=view.name))
    return _go(url_for("notifications.index", **query.params()))


@bp.post(f"/{VIEW_ID}")
@login_required
def change(view_id: int) -> Response:
    """Rename a view, or delete it."""
    if request.form.get("_method") == "delete":
        view = saved_views.delete(current_user, view_id)
        undo = {"url": url_for(".restore", view_id=view_id)}
        flash({"text": _("Deleted “%(name)s”", name=view.name), "undo": undo})  # type: ignore[arg-type]  # kept as JSON
    else:
        view = saved_views.change(current_user, view_id, name=request.form.get("name", ""))
        flash(_("Renamed to “%(name)s”", name=view.name))
    return _go(url_for(".index"))


@bp.post(f"/{VIEW_ID}/position")
@login_required
def move(view_id: int) -> Response:
    """Move a view up or down; its button keeps the focus."""
    saved_views.move(current_user, view_id, -1 if request.form.get("to") == "up" else 1)
    if not htmx.is_partial():
        return redirect(url_for(".index"), 303)
    return htmx.vary(render_template("saved_views/list.hx.html"))


@bp.post(f"/{VIEW_ID}/restoration")
@login_required
def restore(view_id: int) -> Response:
    """Take the deletion of a view back."""
    saved_views.restore(current_user, view_id)
    return _go(url_for(".index"))


def _go(url: str) -> Response:
    return htmx.go(url) if htmx.is_partial() else redirect(url, 303)
