"""The limits of emails per minute, each with the time of its next email."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.database.base import Base


class SendRate(Base):
    """One limit: `email` for the installation, `@example.com` for a recipient domain."""

    __tablename__ = "send_rates"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    next_at: Mapped[datetime]
