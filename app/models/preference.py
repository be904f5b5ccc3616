"""Preferences: what each person is notified about, over which channels, and when."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, String, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database.base import Base

if TYPE_CHECKING:
    from app.models.user import User


class UserNotificationPreference(Base):
    """One row per person; the defaults are those of a new account.

    `matrix` holds exceptions only: `{category: {channel: bool}}`. Quiet hours are local times of the
    person's own zone; a start after the end crosses midnight. `quiet_days` counts Monday as 0.
    """

    __tablename__ = "user_notification_preferences"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    email_enabled: Mapped[bool] = mapped_column(default=True)
    in_app_enabled: Mapped[bool] = mapped_column(default=True)
    sms_enabled: Mapped[bool] = mapped_column(default=False)
    push_enabled: Mapped[bool] = mapped_column(default=False)
    slack_enabled: Mapped[bool] = mapped_column(default=False, server_default=false())
    teams_enabled: Mapped[bool] = mapped_column(default=False, server_default=false())
    webhook_enabled: Mapped[bool] = mapped_column(default=False)
    interview_notifications: Mapped[bool] = mapped_column(default=True)
    resume_notifications: Mapped[bool] = mapped_column(default=True)
    candidate_notifications: Mapped[bool] = mapped_column(default=True)
    job_notifications: Mapped[bool] = mapped_column(default=True)
    evaluation_notifications: Mapped[bool] = mapped_column(default=True)
    system_notifications: Mapped[bool] = mapped_column(default=True)
    daily_digest: Mapped[bool] = mapped_column(default=False)
    weekly_summary: Mapped[bool] = mapped_column(default=False)
    matrix: Mapped[dict[str, Any]] = mapped_column(default=dict)
    quiet_enabled: Mapped[bool] = mapped_column(default=False)
    quiet_start: Mapped[time] = mapped_column(default=time(19))
    quiet_end: Mapped[time] = mapped_column(default=time(7, 30))
    quiet_days: Mapped[list[int]] = mapped_column(default=lambda: list(range(7)))
    paused_until: Mapped[datetime | None]
    digest_hour: Mapped[int] = mapped_column(default=8)
    reminder_lead_minutes: Mapped[list[int]] = mapped_column(default=lambda: [1440, 60])
    email_delay_minutes: Mapped[int] = mapped_column(default=0)
    single_key_shortcuts: Mapped[bool] = mapped_column(default=True)
    theme: Mapped[str] = mapped_column(String(10), default="system")
    density: Mapped[str] = mapped_column(String(12), default="comfortable")
    stack_notifications: Mapped[bool] = mapped_column(default=True, server_default=true())

    user: Mapped[User] = relationship(back_populates="preference")


class PreferenceDefaults(Base):
    """The preferences of new accounts, as admins set them: one row, its `values` named as in the JSON API."""

    __tablename__ = "preference_defaults"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)


class PreferenceLock(Base):
    """A category that everyone receives over one channel, whatever their own preferences, and why."""

    __tablename__ = "preference_locks"

    category: Mapped[str] = mapped_column(String(20), primary_key=True)
    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    reason: Mapped[str] = mapped_column(String(300))
