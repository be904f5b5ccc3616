"""Rooms: chat channels of teams, and what was posted to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utc_now
from app.database.base import Base, Id
from app.models.endpoint import FailureCount
from app.models.event import Event
from app.models.interview import Interview


class Room(FailureCount, Base):
    """A chat room that gets the notifications about its `subjects`, independently of their recipients.

    Its address is a secret: it is encrypted with the application's key, and `shown_address` is what people may see.
    Times and texts are in `time_zone` and `locale`. A room that was removed can be restored for a while.
    """

    __tablename__ = "rooms"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(10))  # slack, teams, webhook
    encrypted_address: Mapped[str] = mapped_column(Text)
    shown_address: Mapped[str] = mapped_column(String(200))
    # For the secret that signs calls to a webhook.
    secret_salt: Mapped[str] = mapped_column(String(32))
    subjects: Mapped[list[str]]
    is_confidential_allowed: Mapped[bool] = mapped_column(default=False, server_default=false())
    time_zone: Mapped[str] = mapped_column(String(64))
    locale: Mapped[str] = mapped_column(String(10))
    paused_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def address(self) -> str:
        return f"room:{self.id}"

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    @property
    def is_open(self) -> bool:
        """Whether messages are sent to it."""
        return self.paused_at is None and self.removed_at is None and self.disabled_at is None


class RoomMessage(Base):
    """One event's message to one room, the counterpart of a person's notification.

    `fact_key` is the same for two messages that say the same.
    """

    __tablename__ = "room_messages"
    __table_args__ = (Index("ix_room_messages_fact", "room_id", "fact_key", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"))
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), index=True)
    interview_id: Mapped[int | None] = mapped_column(
        ForeignKey("interviews.id", ondelete="SET NULL"), index=True
    )
    interview_sequence: Mapped[int | None]
    notification_type: Mapped[str] = mapped_column(String(40))
    category: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(255))
    message: Mapped[str] = mapped_column(Text)
    priority: Mapped[str] = mapped_column(String(10))
    data: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    action_url: Mapped[str] = mapped_column(String(2000), default="")
    candidate_id: Mapped[str | None] = mapped_column(String(200))
    job_id: Mapped[str | None] = mapped_column(String(200))
    is_confidential: Mapped[bool] = mapped_column(default=False)
    fact_key: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    room: Mapped[Room] = relationship(lazy="joined", innerjoin=True)
    event: Mapped[Event | None] = relationship(lazy="select")
    interview: Mapped[Interview | None] = relationship(lazy="select")
