"""A person's own preferences: a form that saves each change at once, with an undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask_babel
from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from app import catalog
from app.clock import utc_now
from app.forms import preferences as forms
from app.services.base import validation
from app.services.base.errors import Invalid
from app.services.preferences import editing as preference_editing
from app.services.routing import addresses, required_channels
from app.views.presenters import preference_labels, quiet_hours_chart
from app.views.web import htmx, preference_responses
from app.views.web.auth import current_user, login_required, this_session

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
    until = request.form.get("for", "")
    if until == "date":
        # An empty text would end the pause; this one is refused.
        until = request.form.get("until") or "no date"
    return _confirm(preference_editing.pause(current_user, until))


@bp.post("/preferences/undo")
@login_required
def undo() -> Response:
    change = preference_editing.change(current_user, forms.read_undo(request.form))
    return _confirm(change, is_undo=True)


@bp.errorhandler(Invalid)
def refuse(error: Invalid) -> Response:
    return preference_responses.respond_with_errors("preferences/show.html", _form(), error)


@bp.app_template_global()
def quiet_status() -> preference_labels.QuietStatusText | None:
    """Describe the pause or quiet hours of the signed-in user, for the foot of the navigation."""
    return preference_labels.quiet_status(this_session().shown, utc_now())


def _confirm(change: PreferenceChange, *, is_undo: bool = False) -> Response:
    flask_babel.refresh()  # The change may have set another time zone.
    undo_url = None if is_undo else url_for(".undo")
    if not htmx.is_partial():
        return preference_responses.redirect_with_undo(url_for(".show"), change, undo_url)
    return preference_responses.respond_with_form(_form(), change, undo_url)


def _form() -> dict[str, Any]:
    values, now = preference_editing.preferences_of(current_user), utc_now()
    offered = addresses.reachable_channels(current_user)
    return {
        "p": values,
        "errors": {},
        "is_own": True,
        "action": url_for(".save"),
        "offered": offered,
        # An admin connects Slack.
        "missing": [
            channel.label
            for name, channel in catalog.CHANNELS.items()
            if name not in offered and name != "slack"
        ],
        "locks": required_channels.current_requirements(),
        "chart": quiet_hours_chart.build_chart(values, now),
        "now": now,
        "offset": preference_labels.offset(current_user.time_zone, now),
        "next_digest": preference_labels.next_digest(values, now),
        "time_zones": validation.time_zones(),
    }
