"""Jobs that people are hired for, and their hiring teams."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utc_now
from app.database.base import Base, Id
from app.models.user import User


class HiringTeamMember(Base):
    """A person on the hiring team of a job."""

    __tablename__ = "hiring_team_members"

    job_id: Mapped[int] = mapped_column(ForeignKey("hiring_jobs.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class HiringJob(Base):
    """A job of the platform, known by the platform's own id (`external_id`) from the events about it.

    Its team is that of the newest event that named one, until an admin sets it (`is_team_set`).
    """

    __tablename__ = "hiring_jobs"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(200), unique=True)
    title: Mapped[str] = mapped_column(String(255), default="")
    is_confidential: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_team_set: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    team: Mapped[list[User]] = relationship(
        secondary="hiring_team_members", order_by=User.name, lazy="select"
    )
