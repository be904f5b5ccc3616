"""Signing in and out, the account page, and setting a password by an emailed link."""

from __future__ import annotations

import time
from typing import Any

from flask import (
    Blueprint,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.forms.accounts import PasswordForm, ProfileForm, TokenForm
from app.services.accounts import emails as account_emails
from app.services.accounts import first_admin, second_factor, second_step, tokens, users
from app.services.accounts.sign_in_throttle import TooManyAttempts
from app.services.base.errors import Conflict, Invalid, NotFound
from app.views.web import auth, known_browser
from app.views.web.auth import current_user, login_required, safe_next, start_session
from app.views.web.confirmation import password_required

bp = Blueprint("accounts", __name__)

# Longer than requesting a reset takes.
RESET_SECONDS = 0.25
# Where the cookie keeps whose password was right, until the code is, too.
SECOND_STEP = "second_step"


@bp.get("/sign-in")
def sign_in() -> Response | str:
    if current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next", "")))
    return render_template(
        "accounts/sign_in.html",
        email="",
        errors={},
        next=request.args.get("next", ""),
        has_accounts=first_admin.has_accounts(),
    )


@bp.post("/sign-in")
def begin_session() -> Response | tuple[str, int]:
    email, target = request.form.get("email", ""), request.form.get("next", "")
    try:
        password = request.form.get("password", "")
        user = users.authenticate(
            email,
            password,
            origin=request.remote_addr or "",
            is_public=current_app.config["IS_PUBLIC"],
            known_browser=known_browser.read(),
        )
    except Invalid as error:
        page = render_template(
            "accounts/sign_in.html", email=email, errors=error.errors, next=target, has_accounts=True
        )
        return page, 422
    except users.CodeRequired as required:
        session[SECOND_STEP] = second_step.begin(required.user, secret=current_app.config["SECRET_KEY"])
        return redirect(url_for(".enter_code", next=target or None))
    start_session(user)
    return known_browser.remember(user, redirect(safe_next(target)))


@bp.get("/sign-in/code")
def enter_code() -> Response | str:
    try:
        second_step.find_person(session.get(SECOND_STEP, ""), secret=current_app.config["SECRET_KEY"])
    except NotFound:
        return _restart_sign_in(request.args.get("next", ""))
    return _code_page(request.args.get("next", ""))


@bp.post("/sign-in/code")
def check_code() -> Response | tuple[str, int]:
    target = request.form.get("next", "")
    try:
        user, is_recovery = second_step.finish(
            session.get(SECOND_STEP, ""),
            request.form.get("code", ""),
            secret=current_app.config["SECRET_KEY"],
            origin=request.remote_addr or "",
            known_browser=known_browser.read(),
        )
    except NotFound:
        return _restart_sign_in(target)
    except Invalid as error:
        return _code_page(target, error.errors), 422
    start_session(user)
    if is_recovery:
        left = second_factor.count_recovery_codes(user)
        flash(ngettext("%(num)d recovery code left.", "%(num)d recovery codes left.", left))
    return known_browser.remember(user, redirect(safe_next(target)))


@bp.get("/sign-out")
def sign_out() -> Response | str:
    """Ask for a click: a link or an image on another site must not sign people out."""
    if not current_user.is_authenticated:
        return redirect(url_for(".sign_in"))
    return render_template("accounts/sign_out.html")


@bp.post("/sign-out")
def end_session() -> Response:
    auth.end_session()
    flash(_("You're signed out."))
    response = redirect(url_for(".sign_in"))
    # What the pages stored in this browser: steps to undo, and the worker that shows push messages.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@bp.get("/password/forgot")
def forgot() -> str:
    return render_template("accounts/forgot.html")


@bp.post("/password/forgot")
def request_reset() -> Response:
    """Respond after the same time, whether or not the account exists."""
    ready_at = time.monotonic() + RESET_SECONDS
    account_emails.request_password_reset(request.form.get("email", ""))
    if current_app.config["MAIL_SERVER"]:
        flash(_("If this address has an account, you'll get an email with a link. It works for one hour."))
    else:
        flash(_("No mail server is set up yet. If this address has an account, ask an admin for the link."))
    time.sleep(max(0.0, ready_at - time.monotonic()))
    return redirect(url_for(".sign_in"))


@bp.get("/password/reset/<token>")
def reset(token: str) -> Response:
    return _reset_page(token)


@bp.post("/password/reset/<token>")
def choose_password(token: str) -> Response:
    password = request.form.get("password", "")
    try:
        account_emails.set_password_by_link(
            token,
            password,
            secret=current_app.config["SECRET_KEY"],
            revoke_access="revoke_access" in request.form,
        )
    except Invalid as error:
        return _reset_page(token, error.errors)
    except NotFound:
        return _reset_page(token)
    auth.end_session()
    flash(_("Password saved. You can sign in now."))
    return redirect(url_for(".sign_in"))


@bp.get("/account")
@login_required
def show(**context: Any) -> str:
    """Render the account page; the context may bring back rejected input with its errors."""
    values: dict[str, Any] = {
        "profile": current_user,
        "token": TokenForm(),
        "errors": {},
        "tokens": tokens.for_user(current_user),
        "now": utc_now(),
    }
    return render_template("accounts/show.html", **(values | context))


@bp.post("/account/profile")
@login_required
def update_profile() -> Response | tuple[str, int]:
    form = ProfileForm.read(request.form)
    try:
        users.update_profile(
            current_user,
            name=form.name,
            time_zone=current_user.time_zone if form.time_zone is None else form.time_zone.strip(),
            phone=current_user.phone if form.phone is None else form.phone,
        )
    except Invalid as error:
        return show(profile=form, errors=error.errors), 422
    flash(_("Profile saved."))
    return redirect(url_for(".show"))


@bp.post("/account/password")
@login_required
def change_password() -> Response | tuple[str, int]:
    form = PasswordForm.read(request.form)
    try:
        user = users.change_password(current_user, form.current, form.new, revoke_access=form.revoke_access)
        start_session(user)
    except Invalid as error:
        return show(errors=error.errors), 422
    except Conflict as error:
        return show(errors={"current_password": str(error)}), 409
    flash(_("Password changed. You're signed out everywhere else."))
    return redirect(url_for(".show", _anchor="password"))


@bp.post("/account/tokens")
@password_required
def create_token() -> Response | tuple[str, int] | str:
    """Respond with the page instead of a redirect: the token must not pass through the session cookie."""
    form = TokenForm.read(request.form)
    try:
        token, secret = tokens.create(
            current_user, form.name, form.scopes, days=form.days, actor=current_user
        )
    except Invalid as error:
        errors = {f"token_{field}": message for field, message in error.errors.items()}
        return show(token=form, errors=errors), 422
    except Conflict as error:
        return show(token=form, errors={"token_name": str(error)}), 409
    return show(new_token=token, new_secret=secret)


@bp.post("/account/tokens/<row_id:token_id>/revocation")
@login_required
def revoke_token(token_id: int) -> Response:
    token = tokens.revoke(current_user, token_id)
    flash(_("“%(name)s” is revoked and no longer works.", name=token.name))
    return redirect(url_for(".show", _anchor="tokens"))


@bp.app_errorhandler(TooManyAttempts)
def too_many_attempts(error: TooManyAttempts) -> Response:
    """Respond 429 (RFC 6585), with a page that says when to try again."""
    # A new password gives no more attempts to enter a code.
    is_reset_useful = request.endpoint != "accounts.check_code"
    page = render_template("accounts/too_many_attempts.html", error=error, is_reset_useful=is_reset_useful)
    response = make_response(page, 429)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _code_page(target: str, errors: dict[str, str] | None = None) -> str:
    return render_template(
        "accounts/enter_code.html", next=target, is_recovery="recovery" in request.args, errors=errors or {}
    )


def _restart_sign_in(target: str) -> Response:
    flash(_("That took too long. Enter your password again."), "error")
    return redirect(url_for(".sign_in", next=target or None))


def _reset_page(token: str, errors: dict[str, str] | None = None) -> Response:
    """Render the form or, when the link has expired, how to get a new one."""
    try:
        owner, kind = account_emails.find_link_owner(token, secret=current_app.config["SECRET_KEY"])
    except NotFound:
        response = make_response(render_template("accounts/link_expired.html"), 410)
    else:
        page = render_template(
            "accounts/reset.html", owner=owner, kind=kind, token=token, errors=errors or {}
        )
        response = make_response(page, 422 if errors else 200)
    # The URL is the credential: no other page may learn it.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
