"""Asks for the password again before an action that gives lasting access to an account, or ends another session."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Response, g, make_response, render_template, request

from app.clock import utc_now
from app.services.accounts import users
from app.services.base.errors import Invalid
from app.views.web import auth
from app.views.web.auth import Params, Result, current_user, login_required

FIELD = "confirm_password"


def password_required(view: Callable[Params, Result]) -> Callable[Params, Result | Response]:
    """Decorate a POST for signed-in users who typed their password a short time ago.

    Others get a page that asks for it, which carries the submitted fields and sends them again.
    """

    @wraps(view)
    def guarded(*args: Params.args, **kwargs: Params.kwargs) -> Result | Response:
        if not auth.this_session().is_confirmed(utc_now()):
            if FIELD not in request.form:
                return _ask(403)
            try:
                users.confirm_password(current_user, request.form[FIELD])
            except Invalid as error:
                return _ask(422, error.errors)
            auth.confirm_session()
        return view(*args, **kwargs)

    return login_required(guarded)


def _ask(status: int, errors: dict[str, str] | None = None) -> Response:
    g.refusal = ""  # Nothing for the audit log: the action is about to follow.
    fields = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in {FIELD, "csrf_token", "username"}
    ]
    page = render_template(
        "security/confirm.html", action=request.path, fields=fields, field=FIELD, errors=errors or {}
    )
    return make_response(page, status)
