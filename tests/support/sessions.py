"""Sign in without the sign-in page."""

from __future__ import annotations

from datetime import datetime

from flask.testing import FlaskClient

from app.models import User
from app.services.accounts import sessions


def open_session(
    client: FlaskClient, user: User, *, now: datetime | None = None, base_url: str = "http://localhost"
) -> FlaskClient:
    """Give a client the cookie of a new session; returns the client."""
    key = sessions.start(user, browser="a test", address="127.0.0.1", now=now)
    with client.session_transaction(base_url=base_url) as session:
        session["_user_id"] = key
        session["_fresh"] = True
    return client
