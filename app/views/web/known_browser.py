"""The cookie that identifies a browser in which people signed in before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, request, url_for
from werkzeug.wrappers import Response

from app.services.accounts import known_browsers
from app.services.accounts.known_browsers import KnownBrowser

if TYPE_CHECKING:
    from app.models import User

COOKIE = "bellhop_browser"


def read() -> KnownBrowser | None:
    """Read this browser's cookie."""
    return known_browsers.read(request.cookies.get(COOKIE, ""), secret=current_app.config["SECRET_KEY"])


def remember(user: User, response: Response) -> Response:
    """Give this browser the cookie; sent to the sign-in page only."""
    config = current_app.config
    response.set_cookie(
        COOKIE,
        known_browsers.remember(read(), user, secret=config["SECRET_KEY"]),
        max_age=known_browsers.LIFETIME,
        path=url_for("accounts.sign_in"),
        secure=config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response
