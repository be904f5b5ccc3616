"""Schemas of preferences."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.api.schemas.base import Input, Output, optional
from app.api.schemas.notifications import Category, Channel

Matrix = dict[Category, dict[Channel, bool]]
Clock = Annotated[str, Field(pattern=r"^[0-2][0-9]:[0-5][0-9](:00)?$", examples=["19:00"])]
Day = Annotated[int, Field(ge=0, le=6)]
Lead = Annotated[int, Field(ge=15, le=2880)]
Theme = Literal["system", "light", "dark"]
Density = Literal["comfortable", "compact"]


class QuietHours(Output):
    """When only urgent notifications are sent, in local time. They end the next day if `start` is after `end`."""

    enabled: bool
    start: Clock
    end: Clock = Field(examples=["07:30"])
    days: list[Day] = Field(
        description="The weekdays on which quiet hours start; Monday is 0.", examples=[[4, 5]]
    )


class PreferencesOut(Output):
    """All your preferences."""

    email_enabled: bool
    in_app_enabled: bool
    sms_enabled: bool
    push_enabled: bool
    webhook_enabled: bool
    interview_notifications: bool
    resume_notifications: bool
    candidate_notifications: bool
    job_notifications: bool
    evaluation_notifications: bool
    system_notifications: bool
    daily_digest: bool
    weekly_summary: bool
    matrix: Matrix = Field(
        description="Exceptions; channels that are not listed are on.", examples=[{"job": {"email": False}}]
    )
    quiet_hours: QuietHours
    paused_until: datetime | None
    time_zone: str = Field(description="An IANA time zone.", examples=["Europe/Paris"])
    digest_hour: int = Field(examples=[8])
    reminder_lead_minutes: list[int] = Field(examples=[[1440, 60]])
    email_delay_minutes: int = Field(examples=[0])
    single_key_shortcuts: bool
    stack_notifications: bool = Field(description="Whether pages group similar notifications in one row.")
    theme: Theme
    density: Density


class QuietHoursIn(Input):
    """The quiet hours to change. Fields that are left out keep their values."""

    enabled: bool = optional()
    start: Clock = optional()
    end: Clock = optional()
    days: list[Day] = optional()


class PreferencesIn(Input):
    """The fields to change. Fields that are left out keep their values, also in `quiet_hours` and `matrix`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"daily_digest": True, "matrix": {"job": {"email": False}}}]}
    )

    email_enabled: bool = optional()
    in_app_enabled: bool = optional()
    sms_enabled: bool = optional()
    push_enabled: bool = optional()
    webhook_enabled: bool = optional()
    interview_notifications: bool = optional()
    resume_notifications: bool = optional()
    candidate_notifications: bool = optional()
    job_notifications: bool = optional()
    evaluation_notifications: bool = optional()
    system_notifications: bool = optional()
    daily_digest: bool = optional()
    weekly_summary: bool = optional()
    matrix: Matrix = optional()
    quiet_hours: QuietHoursIn = optional()
    paused_until: str | None = Field(None, description="RFC 3339 with offset; null ends the pause.")
    time_zone: str = optional()
    digest_hour: Annotated[int, Field(ge=0, le=23)] = optional()
    reminder_lead_minutes: Annotated[list[Lead], Field(max_length=10)] = optional()
    email_delay_minutes: Annotated[int, Field(ge=0, le=1440)] = optional()
    single_key_shortcuts: bool = optional()
    stack_notifications: bool = optional()
    theme: Theme = optional()
    density: Density = optional()
