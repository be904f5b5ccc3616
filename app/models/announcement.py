"""Announcements of admins to some people, to roles or to everyone, and those that are being written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utc_now
from app.database.base import Base, Id, partial_index
from app.models.event import Event
from app.models.user import User


class Announcement(Base):
    """An announcement and its progress. Its notifications belong to its event.

    `audience` is `{"everyone": true}`, `{"roles": […]}` or `{"people": [ids]}`. `title` and `message` hold the text,
    or are empty if it comes from `template_name` and `context`. `state` is `writing` until every recipient has a
    notification, then `written`; or `cancelled`. Everyone up to `last_user_id` has one: after a crash, writing
    continues from there.
    """

    __tablename__ = "announcements"
    __table_args__ = (
        # Polled every second, and almost always empty.
        partial_index("ix_announcements_writing", "id", where="state = 'writing'"),
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
    # None: those of the template, and the channels that each person has turned on.
    channels: Mapped[list[str] | None]
    action_url: Mapped[str] = mapped_column(String(2000), default="")
    # "metadata" belongs to SQLAlchemy in Python.
    data: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    candidate_id: Mapped[str | None] = mapped_column(String(200))
    job_id: Mapped[str | None] = mapped_column(String(200))
    is_confidential: Mapped[bool] = mapped_column(default=False, server_default=false())
    hiring_team: Mapped[list[str]] = mapped_column(default=list, server_default=text("'[]'"))
    deliver_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    state: Mapped[str] = mapped_column(String(10), default="writing")
    total: Mapped[int]
    written: Mapped[int] = mapped_column(default=0)
    last_user_id: Mapped[int] = mapped_column(Id, default=0)
    ended_at: Mapped[datetime | None]

    event: Mapped[Event] = relationship(lazy="select")
    author: Mapped[User | None] = relationship(lazy="select")


class AnnouncementDraft(Base):
    """An announcement that an admin has begun. `form` is what they typed."""

    __tablename__ = "announcement_drafts"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    form: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
