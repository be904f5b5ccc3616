"""Leases and runs of scheduled jobs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.database.base import Base, Id, partial_index


class Lease(Base):
    """A name that at most one process holds, until `held_until`."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    holder: Mapped[str] = mapped_column(String(80))
    held_until: Mapped[datetime]


class JobRun(Base):
    """One run of a job. `slot_at` is its scheduled time and unique, so that each slot runs once.

    `state` is `asked` (requested by an admin), `running`, `succeeded` or `failed`. `tries` is how often this slot was
    started, `failures` the number of consecutive failures, earlier slots included.
    """

    __tablename__ = "job_runs"
    __table_args__ = (
        UniqueConstraint("name", "slot_at"),
        # Polled every other second, and almost always empty.
        partial_index("ix_job_runs_asked", "id", where="state = 'asked'"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    slot_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12))
    tries: Mapped[int] = mapped_column(default=1)
    failures: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    count: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text, default="")
    holder: Mapped[str] = mapped_column(String(80), default="")
    lease_until: Mapped[datetime | None]
