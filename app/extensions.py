"""Creates the Flask extensions; `init_app` binds them to an application."""

from __future__ import annotations

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_babel import Babel
from flask_login import LoginManager
from flask_mail import Mail
from flask_migrate import Migrate
from flask_wtf import CSRFProtect

from app.csrf import CSRF
from app.database import postgresql, sqlite  # noqa: F401  # Importing them registers their listeners.
from app.database.base import db


class SessionLogin(LoginManager):
    """Flask-Login without its "remember me" cookie: looking for it would open the session on every API call."""

    def _update_remember_cookie(self, response: Response) -> Response:
        return response

    def become_anonymous(self) -> None:
        """Treat the rest of the request as anonymous."""
        self._update_request_context_with_user()  # type: ignore[no-untyped-call]  # Flask-Login has no types.


migrate = Migrate(render_as_batch=True)
_session_login = SessionLogin()  # type: ignore[no-untyped-call]  # Flask-Login has no types.
login: LoginManager = _session_login
mail = Mail()
csrf: CSRFProtect = CSRF()  # type: ignore[no-untyped-call]  # Flask-WTF has no types.
babel = Babel()


class LazySessions(SecureCookieSessionInterface):
    """Flask's sessions, at no cost for requests without a cookie, such as those of scripts."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if "HTTP_COOKIE" not in request.environ:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session or session.accessed or session.modified:
            super().save_session(app, session, response)


def forget_user() -> None:
    """Treat the rest of the request as anonymous: its user cannot be loaded."""
    _session_login.become_anonymous()


def init_app(app: Flask) -> None:
    """Bind every extension to an application."""
    app.session_interface = LazySessions()
    db.init_app(app)
    migrate.init_app(app, db)
    login.init_app(app)
    mail.init_app(app)
    csrf.init_app(app)
