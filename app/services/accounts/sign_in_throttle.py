"""Guessing is slowed per account, in every worker alike, and for addresses that have no account just the same."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import ngettext
from sqlalchemy import delete, func, select

from app.database.base import db
from app.models import SignInAttempt
from app.services.base.errors import ServiceError

LIMIT = 10
WINDOW = timedelta(minutes=15)


class TooManyAttempts(ServiceError):
    """Ten tries failed within fifteen minutes.

    Args:
        retry_after: seconds until the next try is heard.
    """

    def __init__(self, retry_after: int) -> None:
        minutes = max(1, -(-retry_after // 60))
        super().__init__(
            ngettext("Try again in %(num)d minute.", "Try again in %(num)d minutes.", minutes),
        )
        self.retry_after = retry_after


def count_attempt(email: str, now: datetime) -> int:
    """Count a try before it is judged, so that many at once cannot pass the limit together. Commits.

    Args:
        email: any text; its beginning in lower case is the account's name here.
    Returns:
        how many tries this was within the window.
    Raises:
        TooManyTries: the limit was reached; this try is not counted.
    """
    name = _name(email)
    refuse_when_full(name, now)
    db.session.execute(
        delete(SignInAttempt).where(SignInAttempt.email == name, SignInAttempt.attempted_at <= now - WINDOW)
    )
    attempt = SignInAttempt(email=name, attempted_at=now)
    db.session.add(attempt)
    db.session.commit()
    # Each try sees at least those committed before it, so no more than LIMIT of them can count LIMIT or fewer.
    count = _count(name, now)
    if count > LIMIT:
        db.session.delete(attempt)
        db.session.commit()
        refuse_when_full(name, now)
        raise TooManyAttempts(60)
    return count


def refuse_when_full(email: str, now: datetime) -> None:
    """Raise TooManyTries when the account has no try left."""
    name = _name(email)
    if _count(name, now) >= LIMIT:
        oldest = db.session.scalar(
            select(SignInAttempt.attempted_at)
            .where(SignInAttempt.email == name, SignInAttempt.attempted_at > now - WINDOW)
            .order_by(SignInAttempt.attempted_at)
            .limit(1)
        )
        wait = (oldest or now) + WINDOW - now
        raise TooManyAttempts(max(1, -int(-wait.total_seconds() // 1)))


def clear(email: str) -> None:
    """Forget the tries of an account, in the caller's transaction."""
    db.session.execute(delete(SignInAttempt).where(SignInAttempt.email == _name(email)))


def _count(name: str, now: datetime) -> int:
    return (
        db.session.scalar(
            select(func.count()).where(SignInAttempt.email == name, SignInAttempt.attempted_at > now - WINDOW)
        )
        or 0
    )


def _name(email: str) -> str:
    return email.strip().lower().replace("\0", "")[:254]
