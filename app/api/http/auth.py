"""Authenticate API callers by bearer token (RFC 6750) or by browser session with CSRF token."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Response, current_app, g, request
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import CSRFError

from app.api.http import idempotency, rate_limits
from app.api.http.problems import problem
from app.clock import utc_now
from app.csrf import ForeignOrigin
from app.extensions import csrf
from app.services.accounts import administration, demo_people, tokens
from app.services.accounts.sessions import SignedIn
from app.services.base.networks import network_of

INVALID_BEARER = 'Bearer error="invalid_token"'
# Spaces and unseen characters that were pasted along, however the header was encoded.
_NOT_IN_TOKEN = re.compile(r"[^!-~]")
View = Callable[..., Any]


@dataclass(frozen=True)
class Caller:
    """The user that a call acts for, and the scopes it has."""

    id: int
    time_zone: str
    # Of the inbox, as it was when the call came in.
    inbox_version: int
    scopes: frozenset[str]
    token_id: int | None
    # Whether its owner typed the password a short time ago, or calls with a token.
    is_confirmed: bool = True

    @property
    def user(self) -> Any:
        """The user's row. The API only passes it on to services."""
        return administration.get(self.id)


class Unauthorized(Exception):
    """The caller sent no credentials, or invalid ones."""

    def __init__(self, detail: str, challenge: str = "Bearer") -> None:
        super().__init__(detail)
        self.challenge = challenge


def requires(*scopes: str, needs_password: bool = False) -> Callable[[View], View]:
    """Restrict a view to callers with every one of `scopes`; the view reads its caller from `caller()`.

    Responds with 401 to unauthenticated callers and with 403 to callers without a scope.

    Args:
        needs_password: refuse sessions in which the password was not typed a short time ago. Tokens pass.
    """

    def decorate(view: View) -> View:
        # For the OpenAPI document: `_spec` is where APIFlask's own `doc` decorator stores this.
        vars(view).setdefault("_spec", {}).update(
            security=[{"bearer": list(scopes)}, {"session": []}], operation_id=view.__name__
        )

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            g.caller = who = _authenticate()
            rate_limits.count(f"token {who.token_id}" if who.token_id else f"person {who.id}")
            for scope in scopes:
                if scope not in who.scopes:
                    return _forbidden(scope)
            if needs_password and not who.is_confirmed:
                return problem(403, _("This needs your password again: sign out, sign in, then repeat it."))
            return idempotency.run_once(who.id, lambda: view(*args, **kwargs))

        return guarded

    return decorate


def caller() -> Caller:
    """Return the authenticated caller of the current request."""
    found: Caller = g.caller
    return found


def unauthorized(error: Unauthorized) -> Response:
    """Build the 401 response with the challenge that RFC 9110, 11.6.1 requires."""
    return problem(401, str(error), headers={"WWW-Authenticate": error.challenge})


def bad_csrf(error: CSRFError) -> Response:
    """Build the 403 response to a session call that may come from another site."""
    g.refusal = "csrf.refused"  # For the audit log.
    if isinstance(error, ForeignOrigin):
        detail = _(
            "The browser sent this from a different address than %(url)s.", url=current_app.config["BASE_URL"]
        )
        return problem(403, detail)
    return problem(403, _("Send the page's CSRF token in the X-CSRFToken header."))


def _authenticate() -> Caller:
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _space, text = header.partition(" ")
        bearer = tokens.authenticate(_NOT_IN_TOKEN.sub("", text)) if scheme.lower() == "bearer" else None
        if bearer is None:
            raise _reject(_("This token is unknown, expired or revoked."), INVALID_BEARER)
        if demo_people.is_demo_person(bearer.email) and current_app.config["IS_PUBLIC"]:
            raise _reject(demo_people.refusal(), INVALID_BEARER)
        return Caller(bearer.user_id, bearer.time_zone, bearer.inbox_version, bearer.scopes, bearer.token_id)
    visitor: Any = current_user
    if not visitor.is_authenticated:
        raise _reject(_("Send a token as “Authorization: Bearer …”, or sign in."))
    csrf.protect()  # Checks the method itself: safe methods need no token.
    session: SignedIn = g.signed_in
    return Caller(
        session.user_id,
        session.time_zone,
        session.inbox_version,
        frozenset(tokens.SCOPES if session.is_admin else ("read", "write")),
        token_id=None,
        is_confirmed=session.is_confirmed(utc_now()),
    )


def _reject(detail: str, challenge: str = "Bearer") -> Unauthorized:
    # Count by network, so that tokens cannot be guessed without limit.
    rate_limits.count(f"address {network_of(request.remote_addr or '')}")
    return Unauthorized(detail, challenge)


def _forbidden(scope: str) -> Response:
    # The `admin` scope has no effect on a recruiter's token, so naming the scope would not help.
    if caller().token_id is None or (scope == "admin" and not caller().user.is_admin):
        return problem(403, _("Only admins can do this."), scope=scope)
    headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}
    return problem(
        403, _("This token lacks the scope “%(scope)s”.", scope=scope), headers=headers, scope=scope
    )
