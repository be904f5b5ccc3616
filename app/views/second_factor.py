"""Turning two-step sign-in on and off, and its recovery codes."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.rendering import qr_code
from app.services.accounts import second_factor
from app.services.accounts.second_factor import NewKey
from app.services.base.errors import Conflict, Invalid, NotFound
from app.views.web import auth
from app.views.web.auth import current_user, login_required, safe_next
from app.views.web.confirmation import password_required

bp = Blueprint("second_factor", __name__, url_prefix="/account/security/two-step")


@bp.get("")
@login_required
def show() -> Response | str:
    """Show a new key. It is stored only once a code of it comes back."""
    if current_user.second_factor_at is not None:
        return redirect(url_for("security.show"))
    key = second_factor.make_key(current_user, secret=current_app.config["SECRET_KEY"])
    return _set_up_page(key, request.args.get("next", ""), {})


@bp.post("")
@password_required
def turn_on() -> Response | str | tuple[str, int]:
    """Respond with the page instead of a redirect: recovery codes must not pass through the session cookie."""
    secret, target = current_app.config["SECRET_KEY"], request.form.get("next", "")
    try:
        key = second_factor.read_key(current_user, request.form.get("key", ""), secret=secret)
    except NotFound:
        flash(_("That took too long. Scan the new QR code."), "error")
        return redirect(url_for(".show", next=target or None))
    try:
        codes = second_factor.turn_on(
            current_user,
            key,
            request.form.get("code", ""),
            secret=secret,
            session_id=auth.this_session().session_id,
        )
    except Invalid as error:
        return _set_up_page(key, target, error.errors), 422
    return _codes_page(codes, safe_next(target) if auth.must_set_up() else url_for("security.show"))


@bp.post("/recovery-codes")
@password_required
def replace_recovery_codes() -> str:
    """Respond with the page, as `turn_on` does."""
    return _codes_page(second_factor.replace_recovery_codes(current_user), url_for("security.show"))


@bp.post("/removal")
@password_required
def turn_off() -> Response:
    second_factor.turn_off(current_user)
    flash(_("Two-step sign-in is off."))
    return redirect(url_for("security.show"))


@bp.errorhandler(Conflict)
def declined(error: Conflict) -> Response:
    """Show the reason on the security page, which has the current state."""
    flash(str(error), "error")
    return redirect(url_for("security.show"))


def _set_up_page(key: NewKey, target: str, errors: dict[str, str]) -> str:
    return render_template(
        "second_factor/set_up.html",
        key=key,
        qr_code=qr_code.data_uri(key.uri),
        next=target,
        must_set_up=auth.must_set_up(),
        errors=errors,
    )


def _codes_page(codes: list[str], done: str) -> str:
    return render_template("second_factor/recovery_codes.html", codes=codes, done=done)
