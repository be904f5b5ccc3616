"""Who is calling: a bearer token (RFC 6750) or the browser's session with its CSRF token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from flask import Response, g, request
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import CSRFError

from app.api.http import idempotency, rate_limits
from app.api.http.problems import problem
from app.extensions import csrf
from app.services.accounts import administration, tokens

INVALID = 'Bearer error="invalid_token"'
View = Callable[..., Any]


@dataclass(frozen=True)
class Caller:
    """The person on whose behalf a call is made, and what the call may do."""

    id: int
    scopes: frozenset[str]
    token_id: int | None
    expires_at: datetime | None = None

    @property
    def user(self) -> Any:
        """The person's row, which this layer passes on to the services and does not look into."""
        return administration.get(self.id)


class Unauthorized(Exception):
    """Nobody, or nobody we know, is calling."""

    def __init__(self, sentence: str, challenge: str = "Bearer") -> None:
        super().__init__(sentence)
        self.challenge = challenge


def requires(scope: str) -> Callable[[View], View]:
    """Decorate a view that only a caller with `scope` may use; the view finds its caller in `caller()`.

    Answers 401 to nobody, 403 to somebody without the scope.
    """

    def decorate(view: View) -> View:
        # For the OpenAPI document, in the place where APIFlask's own `doc` notes it.
        vars(view).setdefault("_spec", {}).update(
            security=[{"bearer": [scope]}, {"session": []}], operation_id=view.__name__
        )

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            g.caller = who = _identify()
            rate_limits.count(f"token {who.token_id}" if who.token_id else f"person {who.id}")
            if scope not in who.scopes:
                return _forbidden(scope)
            return idempotency.run_once(who.id, lambda: view(*args, **kwargs))

        return guarded

    return decorate


def caller() -> Caller:
    """Whoever makes this call."""
    found: Caller = g.caller
    return found


def unauthorized(error: Unauthorized) -> Response:
    """401 with the challenge that RFC 9110, 11.6.1 asks for."""
    return problem(401, str(error), headers={"WWW-Authenticate": error.challenge})


def bad_csrf(_error: CSRFError) -> Response:
    """403: the session is known, but the call may come from another site."""
    return problem(403, _("Send the page's CSRF token as X-CSRFToken."))


def _identify() -> Caller:
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _space, text = header.partition(" ")
        bearer = tokens.authenticate(text.strip()) if scheme.lower() == "bearer" else None
        if bearer is None:
            raise _nobody(_("This token is not known, has expired or was revoked."), INVALID)
        return Caller(bearer.user_id, bearer.scopes, bearer.token_id, bearer.expires_at)
    user: Any = current_user
    if not user.is_authenticated:
        raise _nobody(_("Send a token as Authorization: Bearer …, or sign in."))
    csrf.protect()  # Looks at the method itself: reading needs no token.
    return Caller(user.id, frozenset(tokens.SCOPES if user.is_admin else ("read", "write")), token_id=None)


def _nobody(sentence: str, challenge: str = "Bearer") -> Unauthorized:
    # Whoever guesses tokens is counted by the address they guess from.
    rate_limits.count(f"address {request.remote_addr}")
    return Unauthorized(sentence, challenge)


def _forbidden(scope: str) -> Response:
    # A token's `admin` is nothing while its owner is none: no other token would help.
    if caller().token_id is None or (scope == "admin" and not caller().user.is_admin):
        return problem(403, _("Only an admin may do this."), scope=scope)
    headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}
    return problem(
        403, _("This token lacks the scope “%(scope)s”.", scope=scope), headers=headers, scope=scope
    )
