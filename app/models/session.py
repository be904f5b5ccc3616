"""Sessions of browsers, so that they can be listed and ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utc_now
from app.database.base import Base, Id


class BrowserSession(Base):
    """A browser that is signed in. Its cookie has a random key, of which only the SHA-256 is stored.

    A session that was ended has no row. One that was left alone is deleted by the retention job.
    """

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    # What the browser calls itself (the User-Agent header), and the address of its latest request.
    browser: Mapped[str] = mapped_column(String(300), default="")
    address: Mapped[str] = mapped_column(String(45), default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_seen_at: Mapped[datetime] = mapped_column(default=utc_now)
    # When the password was last typed in this session.
    confirmed_at: Mapped[datetime] = mapped_column(default=utc_now)
