"""The follows and mutes of people."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utc_now
from app.database.base import Base, Id


class Follow(Base):
    """A person's wish to be notified, or not to be, about a `subject`.

    The subject is `candidate:<id>`, `job:<id>` or `type:<notification type>`; `mode` is `follow` or `mute`. A wish
    whose `until` has passed has no effect.
    """

    __tablename__ = "follows"
    __table_args__ = (
        UniqueConstraint("user_id", "subject"),
        Index("ix_follows_subject", "subject", "mode"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    subject: Mapped[str] = mapped_column(String(220))
    mode: Mapped[str] = mapped_column(String(10))
    until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
