"""Facts about this installation, one row."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.database.base import Base


class Installation(Base):
    """One row, written when there is something to remember."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    # When an admin put the checklist of the first steps away.
    checklist_dismissed_at: Mapped[datetime | None]
