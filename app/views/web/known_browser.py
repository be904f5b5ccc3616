"""The cookie that identifies a browser in which people signed in before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, request
from werkzeug.wrappers import Response

from app.services.accounts import known_browsers
from app.services.accounts.known_browsers import KnownBrowser

if TYPE_CHECKING:
    from app.models import User


def read() -> KnownBrowser | None:
    """Read this browser's cookie."""
    config = current_app.config
    text = request.cookies.get(config["BROWSER_COOKIE_NAME"], "")
    return known_browsers.read(text, secret=config["SECRET_KEY"])


def remember(user: User, response: Response) -> Response:
    """Give this browser the cookie."""
    config = current_app.config
    response.set_cookie(
        config["BROWSER_COOKIE_NAME"],
        known_browsers.remember(read(), user, secret=config["SECRET_KEY"]),
        max_age=known_browsers.LIFETIME,
        path=config["SESSION_COOKIE_PATH"],
        secure=config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response
