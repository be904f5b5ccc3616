"""Outages of channels: a server that accepts nothing, or rejects our settings."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.database.base import Base


class ChannelOutage(Base):
    """An outage that has not ended: nothing was sent over the channel since `began_at`.

    `alerted_at` is when the admins were alerted to it.
    """

    __tablename__ = "channel_outages"

    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    began_at: Mapped[datetime]
    failed_at: Mapped[datetime]
    alerted_at: Mapped[datetime | None]
    detail: Mapped[str] = mapped_column(String(300))
    is_our_fault: Mapped[bool]
