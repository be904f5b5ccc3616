"""Creates the Flask extensions; `init_app` binds them to an application."""

from __future__ import annotations

import copy
import hashlib
import time
from functools import lru_cache, partial
from typing import Any

from flask import Flask, Request, Response, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_babel import Babel
from flask_login import LoginManager
from flask_mail import Mail
from flask_migrate import Migrate
from flask_wtf import CSRFProtect
from itsdangerous import SignatureExpired, URLSafeTimedSerializer
from werkzeug.sansio.http import parse_cookie

from app.csrf import CSRF
from app.database import postgresql, transactions  # noqa: F401  # Importing them registers their listeners.
from app.database.base import db
from app.lean_flask import vary_by


class SessionLogin(LoginManager):
    """Flask-Login without its "remember me" cookie: looking for it would open the session on every API call.

    It also lacks the protection of sessions, which compares addresses and user agents: both change in normal use.
    """

    _user_callback: Any

    def _update_remember_cookie(self, response: Response) -> Response:
        return response

    def _load_user(self) -> None:
        key = session.get("_user_id")
        user = None if key is None else self._user_callback(key)
        self._update_request_context_with_user(user)  # type: ignore[no-untyped-call]  # Flask-Login has no types.

    def become_anonymous(self) -> None:
        """Treat the rest of the request as anonymous."""
        self._update_request_context_with_user()  # type: ignore[no-untyped-call]  # Flask-Login has no types.


migrate = Migrate(render_as_batch=True)
_session_login = SessionLogin()  # type: ignore[no-untyped-call]  # Flask-Login has no types.
login: LoginManager = _session_login
mail = Mail()
csrf: CSRFProtect = CSRF()  # type: ignore[no-untyped-call]  # Flask-WTF has no types.
babel = Babel()


class RememberingSerializer(URLSafeTimedSerializer):
    """Reads a signed cookie once: a browser sends the same one with every request, and a tenth of a pulse went here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Of valid cookies only: an error is raised each time.
        self._read = lru_cache(maxsize=2_000)(partial(super().loads, return_timestamp=True))

    def loads(  # type: ignore[override]  # As in the class itself.
        self,
        s: str | bytes,
        max_age: int | None = None,
        return_timestamp: bool = False,
        salt: str | bytes | None = None,
    ) -> Any:
        """Return the contents of a cookie. Raises BadSignature: it was not signed here, or too long ago."""
        if return_timestamp or salt is not None:
            return super().loads(s, max_age, return_timestamp, salt)
        contents, signed_at = self._read(s)
        age = int(time.time() - signed_at.timestamp())
        if max_age is not None and not 0 <= age <= max_age:
            raise SignatureExpired(f"Signed {age} seconds ago")
        # Copied, because a request changes its session. `deepcopy` is slow, and most values cannot be changed.
        return {
            name: value if isinstance(value, str | bool) else copy.deepcopy(value)
            for name, value in contents.items()
        }


class LazySessions(SecureCookieSessionInterface):
    """Flask's sessions, signed with HMAC-SHA-256. Requests without a cookie, such as those of scripts, cost nothing."""

    digest_method = staticmethod(hashlib.sha256)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if not app.secret_key:
            return None
        return self._serializer(*(app.config["SECRET_KEY_FALLBACKS"] or ()), app.secret_key)

    @lru_cache(maxsize=8)  # noqa: B019  # There is one interface for each application.
    def _serializer(self, *keys: str | bytes) -> URLSafeTimedSerializer:
        signer = {"key_derivation": self.key_derivation, "digest_method": self.digest_method}
        return RememberingSerializer(
            list(keys),
            salt=self.salt,
            serializer=self.serializer,
            signer_kwargs=signer,
            # Cookies of earlier releases, with Flask's default HMAC-SHA-1.
            fallback_signers=[{"key_derivation": self.key_derivation}],
        )

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        header = request.environ.get("HTTP_COOKIE")
        if header is None:
            return self.session_class()
        # As werkzeug does it, which would look through all headers for cookies.
        request.cookies = parse_cookie(header, request.dict_storage_class)  # type: ignore[assignment]
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session.modified:
            super().save_session(app, session, response)
        elif session.accessed:
            vary_by(response, "Cookie")


def forget_user() -> None:
    """Treat the rest of the request as anonymous: its user cannot be loaded."""
    _session_login.become_anonymous()


def init_app(app: Flask) -> None:
    """Bind every extension to an application."""
    # Nothing is asynchronous. Flask would examine each view and hook again in each request.
    app.ensure_sync = lambda func: func  # type: ignore[method-assign]
    app.session_interface = LazySessions()
    db.init_app(app)
    migrate.init_app(app, db)
    # Templates get their `current_user` from `app.views.web.auth`.
    login.init_app(app, add_context_processor=False)
    mail.init_app(app)
    csrf.init_app(app)
