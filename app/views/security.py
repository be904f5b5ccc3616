"""The page about the security of one's account: sessions, and access that needs no password."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.services.accounts import access, second_factor, sessions
from app.views.web import auth
from app.views.web.auth import current_user, login_required
from app.views.web.confirmation import password_required

bp = Blueprint("security", __name__, url_prefix="/account/security")


@bp.get("")
@login_required
def show() -> str:
    return render_template(
        "security/show.html",
        sessions=sessions.for_user(current_user, auth.session_limits()),
        this_session_id=auth.this_session().session_id,
        access=access.count(current_user),
        recovery_codes=second_factor.count_recovery_codes(current_user)
        if current_user.second_factor_at
        else 0,
        is_required=second_factor.is_required(current_user, current_app.config["REQUIRE_SECOND_FACTOR"]),
    )


@bp.post("/sessions/<row_id:session_id>/removal")
@password_required
def end_session(session_id: int) -> Response:
    sessions.end(current_user, session_id)
    flash(_("Signed out."))
    return redirect(url_for(".show"))


@bp.post("/sessions/others/removal")
@password_required
def end_other_sessions() -> Response:
    sessions.end_others(current_user, auth.this_session().session_id)
    flash(_("You're signed out everywhere else."))
    return redirect(url_for(".show"))


@bp.post("/access/removal")
@login_required
def revoke_access() -> Response:
    access.revoke(current_user)
    flash(_("API tokens and webhooks no longer work, and push is turned off."))
    return redirect(url_for(".show", _anchor="access"))
