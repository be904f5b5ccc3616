"""A person's own preferences: a form that saves each change at once, with an undo."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import flask_babel
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.forms import preferences as forms
from app.services.base import validation
from app.services.base.errors import Invalid
from app.services.preferences import editing as preference_editing
from app.services.routing import addresses, required_channels
from app.views.presenters import preference_labels, quiet_hours_chart
from app.views.web import htmx
from app.views.web.auth import current_user, login_required

if TYPE_CHECKING:
    from app.services.preferences.editing import PreferenceChange

bp = Blueprint("preferences", __name__)


@bp.get("/preferences")
@login_required
def show() -> str:
    return render_template("preferences/show.html", **_form())


@bp.post("/preferences")
@login_required
def save() -> Response:
    change = preference_editing.change(current_user, forms.read(request.form))
    return _confirm(change)


@bp.post("/preferences/pause")
@login_required
def pause() -> Response:
    """Pause for an hour, until tomorrow or until a date; without any of them, end the pause."""
    length = request.form.get("for", "")
    until = request.form.get("until") or "?" if length == "date" else length
    return _confirm(preference_editing.pause(current_user, until))


@bp.post("/preferences/undo")
@login_required
def undo() -> Response:
    change = preference_editing.change(current_user, forms.read_undo(request.form))
    return _confirm(change, is_undo=True)


@bp.errorhandler(Invalid)
def refuse(error: Invalid) -> Response:
    return respond_with_errors("preferences/show.html", _form(), error)


@bp.app_template_global()
def quiet_status() -> preference_labels.QuietStatusText | None:
    """Describe the pause or quiet hours of the signed-in user, for the foot of the navigation."""
    return preference_labels.quiet_status(current_user, utc_now())


def _confirm(change: PreferenceChange, *, is_undo: bool = False) -> Response:
    flask_babel.refresh()  # The change may have set another time zone.
    undo_url = None if is_undo else url_for(".undo")
    if not htmx.is_partial():
        return redirect_with_undo(url_for(".show"), change, undo_url)
    return respond_with_form(_form(), change, undo_url)


def redirect_with_undo(url: str, change: PreferenceChange, undo_url: str | None) -> Response:
    """Redirect after a change of preferences, with a toast.

    Args:
        url: the page with the form.
        change: the change that was saved.
        undo_url: where the toast's undo posts the previous values; None when the change is itself an undo.
    """
    flash(_toast(change, undo_url))  # type: ignore[arg-type]  # kept as JSON; the layout reads both
    return redirect(url, 303)


def respond_with_form(form: dict[str, Any], change: PreferenceChange, undo_url: str | None) -> Response:
    """Respond to htmx after a change of preferences: the form as it is now, and a toast.

    Args:
        form: the template variables of the form, read after the change.
        change: the change that was saved.
        undo_url: where the toast's undo posts the previous values; None when the change is itself an undo.
    """
    return htmx.vary(render_template("preferences/change.hx.html", **form, **_toast(change, undo_url)))


def respond_with_errors(page: str, form: dict[str, Any], error: Invalid) -> Response:
    """Show the form with the errors of a change that was rejected.

    Args:
        page: the template of the page with the form.
        form: the template variables of the form.
        error: the errors by field.
    """
    form = form | {"errors": error.errors}
    if htmx.is_partial():
        text = _("Couldn't save. %(why)s", why=" ".join(error.errors.values()))
        return htmx.vary(render_template("preferences/change.hx.html", **form, text=text, is_error=True), 422)
    return htmx.vary(render_template(page, **form), 422)


def _toast(change: PreferenceChange, undo_url: str | None) -> dict[str, Any]:
    if undo_url is None:
        return {"text": _("Undone"), "undo": None}
    undo = {"url": undo_url, "values": json.dumps(change.before)} if change.before else None
    return {"text": preference_labels.describe_change(change.after), "undo": undo}


def _form() -> dict[str, Any]:
    values, now = preference_editing.preferences_of(current_user), utc_now()
    return {
        "p": values,
        "errors": {},
        "is_own": True,
        "action": url_for(".save"),
        "offered": addresses.reachable_channels(current_user),
        "locks": required_channels.current_requirements(),
        "chart": quiet_hours_chart.build_chart(values, now),
        "now": now,
        "offset": preference_labels.offset(current_user.time_zone, now),
        "next_digest": preference_labels.next_digest(values, now),
        "time_zones": validation.time_zones(),
    }
