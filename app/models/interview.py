"""Interviews: what Bellhop needs for reminders, changes and cancellations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utc_now
from app.database.base import Base, Id, partial_index
from app.models.user import User


class InterviewRecruiter(Base):
    """A recruiter who is notified about an interview."""

    __tablename__ = "interview_recruiters"

    interview_id: Mapped[int] = mapped_column(
        ForeignKey("interviews.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    # Set when this person did not attend and is not asked for an evaluation.
    absent_at: Mapped[datetime | None]
    # When a booking, a move or a reassignment told this person of the present start.
    start_reported_at: Mapped[datetime | None]


class InterviewAlias(Base):
    """Another id of the platform for an interview: some systems give it a new one when they move it."""

    __tablename__ = "interview_aliases"

    external_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    interview_id: Mapped[int] = mapped_column(ForeignKey("interviews.id", ondelete="CASCADE"), index=True)


class Interview(Base):
    """An interview, known by the platform's first id for it (`external_id`), which its calendar entry keeps.

    `sequence` rises with every change of its calendar entry (RFC 5545, 3.8.7.4). `changed_at` is the
    time of the newest event seen: an older one that arrives late changes nothing.
    """

    __tablename__ = "interviews"
    __table_args__ = (
        partial_index("ix_interviews_candidate", "candidate_id", "job_id", where="candidate_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(255), unique=True)
    status: Mapped[str] = mapped_column(String(20), default="scheduled")  # scheduled, cancelled, completed
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    candidate_name: Mapped[str] = mapped_column(String(255))
    job_title: Mapped[str] = mapped_column(String(255))
    company_name: Mapped[str] = mapped_column(String(255))
    meeting_url: Mapped[str] = mapped_column(String(2000), default="")
    location: Mapped[str] = mapped_column(String(500), default="")
    interviewer: Mapped[str] = mapped_column(String(255), default="")
    # Its page on the platform.
    action_url: Mapped[str] = mapped_column(String(2000), default="", server_default=text("''"))
    candidate_id: Mapped[str | None] = mapped_column(String(200))
    job_id: Mapped[str | None] = mapped_column(String(200))
    is_confidential: Mapped[bool] = mapped_column(default=False, server_default=false())
    sequence: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime]
    completed_at: Mapped[datetime | None] = mapped_column(index=True)
    evaluated_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    recruiters: Mapped[list[User]] = relationship(
        secondary="interview_recruiters", order_by=User.id, lazy="select"
    )
