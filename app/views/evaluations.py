"""Saying that one did not attend an interview, so that nobody asks for its evaluation any more."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.services.interviews import evaluations
from app.views.web.auth import current_user, login_required

bp = Blueprint("evaluations", __name__)


@bp.route("/notifications/<int(max=9223372036854775807):notification_id>/absence", methods=["POST", "DELETE"])
@login_required
def absence(notification_id: int) -> Response:
    was_there = request.method == "DELETE" or request.form.get("_method") == "delete"
    evaluations.set_attendance(current_user, notification_id, was_there=was_there)
    if was_there:
        flash(_("You will be asked for the evaluation again."))
    else:
        flash(_("You will not be asked for this evaluation any more."))
    return redirect(url_for("notifications.show", notification_id=notification_id), 303)
