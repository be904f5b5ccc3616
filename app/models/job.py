"""Who keeps the timetable, and how its jobs went."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database.base import Base, Id


class Lease(Base):
    """A name that one process at a time holds, until `held_until`."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    holder: Mapped[str] = mapped_column(String(80))
    held_until: Mapped[datetime]


class JobRun(Base):
    """One run of a job. `slot_at` is the moment of the timetable it belongs to, so that each is run once.

    `state` is `asked` (an admin wants it now), `running`, `succeeded` or `failed`. `tries` counts how often
    this slot was begun, `failures` how many tries failed one after the other, earlier slots included.
    """

    __tablename__ = "job_runs"
    __table_args__ = (
        UniqueConstraint("name", "slot_at"),
        # Looked for every other second, and nearly always empty.
        Index(
            "ix_job_runs_asked",
            "id",
            sqlite_where=text("state = 'asked'"),
            postgresql_where=text("state = 'asked'"),
        ),
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
