"""Addresses of people besides email: browsers, webhooks and verified phones."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utc_now
from app.database.base import Base, Id


class PushSubscription(Base):
    """A browser that subscribed to notifications (W3C Push API); `p256dh` and `auth` are its keys (RFC 8291)."""

    __tablename__ = "push_subscriptions"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    endpoint: Mapped[str] = mapped_column(String(1000), unique=True)
    p256dh: Mapped[str] = mapped_column(String(120))
    auth: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def address(self) -> str:
        return f"push:{self.id}"


class FailureCount:
    """The columns of an address that is disabled when it keeps failing.

    `failing_since` is the time of the first consecutive failure, `failures` their number.
    """

    failing_since: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str] = mapped_column(String(300), default="")

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    def enable(self) -> None:
        """Enable it, with no failures."""
        self.disabled_at, self.disabled_reason, self.failures, self.failing_since = None, "", 0, None


class Webhook(FailureCount, Base):
    """A URL that receives a person's notifications as JSON.

    With `user_id` None it is a subscription: a webhook of the installation, which receives what `types` names. Its
    secrets are not stored but derived from the application's key, `secret_salt` and `rotation`.
    """

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True, nullable=True
    )
    url: Mapped[str] = mapped_column(String(500))
    types: Mapped[list[str]] = mapped_column(default=list, server_default=text("'[]'"))
    secret_salt: Mapped[str] = mapped_column(String(32))
    rotation: Mapped[int] = mapped_column(default=1)
    rotated_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def address(self) -> str:
        return f"webhook:{self.id}"


class TeamsAddress(FailureCount, Base):
    """A Workflows webhook of Microsoft Teams that posts a person's notifications. Its URL is a secret, as a room's."""

    __tablename__ = "teams_addresses"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    encrypted_address: Mapped[str] = mapped_column(Text)
    shown_address: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def address(self) -> str:
        return f"teams:{self.id}"


class PhoneCode(Base):
    """A code sent to a phone. It is not stored but derived from the application's key and `salt`.

    A person's phone is verified if a row with their current number has `verified_at`.
    """

    __tablename__ = "phone_codes"
    __table_args__ = (Index("ix_phone_codes_phone", "phone", "created_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    phone: Mapped[str] = mapped_column(String(32))
    salt: Mapped[str] = mapped_column(String(32))
    # The SMS with the code, until the outbox is purged.
    delivery_id: Mapped[int | None] = mapped_column(
        ForeignKey("deliveries.id", ondelete="SET NULL"), unique=True
    )
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    verified_at: Mapped[datetime | None]
