"""What a person wants to hear, where and when: a form that saves each change at once, and can take it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import flask_babel
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app import catalog
from app.clock import utc_now
from app.forms import preferences as forms
from app.services.base import validation
from app.services.base.errors import Invalid
from app.services.preferences import editing as preference_editing
from app.services.preferences.preference_changes import PreferenceChange
from app.services.routing import required_channels
from app.views.presenters import preference_labels, quiet_hours_chart
from app.views.web import htmx
from app.views.web.auth import admin_required, current_user, login_required

bp = Blueprint("preferences", __name__)
Change = Callable[[], PreferenceChange]


@bp.get("/preferences")
@login_required
def show() -> str:
    return render_template("preferences/show.html", **_own())


@bp.post("/preferences")
@login_required
def save() -> Response:
    return _answer(lambda: preference_editing.change(current_user, forms.read(request.form)))


@bp.post("/preferences/pause")
@login_required
def pause() -> Response:
    """For an hour, until tomorrow, until a date; with none of them the pause ends."""
    length = request.form.get("for", "")
    until = request.form.get("until") or "?" if length == "date" else length
    return _answer(lambda: preference_editing.pause(current_user, until))


@bp.post("/preferences/undo")
@login_required
def undo() -> Response:
    return _answer(
        lambda: preference_editing.change(current_user, forms.read_undo(request.form)), is_undo=True
    )


@bp.get("/admin/preferences")
@admin_required
def defaults() -> str:
    return render_template("preferences/defaults.html", **_everybodys())


@bp.post("/admin/preferences")
@admin_required
def save_defaults() -> Response:
    values = forms.read(request.form)
    return _answer(lambda: preference_editing.change_defaults(values, actor=current_user), is_own=False)


@bp.post("/admin/preferences/undo")
@admin_required
def undo_defaults() -> Response:
    values = forms.read_undo(request.form)
    return _answer(
        lambda: preference_editing.change_defaults(values, actor=current_user), is_own=False, is_undo=True
    )


@bp.post("/admin/preferences/locks")
@admin_required
def lock() -> Response | tuple[str, int]:
    category, channel = request.form.get("category", ""), request.form.get("channel", "")
    reason = request.form.get("reason", "")
    try:
        required_channels.require(category, channel, reason, actor=current_user)
    except Invalid as error:
        shown = _everybodys() | {"errors": error.errors, "typed": request.form}
        return render_template("preferences/defaults.html", **shown), 422
    flash(_("Locked. It reaches everyone from now on."))
    return redirect(url_for(".defaults", _anchor="locks"), 303)


@bp.post("/admin/preferences/locks/<category>/<channel>/removal")
@admin_required
def unlock(category: str, channel: str) -> Response:
    required_channels.release(category, channel, actor=current_user)
    flash(_("Unlocked. Everybody's own choice holds again."))
    return redirect(url_for(".defaults", _anchor="locks"), 303)


@bp.app_template_global("standing")
def standing() -> preference_labels.QuietStatus | None:
    """The pause or the quiet hours of whoever is signed in, for the foot of the navigation."""
    return preference_labels.quiet_status(current_user, utc_now())


def _answer(change: Change, *, is_own: bool = True, is_undo: bool = False) -> Response:
    """Make a change and show the form as it stands then, with what was done and the way back."""
    here = ".show" if is_own else ".defaults"
    try:
        changed = change()
    except Invalid as error:
        return _refused(error, is_own=is_own)
    flask_babel.refresh()  # The time zone may be another one now.
    text = _("Undone") if is_undo else preference_labels.describe_change(changed.after)
    way_back = None
    if changed.before and not is_undo:
        url = url_for(".undo" if is_own else ".undo_defaults")
        way_back = {"url": url, "values": json.dumps(changed.before)}
    if not htmx.is_partial():
        flash({"text": text, "undo": way_back})  # type: ignore[arg-type]  # kept as JSON; the layout reads both
        return redirect(url_for(here), 303)
    shown = _own() if is_own else _everybodys()
    page = render_template("preferences/change.hx.html", **shown, text=text, undo=way_back)
    return htmx.vary(page)


def _refused(error: Invalid, *, is_own: bool) -> Response:
    shown = (_own() if is_own else _everybodys()) | {"errors": error.errors}
    if htmx.is_partial():
        text = _("Not saved. %(why)s", why=" ".join(error.errors.values()))
        return htmx.vary(
            render_template("preferences/change.hx.html", **shown, text=text, is_error=True), 422
        )
    page = "preferences/show.html" if is_own else "preferences/defaults.html"
    return htmx.vary(render_template(page, **shown), 422)


def _own() -> dict[str, Any]:
    values, now = preference_editing.preferences_of(current_user), utc_now()
    return {
        "p": values,
        "errors": {},
        "is_own": True,
        "action": url_for(".save"),
        "offered": preference_editing.reachable_channels(current_user),
        "locks": required_channels.current_requirements(),
        "picture": quiet_hours_chart.build_chart(values, now),
        "now": now,
        "offset": preference_labels.offset(current_user.time_zone, now),
        "next_digest": preference_labels.next_digest(values, now),
        "time_zones": validation.time_zones(),
    }


def _everybodys() -> dict[str, Any]:
    values = preference_editing.defaults()
    return {
        "p": values,
        "errors": {},
        "is_own": False,
        "action": url_for(".save_defaults"),
        "offered": preference_editing.reachable_channels(),
        "locks": required_channels.current_requirements(),
        "picture": quiet_hours_chart.build_chart(values, None),
        "typed": {},
        "kind_labels": {name: kind.plural for name, kind in catalog.CATEGORIES.items()},
        "channel_labels": {
            name: catalog.CHANNELS[name].label for name in preference_editing.reachable_channels()
        },
    }
