"""People with two-step sign-in, and the codes of their apps."""

from __future__ import annotations

from datetime import datetime

import pyotp
from flask import current_app

from app.clock import utc_now
from app.models import User
from app.services.accounts import second_factor


def turn_on(user: User, *, now: datetime | None = None) -> tuple[str, list[str]]:
    """Turn on a user's two-step sign-in; returns the key of the app and the recovery codes."""
    now, secret = now or utc_now(), current_app.config["SECRET_KEY"]
    key = second_factor.make_key(user, secret=secret, now=now)
    codes = second_factor.turn_on(user, key, code_at(key.text, now), secret=secret, session_id=0, now=now)
    return key.text, codes


def code_at(key: str, moment: datetime, *, later: int = 0) -> str:
    """Return what the app shows at a moment, or some codes later."""
    return pyotp.TOTP(key).generate_otp(second_factor.step_at(moment) + later)
