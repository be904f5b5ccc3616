"""Limits sign-in attempts per email address, across all processes, whether or not an account has the address."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import ngettext
from sqlalchemy import delete, func, select

from app import addresses
from app.database.base import db
from app.models import SignInAttempt
from app.services.base.errors import ServiceError

LIMIT = 10
WINDOW = timedelta(minutes=15)


class TooManyAttempts(ServiceError):
    """Ten attempts failed within fifteen minutes.

    Args:
        retry_after: seconds until the next attempt is allowed.
    """

    def __init__(self, retry_after: int) -> None:
        minutes = max(1, -(-retry_after // 60))
        super().__init__(
            ngettext("Try again in %(num)d minute.", "Try again in %(num)d minutes.", minutes),
        )
        self.retry_after = retry_after


def count_attempt(email: str, now: datetime) -> int:
    """Count an attempt before its password is checked, so that parallel attempts cannot exceed the limit. Commits.

    Args:
        email: whatever was typed; it is compared in lower case and cut to 254 characters.
    Returns:
        The number of attempts within the window, this one included.
    Raises:
        TooManyAttempts: the limit was reached; this attempt is not counted.
    """
    email = _normalized(email)
    refuse_at_limit(email, now)
    db.session.execute(
        delete(SignInAttempt).where(SignInAttempt.email == email, SignInAttempt.attempted_at <= now - WINDOW)
    )
    attempt = SignInAttempt(email=email, attempted_at=now)
    db.session.add(attempt)
    db.session.commit()
    # Each attempt sees those committed before it, so at most LIMIT of them can count LIMIT or fewer.
    count = _count(email, now)
    if count > LIMIT:
        db.session.delete(attempt)
        db.session.commit()
        refuse_at_limit(email, now)
        raise TooManyAttempts(60)
    return count


def refuse_at_limit(email: str, now: datetime) -> None:
    """Raise TooManyAttempts if no attempt is left for this address."""
    email = _normalized(email)
    if _count(email, now) >= LIMIT:
        oldest = db.session.scalar(
            select(SignInAttempt.attempted_at)
            .where(SignInAttempt.email == email, SignInAttempt.attempted_at > now - WINDOW)
            .order_by(SignInAttempt.attempted_at)
            .limit(1)
        )
        wait = (oldest or now) + WINDOW - now
        raise TooManyAttempts(max(1, -int(-wait.total_seconds() // 1)))


def clear(email: str) -> None:
    """Reset the count of an address, in the caller's transaction."""
    db.session.execute(delete(SignInAttempt).where(SignInAttempt.email == _normalized(email)))


def _count(email: str, now: datetime) -> int:
    return (
        db.session.scalar(
            select(func.count()).where(
                SignInAttempt.email == email, SignInAttempt.attempted_at > now - WINDOW
            )
        )
        or 0
    )


def _normalized(email: str) -> str:
    # The same function looks the account up, so that no spelling of an address has attempts of its own.
    return addresses.key(email)
