"""Sessions of browsers: started by signing in, found by the key in the cookie, listed and ended."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, bindparam, delete, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.clock import utc_now
from app.database.base import db
from app.database.writing import BULK
from app.models import BrowserSession, User
from app.services.base import audit
from app.services.base.errors import NotFound

log = logging.getLogger(__name__)
# How exactly `last_seen_at` is kept: one write in this time, not one per request.
SEEN_EVERY = timedelta(minutes=5)
# For how long a typed password lets its owner create tokens and webhooks.
CONFIRMED_FOR = timedelta(minutes=15)


@dataclass(frozen=True)
class SessionLimits:
    """When sessions end: `idle` after the last request, and `longest` after signing in."""

    idle: timedelta
    longest: timedelta

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> SessionLimits:
        """Read them from the application's configuration."""
        return cls(timedelta(days=config["SESSION_IDLE_DAYS"]), timedelta(days=config["SESSION_MAX_DAYS"]))

    def has_ended(self, now: datetime) -> ColumnElement[bool]:
        """The condition that selects expired sessions."""
        return or_(
            BrowserSession.last_seen_at <= now - self.idle, BrowserSession.created_at <= now - self.longest
        )


@dataclass(frozen=True)
class SignedIn:
    """The session of a request, and its user."""

    user: User
    session_id: int
    last_seen_at: datetime
    confirmed_at: datetime

    def is_confirmed(self, now: datetime) -> bool:
        """Tell whether the password was typed a short time ago."""
        return now < self.confirmed_at + CONFIRMED_FOR

    def is_seen_due(self, now: datetime) -> bool:
        """Tell whether `record_seen` has something to write."""
        return now >= self.last_seen_at + SEEN_EVERY


# Built once: it runs with every request of a browser.
_BY_DIGEST = (
    select(User, BrowserSession.id, BrowserSession.last_seen_at, BrowserSession.confirmed_at)
    .join(User, User.id == BrowserSession.user_id)
    .where(
        BrowserSession.digest == bindparam("digest"),
        BrowserSession.last_seen_at > bindparam("idle_since"),
        BrowserSession.created_at > bindparam("started_after"),
        User.is_enabled,
    )
)


def start(user: User, *, browser: str = "", address: str = "", now: datetime | None = None) -> str:
    """Start a session and return its key, which is stored only in the browser's cookie.

    Args:
        browser: the User-Agent header.
        address: the client's address.
    """
    now, key = now or utc_now(), secrets.token_urlsafe(32)
    db.session.add(
        BrowserSession(
            user_id=user.id,
            digest=_digest(key),
            browser=browser[:300].replace("\0", ""),
            address=address[:45],
            created_at=now,
            last_seen_at=now,
            confirmed_at=now,
        )
    )
    db.session.commit()
    return key


def find(key: str, limits: SessionLimits, *, now: datetime | None = None) -> SignedIn | None:
    """Find a session by its key; None if it was ended, has expired, or its owner is deactivated."""
    now = now or utc_now()
    values = {
        "digest": _digest(key),
        "idle_since": now - limits.idle,
        "started_after": now - limits.longest,
    }
    row = db.session.execute(_BY_DIGEST, values).one_or_none()
    return SignedIn(*row) if row is not None else None


def record_seen(signed_in: SignedIn, *, address: str = "", now: datetime | None = None) -> None:
    """Record that a session was used. Ask `is_seen_due` first, and call it when a request is otherwise complete.

    It rolls back what was not committed, then commits. The request does not depend on it: while the database is locked,
    the next one tries again.
    """
    now = now or utc_now()
    try:
        db.session.rollback()
        # Checked again by the statement: of many simultaneous requests, one writes.
        db.session.execute(
            update(BrowserSession)
            .where(BrowserSession.id == signed_in.session_id, BrowserSession.last_seen_at <= now - SEEN_EVERY)
            .values(last_seen_at=now, address=address[:45])
            .execution_options(**BULK)
        )
        db.session.commit()
    except SQLAlchemyError as error:
        db.session.rollback()
        log.warning("the use of a session was not recorded: %s", error)


def record_confirmed(signed_in: SignedIn, *, now: datetime | None = None) -> None:
    """Record that the password was typed again in a session. Commits."""
    db.session.execute(
        update(BrowserSession)
        .where(BrowserSession.id == signed_in.session_id)
        .values(confirmed_at=now or utc_now())
        .execution_options(**BULK)
    )
    db.session.commit()


def for_user(user: User, limits: SessionLimits, *, now: datetime | None = None) -> Sequence[BrowserSession]:
    """List a user's sessions, most recently used first."""
    mine = select(BrowserSession).where(
        BrowserSession.user_id == user.id, ~limits.has_ended(now or utc_now())
    )
    newest = mine.order_by(BrowserSession.last_seen_at.desc(), BrowserSession.id.desc())
    return db.session.scalars(newest.execution_options(populate_existing=True)).all()


def end(user: User, session_id: int) -> None:
    """End one of a user's sessions. Raises NotFound if it is not theirs."""
    mine = (BrowserSession.id == session_id, BrowserSession.user_id == user.id)
    ended = db.session.execute(delete(BrowserSession).where(*mine).returning(BrowserSession.id)).first()
    if ended is None:
        db.session.rollback()
        raise NotFound(_("This session has already ended."))
    audit.record("session.ended", user.email, actor=user)
    db.session.commit()


def end_others(user: User, session_id: int) -> int:
    """End every session of a user but one; returns how many."""
    count = _delete(BrowserSession.user_id == user.id, BrowserSession.id != session_id)
    audit.record("session.ended", user.email, actor=user, others=count)
    db.session.commit()
    return count


def sign_out(signed_in: SignedIn, *, origin: str = "") -> None:
    """End the session of a request, unless it has ended already. Commits."""
    if _delete(BrowserSession.id == signed_in.session_id):
        audit.record("sign_out", signed_in.user.email, actor=signed_in.user, origin=origin)
    db.session.commit()


def end_all(user: User) -> int:
    """End every session of a user in the caller's transaction; returns how many."""
    return _delete(BrowserSession.user_id == user.id)


def _delete(*conditions: ColumnElement[bool]) -> int:
    gone = delete(BrowserSession).where(*conditions).returning(BrowserSession.id)
    return len(db.session.execute(gone.execution_options(**BULK)).all())


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()
