"""Saved views: a filter that somebody gave a name; and what people searched for last."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utc_now
from app.database.base import Base, Id


class SavedView(Base):
    """A filter with a name. `filter` holds `place`, `category`, `priority` and `search`, as a list's address does."""

    __tablename__ = "saved_views"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    filter: Mapped[dict[str, Any]]
    position: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    # A deletion can be undone for a while.
    deleted_at: Mapped[datetime | None]


class RecentSearch(Base):
    """What somebody searched for, and when they last did."""

    __tablename__ = "recent_searches"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str] = mapped_column(String(200), primary_key=True)
    searched_at: Mapped[datetime] = mapped_column(default=utc_now)
