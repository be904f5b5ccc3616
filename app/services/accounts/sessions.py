"""Sessions of browsers: started by signing in, found by the key in the cookie, listed and ended."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, bindparam, delete, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.attributes import set_committed_value

from app.clock import utc_now
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.database.objects import ModelColumns
from app.database.writing import BULK, writing
from app.models import BrowserSession, User, UserNotificationPreference
from app.services.base import audit, cache, inbox_pubsub
from app.services.base.errors import Conflict, NotFound

log = logging.getLogger(__name__)
# How exactly `last_seen_at` is kept: one write in this time, not one per request.
SEEN_EVERY = timedelta(minutes=5)
# For how long a typed password lets its owner create tokens and webhooks.
CONFIRMED_FOR = timedelta(minutes=15)


@dataclass(frozen=True)
class SessionLimits:
    """The ends of sessions: `idle` after the last request, and `longest` after signing in."""

    idle: timedelta
    longest: timedelta

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> SessionLimits:
        """Read them from the application's configuration."""
        return cls(timedelta(days=config["SESSION_IDLE_DAYS"]), timedelta(days=config["SESSION_MAX_DAYS"]))

    def has_ended(self, now: datetime) -> ColumnElement[bool]:
        """Return the condition that selects expired sessions."""
        return or_(
            BrowserSession.last_seen_at <= now - self.idle, BrowserSession.created_at <= now - self.longest
        )

    def include(self, created_at: datetime, last_seen_at: datetime, now: datetime) -> bool:
        """Whether a session that was started and last used then is still valid."""
        return last_seen_at > now - self.idle and created_at > now - self.longest


class SignedIn:
    """The session of a request, and its user, whom Flask-Login holds in this form.

    `user` is made when it is first asked for, because a pulse, like most calls, needs no more than the values here.
    """

    is_authenticated = True

    def __init__(self, row: Any, digest: str, *, is_brief: bool) -> None:
        self._row, self._is_brief = row, is_brief
        # Identifies the session. On SQLite, its id goes to another one, perhaps another person's, once it has ended.
        self.digest = digest
        self.session_id: int = row.id
        self.user_id: int = row.users_id
        self.last_seen_at: datetime = row.last_seen_at
        self.confirmed_at: datetime = row.confirmed_at
        # Of the inbox, as it was when the request came in.
        self.inbox_version: int = row.users_inbox_version
        self.email: str = row.users_email
        self.is_admin: bool = row.users_role == "admin"
        self.second_factor_at: datetime | None = row.users_second_factor_at

    @cached_property
    def user(self) -> User:
        """The user, as if the session of the database had loaded them."""
        columns, preference = self._read_user()
        user = cast(User, _USER.load(columns))
        set_committed_value(user, "preference", _PREFERENCE.load(preference))
        return user

    @property
    def shown(self) -> User:
        """The user for reading only, as changed by this request: pages need no more, and `user` takes 240 calls."""
        return self.user if self._is_loaded else self._plain_user

    @cached_property
    def _plain_user(self) -> User:
        columns, preference = self._read_user()
        user = cast(User, _USER.make(columns))
        vars(user)["preference"] = _PREFERENCE.make(preference)
        return user

    def _read_user(self) -> tuple[Sequence[Any], Sequence[Any]]:
        if self._is_brief:
            (values,) = _USER_BY_ID.fetch(user_id=self.user_id)
        else:
            values = self._row[len(_OWN) :]
        return values[: len(_USER.columns)], values[len(_USER.columns) :]

    @property
    def id(self) -> int:
        """The id of the user: a session can read their inbox, as `filters.InboxReader` has it."""
        return self.user_id

    # What this request may change is taken from `user` once it exists.

    @property
    def locale(self) -> str:
        """The language of the user."""
        return self.user.locale if self._is_loaded else str(self._row.users_locale)

    @property
    def time_zone(self) -> str:
        """The time zone of the user."""
        return self.user.time_zone if self._is_loaded else str(self._row.users_time_zone)

    @property
    def is_stacked(self) -> bool:
        """Whether lists show stacks."""
        if self._is_loaded:
            return self.user.preference.stack_notifications
        return bool(self._row.user_notification_preferences_stack_notifications)

    @property
    def _is_loaded(self) -> bool:
        return "user" in self.__dict__

    def is_confirmed(self, now: datetime) -> bool:
        """Whether the password was typed a short time ago."""
        return now < self.confirmed_at + CONFIRMED_FOR

    def is_seen_due(self, now: datetime) -> bool:
        """Whether `record_seen` has something to write."""
        return now >= self.last_seen_at + SEEN_EVERY


# It runs with every request of a browser, whose page also needs the preferences.
_USER, _PREFERENCE = ModelColumns(User), ModelColumns(UserNotificationPreference)
_OWN = (
    BrowserSession.id,
    BrowserSession.created_at,
    BrowserSession.last_seen_at,
    BrowserSession.confirmed_at,
)
_WHOLE = (*_USER.columns, *_PREFERENCE.columns)
# What `SignedIn` reads without `user`. For PostgreSQL, a row of these takes half of the time that a whole one takes.
_BRIEF_NAMES = {
    "users_id",
    "users_inbox_version",
    "users_email",
    "users_role",
    "users_second_factor_at",
    "users_locale",
    "users_time_zone",
    "user_notification_preferences_stack_notifications",
}
_BRIEF = [column for column in _WHOLE if column.name in _BRIEF_NAMES]
_OF_USER = UserNotificationPreference.user_id == User.id


def _by_digest(columns: Iterable[Any]) -> CompiledStatement:
    return CompiledStatement(
        select(*_OWN, *columns)
        .join(User, User.id == BrowserSession.user_id)
        .outerjoin(UserNotificationPreference, _OF_USER)
        .where(BrowserSession.digest == bindparam("digest"), User.is_enabled)
    )


_WHOLE_BY_DIGEST, _BRIEF_BY_DIGEST = _by_digest(_WHOLE), _by_digest(_BRIEF)
_USER_BY_ID = CompiledStatement(
    select(*_WHOLE)
    .select_from(User)
    .outerjoin(UserNotificationPreference, _OF_USER)
    .where(User.id == bindparam("user_id"))
)


def start(user: User, *, browser: str = "", address: str = "", now: datetime | None = None) -> str:
    """Start a session and return its key, which is stored only in the browser's cookie.

    Args:
        browser: the User-Agent header.
        address: the client's address.
    Raises:
        Conflict: the password, the address or two-step sign-in has changed since the user was loaded and checked.
    """
    now, key = now or utc_now(), _new_key()
    checked = user.session_epoch, user.second_factor_at
    with writing(lock=User, row_id=user.id) as current:
        if current is None or (current.session_epoch, current.second_factor_at) != checked:
            raise Conflict(_("Your account changed while you were signing in. Sign in again."))
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
    return key


def find(
    key: str, limits: SessionLimits, *, now: datetime | None = None, is_brief: bool = False
) -> SignedIn | None:
    """Find a session by its key; None if it was ended, has expired, or its owner is deactivated.

    On SQLite it is remembered until the next commit, as a token is.

    Args:
        is_brief: read the user's other columns only when `user` is asked for.
    """
    now, digest = now or utc_now(), _digest(key)
    statement = _BRIEF_BY_DIGEST if is_brief else _WHOLE_BY_DIGEST
    row = cache.until_commit(
        ("session", digest, is_brief), lambda: next(iter(statement.fetch(digest=digest)), None)
    )
    if row is None or not limits.include(row.created_at, row.last_seen_at, now):
        return None
    return SignedIn(row, digest, is_brief=is_brief)


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
            .where(BrowserSession.digest == signed_in.digest, BrowserSession.last_seen_at <= now - SEEN_EVERY)
            .values(last_seen_at=now, address=address[:45])
            .execution_options(**BULK)
        )
        db.session.commit()
    except SQLAlchemyError as error:
        db.session.rollback()
        log.warning("the use of a session was not recorded: %s", error)


def confirm(signed_in: SignedIn, *, now: datetime | None = None) -> str:
    """Record that the password was typed again in a session. Commits.

    Returns:
        The session's new key. A copy of the old one no longer works, nor does the new one if the session has ended.
    """
    key = _new_key()
    digest = _digest(key)
    db.session.execute(
        update(BrowserSession)
        .where(BrowserSession.digest == signed_in.digest)
        .values(digest=digest, confirmed_at=now or utc_now())
        .execution_options(**BULK)
    )
    db.session.commit()
    signed_in.digest = digest
    return key


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
    with writing():
        if not _delete(*mine):
            raise NotFound(_("This session has already ended."))
        audit.record("session.ended", user.email, actor=user)


def end_others(user: User, session_id: int) -> int:
    """End every session of a user but one; returns how many."""
    count = end_all(user, but=session_id)
    audit.record("session.ended", user.email, actor=user, others=count)
    db.session.commit()
    return count


def sign_out(signed_in: SignedIn, *, origin: str = "") -> None:
    """End the session of a request, unless it has ended already. Commits."""
    if _delete(BrowserSession.digest == signed_in.digest):
        audit.record("sign_out", signed_in.user.email, actor=signed_in.user, origin=origin)
    db.session.commit()


def end_all(user: User, *, but: int = 0) -> int:
    """End every session of a user, except one, in the caller's transaction; returns how many."""
    return _delete(BrowserSession.user_id == user.id, BrowserSession.id != but)


def _delete(*conditions: ColumnElement[bool]) -> int:
    gone = delete(BrowserSession).where(*conditions).returning(BrowserSession.user_id)
    # Objects of ended sessions are dropped: SQLite gives the id of the newest one to the next.
    owners = db.session.scalars(gone.execution_options(synchronize_session="fetch")).all()
    inbox_pubsub.mark_changed(owners)
    return len(owners)


def _new_key() -> str:
    return secrets.token_urlsafe(32)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()
