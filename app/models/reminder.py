"""Decided reminders. Their unique keys ensure that each is sent at most once."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database.base import Base, Id


class Reminder(Base):
    """A reminder to one person, one lead time before one start of an interview, and its outcome.

    `outcome` is `sent`, or the reason why it was not: `late` (a closer reminder was sent instead), `moved`,
    `cancelled`, `completed`, `left` (reassigned to another recruiter), `over` (the interview had begun).
    """

    __tablename__ = "reminders"
    __table_args__ = (UniqueConstraint("interview_id", "starts_at", "lead_minutes", "user_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    interview_id: Mapped[int] = mapped_column(ForeignKey("interviews.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime]
    lead_minutes: Mapped[int]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    outcome: Mapped[str] = mapped_column(String(12))
    decided_at: Mapped[datetime]


class EvaluationReminder(Base):
    """A recruiter was asked for an evaluation on a local date."""

    __tablename__ = "evaluation_reminders"
    __table_args__ = (UniqueConstraint("interview_id", "user_id", "local_date"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    interview_id: Mapped[int] = mapped_column(ForeignKey("interviews.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    local_date: Mapped[date]
    made_at: Mapped[datetime]
