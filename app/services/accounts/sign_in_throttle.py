"""Limits sign-in attempts, across all processes, whether or not an account has the address that was typed.

A stranger must not lock the owner of an account out. So attempts are limited strictly for an account from one network
address, more widely for an account from everywhere, and for one network address whatever the account. A browser in
which the owner signed in before has attempts of its own.

Codes of the second step are counted apart from passwords, and strictly for an account from everywhere: only those who
know the password can enter one, and whoever can replace the password must not get more of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import ngettext
from sqlalchemy import ColumnElement, and_, delete, func, select

from app import canonical_addresses
from app.database.base import db
from app.models import SignInAttempt, User
from app.services.accounts.known_browsers import KnownBrowser
from app.services.base.errors import LimitReached
from app.services.base.networks import network_of

# For an account from one address, or from one known browser; for an account from all unknown browsers; for an address.
LIMIT, ACCOUNT_LIMIT, ADDRESS_LIMIT = 10, 50, 100
WINDOW = timedelta(minutes=15)


class TooManyAttempts(LimitReached):
    """Too many attempts failed within fifteen minutes.

    Args:
        retry_after: seconds until the next attempt is allowed.
    """

    def __init__(self, retry_after: int) -> None:
        minutes = max(1, -(-retry_after // 60))
        super().__init__(
            ngettext("Try again in %(num)d minute.", "Try again in %(num)d minutes.", minutes), retry_after
        )


@dataclass(frozen=True)
class Origin:
    """The origin of an attempt.

    Args:
        address: the client's network address.
        device: the id of a browser in which the owner of the account signed in before; "" for any other.
    """

    address: str = ""
    device: str = ""

    @property
    def network(self) -> str:
        """The network under which attempts are counted."""
        return network_of(self.address)[:45]


UNKNOWN = Origin()
# Asking for the password within a session. Its attempts do not count for the sign-in page.
SESSION = Origin(device="session")
# The device of all codes from browsers that are not known.
CODES = "codes"


@dataclass(frozen=True)
class _Limit:
    name: str
    attempts: int
    counted: ColumnElement[bool]


def origin_of_password(user: User | None, address: str, browser: KnownBrowser | None) -> Origin:
    """Return the origin of a password that was entered on the sign-in page."""
    return Origin(address, browser.device if browser and user and browser.knows(user) else "")


def origin_of_code(user: User, address: str, browser: KnownBrowser | None) -> Origin:
    """Return the origin of a code of the second step."""
    return Origin(address, browser.device if browser and browser.knows(user) else CODES)


def count_attempt(email: str, now: datetime, origin: Origin = UNKNOWN) -> str:
    """Count an attempt before its password is checked, so that parallel attempts cannot exceed a limit. Commits.

    Args:
        email: the text that was typed, in any spelling.
    Returns:
        The name of the limit that this attempt reached; "" if there are attempts left.
    Raises:
        TooManyAttempts: a limit was reached before; this attempt is not counted.
    """
    email = _normalized(email)
    limits = _limits(email, origin)
    _refuse_at(limits, now)
    db.session.execute(
        delete(SignInAttempt).where(SignInAttempt.email == email, SignInAttempt.attempted_at <= now - WINDOW)
    )
    attempt = SignInAttempt(email=email, address=origin.network, device=origin.device, attempted_at=now)
    db.session.add(attempt)
    db.session.commit()
    # Each attempt also counts those committed before it, so no more attempts than the limit get past this line.
    counts = [(limit, _count(limit, now)) for limit in limits]
    if any(count > limit.attempts for limit, count in counts):
        db.session.delete(attempt)
        db.session.commit()
        _refuse_at(limits, now)
        raise TooManyAttempts(60)
    return next((limit.name for limit, count in counts if count == limit.attempts), "")


def clear(email: str, origin: Origin | None = None) -> None:
    """Reset the count of an account, in the caller's transaction: from one origin, or of passwords from everywhere."""
    cleared = delete(SignInAttempt).where(SignInAttempt.email == _normalized(email))
    if origin is not None:
        cleared = cleared.where(
            SignInAttempt.address == origin.network, SignInAttempt.device == origin.device
        )
    else:
        cleared = cleared.where(SignInAttempt.device != CODES)
    db.session.execute(cleared)


def _limits(email: str, origin: Origin) -> list[_Limit]:
    account = SignInAttempt.email == email
    alike = SignInAttempt.device == origin.device
    address = and_(alike, SignInAttempt.address == origin.network)
    widest = [_Limit("address", ADDRESS_LIMIT, address)] if origin.address else []
    if origin.device == CODES:
        return [_Limit("codes", LIMIT, and_(account, alike)), *widest]
    if origin.device:
        return [_Limit("browser", LIMIT, and_(account, alike))]
    return [
        _Limit("account and address", LIMIT, and_(account, address)),
        _Limit("account", ACCOUNT_LIMIT, and_(account, alike)),
        *widest,
    ]


def _refuse_at(limits: list[_Limit], now: datetime) -> None:
    """Raise TooManyAttempts if no attempt is left under one of the limits."""
    for limit in limits:
        if _count(limit, now) >= limit.attempts:
            # The attempt whose end makes room for the next one.
            newest = select(SignInAttempt.attempted_at).where(limit.counted, _is_recent(now))
            due = db.session.scalar(
                newest.order_by(SignInAttempt.attempted_at.desc()).offset(limit.attempts - 1).limit(1)
            )
            wait = (due or now) + WINDOW - now
            raise TooManyAttempts(max(1, -int(-wait.total_seconds() // 1)))


def _count(limit: _Limit, now: datetime) -> int:
    return db.session.scalar(select(func.count()).where(limit.counted, _is_recent(now))) or 0


def _is_recent(now: datetime) -> ColumnElement[bool]:
    return SignInAttempt.attempted_at > now - WINDOW


def _normalized(email: str) -> str:
    # The same function looks the account up, so that no spelling of an address has attempts of its own.
    return canonical_addresses.key(email)
