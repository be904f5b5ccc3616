"""Users, their API tokens, and attempts to sign in."""

from __future__ import annotations

from datetime import datetime

from flask_login import UserMixin
from sqlalchemy import Connection, ForeignKey, Index, String, Text, event
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from app import search_text
from app.clock import utc_now
from app.database.base import Base, Id
from app.models.preference import UserNotificationPreference


class User(UserMixin, Base):
    """A recruiter or an admin. `email` is in canonical form; see `app.canonical_addresses`."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20), default="recruiter")
    # None until an invited person chooses a password.
    password_hash: Mapped[str | None] = mapped_column(String(200))
    is_enabled: Mapped[bool] = mapped_column(default=True)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    locale: Mapped[str] = mapped_column(String(16), default="en")
    phone: Mapped[str] = mapped_column(String(32), default="")
    # Raised with a new password and with deactivation: links in earlier account emails stop working.
    session_epoch: Mapped[int] = mapped_column(default=0)
    # Raised by every change to this person's inbox: open pages and pollers compare it.
    inbox_version: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_signed_in_at: Mapped[datetime | None]
    # When two-step sign-in was turned on; None while it is off. Its secrets are in `second_factors`.
    second_factor_at: Mapped[datetime | None]
    # What search finds this person by, from the name and the address.
    search_words: Mapped[str] = mapped_column(Text, default="", server_default="")

    preference: Mapped[UserNotificationPreference] = relationship(
        back_populates="user", cascade="all, delete-orphan", lazy="select"
    )

    @property
    def is_active(self) -> bool:
        """Whether this person may sign in (read by Flask-Login)."""
        return self.is_enabled

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def initials(self) -> str:
        words = self.name.split() or [self.email]
        return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper()


@event.listens_for(User, "before_insert")
@event.listens_for(User, "before_update")
def _write_search_words(_mapper: Mapper[User], _connection: Connection, user: User) -> None:
    words = search_text.person_words(user.name, user.email)
    if user.search_words != words:
        user.search_words = words


class ApiToken(Base):
    """A bearer token; only its SHA-256 is stored. `prefix` is its visible beginning."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    # The token it was created with, whose end is also its own.
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("api_tokens.id", ondelete="CASCADE"), index=True)
    prefix: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class SignInAttempt(Base):
    """An attempt to sign in, counted across all processes to slow down guessing.

    `address` is the client's network address, `device` the id of a browser that the account's owner used before.
    """

    __tablename__ = "sign_in_attempts"
    __table_args__ = (
        Index("ix_sign_in_attempts_email_at", "email", "attempted_at"),
        Index("ix_sign_in_attempts_address_at", "address", "attempted_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    address: Mapped[str] = mapped_column(String(45), default="")
    device: Mapped[str] = mapped_column(String(32), default="")
    attempted_at: Mapped[datetime] = mapped_column(default=utc_now)
