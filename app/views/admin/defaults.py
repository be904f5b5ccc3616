"""Default preferences of new people, and the channels that an admin requires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app import catalog
from app.forms import preferences as forms
from app.services.base.errors import Invalid
from app.services.preferences import editing as preference_editing
from app.services.routing import required_channels
from app.views.presenters import quiet_hours_chart
from app.views.web import htmx, preference_responses
from app.views.web.auth import admin_required, current_user

if TYPE_CHECKING:
    from app.services.preferences.editing import PreferenceChange

bp = Blueprint("defaults", __name__, url_prefix="/admin/preferences")


@bp.get("")
@admin_required
def show() -> str:
    return render_template("preferences/defaults.html", **_form())


@bp.post("")
@admin_required
def save() -> Response:
    change = preference_editing.change_defaults(forms.read(request.form), actor=current_user)
    return _confirm(change)


@bp.post("/undo")
@admin_required
def undo() -> Response:
    change = preference_editing.change_defaults(forms.read_undo(request.form), actor=current_user)
    return _confirm(change, is_undo=True)


@bp.post("/locks")
@admin_required
def require() -> Response | tuple[str, int]:
    category, channel = request.form.get("category", ""), request.form.get("channel", "")
    reason = request.form.get("reason", "")
    try:
        required_channels.require(category, channel, reason, actor=current_user)
    except Invalid as error:
        form = _form() | {"errors": error.errors, "typed": request.form}
        return render_template("preferences/defaults.html", **form), 422
    flash(_("Now required for everyone."))
    return redirect(url_for(".show", _anchor="locks"), 303)


@bp.post("/locks/<category>/<channel>/removal")
@admin_required
def release(category: str, channel: str) -> Response:
    required_channels.release(category, channel, actor=current_user)
    flash(_("No longer required. Personal settings apply again."))
    return redirect(url_for(".show", _anchor="locks"), 303)


@bp.errorhandler(Invalid)
def refuse(error: Invalid) -> Response:
    return preference_responses.respond_with_errors("preferences/defaults.html", _form(), error)


def _confirm(change: PreferenceChange, *, is_undo: bool = False) -> Response:
    undo_url = None if is_undo else url_for(".undo")
    if not htmx.is_partial():
        return preference_responses.redirect_with_undo(url_for(".show"), change, undo_url)
    return preference_responses.respond_with_form(_form(), change, undo_url)


def _form() -> dict[str, Any]:
    values, offered = preference_editing.defaults(), list(catalog.CHANNELS)
    return {
        "p": values,
        "errors": {},
        "is_own": False,
        "action": url_for(".save"),
        "offered": offered,
        "locks": required_channels.current_requirements(),
        "chart": quiet_hours_chart.build_chart(values, None),
        "typed": {},
        "category_labels": {name: category.plural for name, category in catalog.CATEGORIES.items()},
        "channel_labels": {name: catalog.CHANNELS[name].label for name in offered},
    }
