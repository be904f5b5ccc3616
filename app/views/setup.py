"""The page that creates the first admin. Its address is printed when the server starts without any account."""

from __future__ import annotations

from flask import Blueprint, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.forms.accounts import SetupForm
from app.services.accounts import first_admin
from app.services.base.errors import Invalid
from app.views.web import known_browser
from app.views.web.auth import start_session

bp = Blueprint("setup", __name__)


@bp.get("/setup/<token>")
def show(token: str) -> Response:
    first_admin.check_setup_token(token, current_app.config["SECRET_KEY"])
    return _page(token, SetupForm(), {})


@bp.post("/setup/<token>")
def create(token: str) -> Response:
    """Create the first admin, sign them in and show what is left to set up."""
    form = SetupForm.read(request.form)
    try:
        user = first_admin.create_first_admin(
            token,
            name=form.name,
            email=form.email,
            password=request.form.get("password", ""),
            secret=current_app.config["SECRET_KEY"],
        )
    except Invalid as error:
        return _page(token, form, error.errors)
    start_session(user)
    return known_browser.remember(user, redirect(url_for("overview.show"), 303))


def _page(token: str, form: SetupForm, errors: dict[str, str]) -> Response:
    page = render_template("accounts/setup.html", token=token, form=form, errors=errors)
    response = make_response(page, 422 if errors else 200)
    # The URL is the credential: no other page may learn it.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
