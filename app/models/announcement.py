"""An admin's word to many: people, roles or everyone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utc_now
from app.database.base import Base, Id
from app.models.event import Event
from app.models.user import User


class Announcement(Base):
    """An announcement and how far its writing has come; its notifications hang on its event.

    `audience` is what was asked for: `{"everyone": true}`, `{"roles": […]}` or `{"people": [ids]}`. Its own
    words stand in `title` and `message`; they are empty where `template_name` and `context` give them.
    `state` is `writing` until each recipient has a row, then `written`; or `cancelled`. Everybody up to
    `last_user_id` has been dealt with: a process that is killed goes on behind it.
    """

    __tablename__ = "announcements"
    __table_args__ = (
        # Looked for every second, and nearly always empty.
        Index(
            "ix_announcements_writing",
            "id",
            sqlite_where=text("state = 'writing'"),
            postgresql_where=text("state = 'writing'"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), unique=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    audience: Mapped[dict[str, Any]]
    notification_type: Mapped[str] = mapped_column(String(40))
    template_name: Mapped[str] = mapped_column(String(100), default="")
    context: Mapped[dict[str, Any]] = mapped_column(default=dict)
    title: Mapped[str] = mapped_column(String(255), default="")
    message: Mapped[str] = mapped_column(Text, default="")
    priority: Mapped[str] = mapped_column(String(10))
    # None: those of the template, and whatever else each person has switched on.
    channels: Mapped[list[str] | None]
    action_url: Mapped[str] = mapped_column(String(2000), default="")
    # "metadata" belongs to SQLAlchemy in Python.
    data: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    deliver_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    state: Mapped[str] = mapped_column(String(10), default="writing")
    total: Mapped[int]
    written: Mapped[int] = mapped_column(default=0)
    last_user_id: Mapped[int] = mapped_column(Id, default=0)
    ended_at: Mapped[datetime | None]

    event: Mapped[Event] = relationship(lazy="select")
    author: Mapped[User | None] = relationship(lazy="select")
