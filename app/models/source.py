"""Sources: other systems whose webhooks Bellhop reads, their calls, and what was learned from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utc_now
from app.database.base import Base, Id, partial_index
from app.models.user import User


class Source(Base):
    """A connection to another system, which calls `/sources/<public_id>`.

    The secrets that it signs with are encrypted with the application's key. `refused_at` is the time of the last call
    whose signature did not match.
    """

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(40), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(100))
    company_name: Mapped[str] = mapped_column(String(255), default="")
    secret: Mapped[str] = mapped_column(Text)
    former_secret: Mapped[str] = mapped_column(Text, default="")
    # Of the other system's API, encrypted like the secrets; and its last answer, if that was no success.
    api_key: Mapped[str] = mapped_column(Text, default="", server_default="")
    api_error: Mapped[str] = mapped_column(String(300), default="", server_default="")
    rotated_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    last_call_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    @property
    def is_refused(self) -> bool:
        """Whether the last call was refused because its signature did not match."""
        return self.refused_at is not None and (
            self.last_call_at is None or self.refused_at > self.last_call_at
        )

    @property
    def has_api_key(self) -> bool:
        return bool(self.api_key)

    @property
    def event_source(self) -> str:
        """The `source` of its events. Without the whole `public_id`, which is part of a secret address."""
        return f"/{self.kind}/{self.public_id[:8]}"


class SourceCall(Base):
    """A call with the right signature, as it came in, and its outcome; (`source_id`, `external_id`) is unique.

    `subject` is the booking that it is about, `replaces` the one that this booking takes the place of.
    """

    __tablename__ = "source_calls"
    __table_args__ = (
        UniqueConstraint("source_id", "external_id"),
        Index("ix_source_calls_source_id_id", "source_id", "id"),
        partial_index("ix_source_calls_waiting", "occurred_at", "id", where="state = 'waiting'"),
        partial_index("ix_source_calls_replaces", "source_id", "replaces", where="replaces <> ''"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(100))
    subject: Mapped[str] = mapped_column(String(255), default="")
    replaces: Mapped[str] = mapped_column(String(255), default="")
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(20))  # waiting, mapped, ignored, unmapped_people, failed
    reason: Mapped[str] = mapped_column(String(40), default="")
    reason_data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    occurred_at: Mapped[datetime]
    due_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=utc_now)

    source: Mapped[Source] = relationship(lazy="joined", innerjoin=True)


class SourceFact(Base):
    """Facts from calls about a candidate, an application, a job or a booking of the other system."""

    __tablename__ = "source_facts"
    __table_args__ = (UniqueConstraint("source_id", "key"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(300))
    value: Mapped[dict[str, Any]]
    seen_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class SourcePerson(Base):
    """A person of the other system, by address or id, and the user that an admin matched them with."""

    __tablename__ = "source_people"
    __table_args__ = (UniqueConstraint("source_id", "external"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"))
    external: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(String(200), default="")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    # Set when an admin said that this person needs no account.
    dismissed_at: Mapped[datetime | None]
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)

    user: Mapped[User | None] = relationship(lazy="joined")
