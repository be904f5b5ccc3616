"""Browsers in which people signed in before, known by a signed cookie. They have sign-in attempts of their own."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.clock import utc_now
from app.models import User
from app.services.base import signed_links
from app.services.base.errors import NotFound

LIFETIME = timedelta(days=365)
# People who share a browser; the one who signed in longest ago is forgotten.
MAX_USERS = 10
_PURPOSE = "known-browser"


@dataclass(frozen=True)
class KnownBrowser:
    """A browser's random id, and the ids of the people who signed in with it."""

    device: str
    user_ids: tuple[int, ...]

    def knows(self, user: User) -> bool:
        """Whether this person signed in with this browser."""
        return user.id in self.user_ids


def read(text: str, *, secret: str, now: datetime | None = None) -> KnownBrowser | None:
    """Read the value of the cookie; None if it is missing, expired or forged."""
    try:
        values = signed_links.read(text, purpose=_PURPOSE, secret=secret, now=now or utc_now())
    except NotFound:
        return None
    return KnownBrowser(str(values["device"]), tuple(values["users"]))


def remember(browser: KnownBrowser | None, user: User, *, secret: str, now: datetime | None = None) -> str:
    """Make the value of the cookie of a browser in which a person has just signed in."""
    others = [number for number in browser.user_ids if number != user.id] if browser else []
    values = {
        "device": browser.device if browser else secrets.token_hex(16),
        "users": [user.id, *others][:MAX_USERS],
    }
    until = (now or utc_now()) + LIFETIME
    return signed_links.sign(values, purpose=_PURPOSE, secret=secret, expires_at=until)
