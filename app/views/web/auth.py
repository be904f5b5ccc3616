"""Who may come in: the session's person, the way to the sign-in page and back, and what is for admins only."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import flask_login
from flask import Flask, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response

from app import safe_urls
from app.extensions import login
from app.services.accounts import users
from app.views.web import htmx

View = Callable[..., Any]

# Flask-Login has no types: whoever is signed in, for views to hand on to the services.
current_user: Any = flask_login.current_user


def register(app: Flask) -> None:
    """Tell Flask-Login whom a session belongs to, and where strangers go."""
    login.user_loader(users.by_session)
    login.unauthorized_handler(to_sign_in)
    # It would compare addresses and browsers, which change under honest people too.
    app.config["SESSION_PROTECTION"] = None


def start_session(user: Any) -> None:
    """Begin a session of thirty days, empty of whatever was in the one before (session fixation)."""
    session.clear()
    session.permanent = True
    flask_login.login_user(user)


def to_sign_in() -> Response:
    """Ask a stranger to sign in, and remember the page they wanted."""
    if request.path.startswith("/api/"):
        abort(401)
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    if htmx.is_partial():
        wanted = htmx.page_path() or None
    address = url_for("accounts.sign_in", next=wanted if wanted != "/" else None)
    return htmx.go(address) if htmx.is_partial() else redirect(address)


def login_required(view: View) -> View:
    """Decorate a view that is for whoever is signed in; strangers go to sign in."""
    guarded: View = flask_login.login_required(view)
    return guarded


def admin_required(view: View) -> View:
    """Decorate a view that is for admins only: strangers go to sign in, everybody else gets a 403."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_admin:
            abort(403)
        return view(*args, **kwargs)

    return login_required(guarded)


def safe_next(target: str) -> str:
    """Where to go after signing in: the address if it is certainly a path of this site, else the inbox."""
    return target if safe_urls.is_local_redirect(target) else url_for("notifications.index")
