"""The audit log. Rows are added and never changed, and contain no secrets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utc_now
from app.database.base import Base, Id
from app.models.user import User


class AuditEntry(Base):
    """One entry: `action` is a name such as `user.invited`, `subject` is what it was done to."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_action", "action", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    # None: the system itself, or a person who is not signed in.
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(300), default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)

    actor: Mapped[User | None] = relationship(lazy="select")
