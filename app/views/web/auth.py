"""Sessions, the redirect to the sign-in page and back, and pages for admins only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import flask_login
from flask import Flask, abort, current_app, g, has_request_context, redirect, request, session, url_for
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

from app import safe_urls
from app.clock import utc_now
from app.extensions import login
from app.services.accounts import demo_people, second_factor, sessions
from app.services.accounts.sessions import SessionLimits, SignedIn
from app.services.base import cache
from app.views.web import htmx

if TYPE_CHECKING:
    from app.models import User

Params = ParamSpec("Params")
Result = TypeVar("Result")


def visitor() -> Any:
    """Return the session of this request, or Flask-Login's anonymous user.

    Unlike `current_user`, it costs no object of the database's session. None outside of a request.
    """
    found = g.get("_login_user")
    # As Flask-Login's own proxy does it, in half of the steps: a page reads it thirty times.
    if found is None and has_request_context():
        login._load_user()  # noqa: SLF001
        found = g._login_user  # noqa: SLF001
    return found


def _loaded_user() -> Any:
    found = visitor()
    return found.user if isinstance(found, SignedIn) else found


def shown_user() -> Any:
    """Return the signed-in user for reading only, or Flask-Login's anonymous user; see `SignedIn.shown`."""
    found = visitor()
    return found.shown if isinstance(found, SignedIn) else found


# Most of their responses need little of the user.
BRIEF = {"live.pulse"}
# All that a person can open who has to turn on two-step sign-in first.
SET_UP = {"second_factor.show", "second_factor.turn_on", "accounts.sign_out", "accounts.end_session"}

# The signed-in user. Flask-Login has no types.
current_user: Any = LocalProxy(_loaded_user)


def register(app: Flask) -> None:
    """Configure Flask-Login: load the user of a session, and redirect others to the sign-in page."""
    login.user_loader(_load_user)
    login.unauthorized_handler(redirect_to_sign_in)
    app.context_processor(lambda: {"current_user": shown_user()})
    app.after_request(_record_seen)


def start_session(user: User) -> None:
    """Start a session with a new key and without the data of the previous one (session fixation)."""
    end_session()
    key = sessions.start(user, browser=request.user_agent.string, address=request.remote_addr or "")
    session.permanent = True
    flask_login.login_user(user)
    session["_user_id"] = key
    # Flask-WTF's secret. Derived from the key, so that no form of another session is accepted.
    session["csrf_token"] = hashlib.sha256(b"csrf " + key.encode()).hexdigest()


def confirm_session() -> None:
    """Record that the password was typed again, and renew the key. Forms that are open keep their CSRF token."""
    session["_user_id"] = sessions.confirm(this_session())


def end_session() -> None:
    """End the session of this request, if there is one, and empty its cookie."""
    found = current_session()
    if found is not None:
        sessions.sign_out(found, origin=request.remote_addr or "")
    session.clear()
    g.pop("signed_in", None)
    g.pop("csrf_token", None)


def current_session() -> SignedIn | None:
    """Return the session of this request; None for visitors and for calls with a token."""
    return g.get("signed_in") if visitor().is_authenticated else None


def this_session() -> SignedIn:
    """Return the session of a request that needs one."""
    found: SignedIn = g.signed_in
    return found


def inbox_version() -> int:
    """Return the version of the signed-in person's inbox, for `cache.Memory.get`: it came with the session.

    A request that may have changed the inbox reads it again, once: rendering is the last thing that a request does.
    """
    if request.method == "GET":
        return this_session().inbox_version
    if "version_after_change" not in g:
        g.version_after_change = cache.version_of(this_session().user_id)
    return int(g.version_after_change)


def note_inbox_version(version: int) -> None:
    """Take the version that a change has returned as that of `inbox_version`."""
    g.version_after_change = version


def session_limits() -> SessionLimits:
    return SessionLimits.from_config(current_app.config)


def _load_user(key: str) -> SignedIn | None:
    """Find a session. Sessions of the demo end where others can reach the server.

    Until a person who has to turn on two-step sign-in has done so, their session opens the pages for that only.
    """
    found = sessions.find(key, session_limits(), is_brief=request.endpoint in BRIEF)
    if found and demo_people.is_demo_person(found.email) and current_app.config["IS_PUBLIC"]:
        found = None
    if found and second_factor.is_missing(found, current_app.config["REQUIRE_SECOND_FACTOR"]):
        g.must_set_up = True
        if request.endpoint not in SET_UP:
            found = None
    g.signed_in = found
    return found


def _record_seen(response: Response) -> Response:
    """Record the use of the session once the response is complete, so that no transaction is open."""
    found, now = g.get("signed_in"), utc_now()
    if found is not None and found.is_seen_due(now):
        sessions.record_seen(found, address=request.remote_addr or "", now=now)
    return response


def redirect_to_sign_in() -> Response:
    """Redirect to the sign-in page, remembering the page that was asked for.

    A person who has to turn on two-step sign-in gets the page for that instead.
    """
    if request.path.startswith("/api/"):
        abort(401)
    if request.accept_mimetypes.best == "text/event-stream":
        return Response(status=204)  # Browsers do not reconnect; the page then asks for its state.
    wanted = request.script_root + request.full_path.rstrip("?") if request.method == "GET" else None
    if htmx.is_partial():
        wanted = htmx.page_path() or None
    endpoint = "second_factor.show" if must_set_up() else "accounts.sign_in"
    address = url_for(endpoint, next=wanted if wanted != f"{request.script_root}/" else None)
    return htmx.go(address) if htmx.is_partial() else redirect(address)


def must_set_up() -> bool:
    """Whether the person of this request has to turn on two-step sign-in before anything else."""
    return "must_set_up" in g


def login_required(view: Callable[Params, Result]) -> Callable[Params, Result]:
    """Decorate a view that needs a signed-in user; others are sent to the sign-in page."""

    @wraps(view)
    def guarded(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        if not visitor().is_authenticated:
            refusal: Result = login.unauthorized()
            return refusal
        return view(*args, **kwargs)

    return guarded


def admin_required(view: Callable[Params, Result]) -> Callable[Params, Result]:
    """Decorate a view for admins; people who are not signed in go to the sign-in page, recruiters get a 403."""

    @wraps(view)
    def guarded(*args: Params.args, **kwargs: Params.kwargs) -> Result:
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
