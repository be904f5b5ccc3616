"""Schemas of preferences."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask_babel import lazy_gettext as _l
from pydantic import ConfigDict, Field

from app import catalog
from app.api.schemas.base import Input, Output, Pattern, optional
from app.api.schemas.notifications import Category, Channel
from app.rendering.locales import TimeFormat
from app.services.preferences.fields import (
    DAYS,
    DELAY_MINUTES,
    HOURS,
    MAX_LEADS,
    Density,
    Theme,
)


def _within(numbers: range) -> Any:
    return Field(ge=numbers[0], le=numbers[-1])


Matrix = dict[Category, dict[Channel, bool]]
Clock = Annotated[
    str,
    Pattern(r"^[0-2][0-9]:[0-5][0-9](:00)?$", _l("Enter a time such as 19:00.")),
    Field(examples=["19:00"]),
]
Day = Annotated[int, _within(DAYS)]
Lead = Annotated[int, _within(catalog.LEAD_MINUTES)]


class QuietHours(Output):
    """The hours for urgent notifications only, in local time. They end the next day if `start` is after `end`."""

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
    slack_enabled: bool
    teams_enabled: bool
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
    time_format: TimeFormat = Field(description="How times of day are written: 14:30 or 2:30 PM.")
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
    slack_enabled: bool = optional()
    teams_enabled: bool = optional()
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
    paused_until: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None = Field(
        None, description="RFC 3339 with offset; null ends the pause."
    )
    time_zone: str = optional()
    time_format: TimeFormat = optional()
    digest_hour: Annotated[int, _within(HOURS)] = optional()
    reminder_lead_minutes: Annotated[list[Lead], Field(max_length=MAX_LEADS)] = optional()
    email_delay_minutes: Annotated[int, _within(DELAY_MINUTES)] = optional()
    single_key_shortcuts: bool = optional()
    stack_notifications: bool = optional()
    theme: Theme = optional()
    density: Density = optional()
