"""Digests: one email for many notifications, settled once per person and local date."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database.base import Base, Id
from app.models.delivery import Delivery
from app.models.user import User


class Digest(Base):
    """A person's digest of a local date has been settled: it was sent, or nothing was unread (no delivery).

    `kind` is `daily_digest` or `weekly_summary`. Its contents are looked up when it is sent: what is still
    unread then, and was in the inbox at `settled_at`.
    """

    __tablename__ = "digests"
    __table_args__ = (UniqueConstraint("user_id", "kind", "local_date"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    local_date: Mapped[date]
    settled_at: Mapped[datetime] = mapped_column(index=True)
    unread_count: Mapped[int] = mapped_column(default=0)
    delivery_id: Mapped[int | None] = mapped_column(
        ForeignKey("deliveries.id", ondelete="SET NULL"), unique=True
    )

    user: Mapped[User] = relationship(lazy="select")
    delivery: Mapped[Delivery | None] = relationship(lazy="select")
