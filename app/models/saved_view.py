"""Saved views and recent searches."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utc_now
from app.database.base import Base, Id


class SavedView(Base):
    """A named filter. `filter` holds `place`, `category`, `priority` and `search`, like the URL of a list."""

    __tablename__ = "saved_views"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    filter: Mapped[dict[str, Any]]
    position: Mapped[int]
    # One of `saved_views.Colour`; empty for that of its first category.
    colour: Mapped[str] = mapped_column(String(10), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    # Deleted views can be restored for a while.
    deleted_at: Mapped[datetime | None]


class RecentSearch(Base):
    """A search of a person, and when they last used it."""

    __tablename__ = "recent_searches"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str] = mapped_column(String(200), primary_key=True)
    searched_at: Mapped[datetime] = mapped_column(default=utc_now)
