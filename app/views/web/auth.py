"""Sessions, the redirect to the sign-in page and back, and pages for admins only."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import flask_login
from flask import Flask, abort, current_app, redirect, request, session, url_for
from werkzeug.wrappers import Response

from app import safe_urls
from app.extensions import login
from app.services.accounts import demo_people, users
from app.views.web import htmx

if TYPE_CHECKING:
    from app.models import User

View = Callable[..., Any]

# The signed-in user. Flask-Login has no types.
current_user: Any = flask_login.current_user


def register(app: Flask) -> None:
    """Configure Flask-Login: how to load the user of a session, and how to ask for a sign-in."""
    login.user_loader(_load_user)
    login.unauthorized_handler(to_sign_in)
    # Off, because it compares IP addresses and user agents, which also change during normal use.
    app.config["SESSION_PROTECTION"] = None


def _load_user(text: str) -> User | None:
    """Find the user of a session. Sessions of the demo end where others can reach the server."""
    user = users.by_session(text)
    is_refused = user and current_app.config["IS_PUBLIC"] and demo_people.is_demo_person(user.email)
    return None if is_refused else user


def start_session(user: User) -> None:
    """Start a session of thirty days, without the data of the previous one (session fixation)."""
    session.clear()
    session.permanent = True
    flask_login.login_user(user)


def to_sign_in() -> Response:
    """Redirect to the sign-in page, remembering the page that was asked for."""
    if request.path.startswith("/api/"):
        abort(401)
    wanted = request.script_root + request.full_path.rstrip("?") if request.method == "GET" else None
    if htmx.is_partial():
        wanted = htmx.page_path() or None
    address = url_for("accounts.sign_in", next=wanted if wanted != f"{request.script_root}/" else None)
    return htmx.go(address) if htmx.is_partial() else redirect(address)


def login_required(view: View) -> View:
    """Decorate a view that needs a signed-in user; others are sent to the sign-in page."""
    guarded: View = flask_login.login_required(view)
    return guarded


def admin_required(view: View) -> View:
    """Decorate a view for admins; people who are not signed in go to the sign-in page, recruiters get a 403."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_admin:
            abort(403)
        return view(*args, **kwargs)

    return login_required(guarded)


def safe_next(target: str) -> str:
    """Return the page to open after signing in: the target if it is a path on this site, else the inbox.

    On a host that Bellhop shares, a path without its prefix is taken as one below it.
    """
    if not safe_urls.is_local_redirect(target):
        return url_for("notifications.index")
    root = request.script_root
    return target if target == root or target.startswith(f"{root}/") else root + target
