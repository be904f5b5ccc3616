"""Preferences on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app import catalog
from app.api.schemas.base import Input, OneOf, Output, left_out

Category = Annotated[str, OneOf(tuple(catalog.CATEGORIES))]
Channel = Annotated[str, OneOf(tuple(catalog.CHANNELS))]
Matrix = dict[Category, dict[Channel, bool]]
Clock = Annotated[str, Field(pattern=r"^[0-2][0-9]:[0-5][0-9](:00)?$", examples=["19:00"])]
Day = Annotated[int, Field(ge=0, le=6)]
Lead = Annotated[int, Field(ge=15, le=2880)]
Theme = Literal["system", "light", "dark"]
Density = Literal["comfortable", "compact"]


class QuietHours(Output):
    """When nothing but what is urgent leaves the inbox: local times; past midnight where `start` is after `end`."""

    enabled: bool
    start: Clock
    end: Clock = Field(examples=["07:30"])
    days: list[Day] = Field(
        description="The days on which a quiet night starts; Monday is 0.", examples=[[4, 5]]
    )


class PreferencesOut(Output):
    """Everything one person has chosen."""

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
        description="Exceptions: a cell that is not listed is on.", examples=[{"job": {"email": False}}]
    )
    quiet_hours: QuietHours
    paused_until: datetime | None
    time_zone: str = Field(description="An IANA time zone.", examples=["Europe/Paris"])
    digest_hour: int = Field(examples=[8])
    reminder_lead_minutes: list[int] = Field(examples=[[1440, 60]])
    email_delay_minutes: int = Field(examples=[0])
    single_key_shortcuts: bool
    stack_notifications: bool = Field(description="Pages show what is about the same as one row.")
    theme: Theme
    density: Density


class QuietHoursIn(Input):
    """Part of the quiet hours."""

    enabled: bool = left_out()
    start: Clock = left_out()
    end: Clock = left_out()
    days: list[Day] = left_out()


class PreferencesIn(Input):
    """The fields to change; what is left out stays as it is, in `quiet_hours` and `matrix` too."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"daily_digest": True, "matrix": {"job": {"email": False}}}]}
    )

    email_enabled: bool = left_out()
    in_app_enabled: bool = left_out()
    sms_enabled: bool = left_out()
    push_enabled: bool = left_out()
    webhook_enabled: bool = left_out()
    interview_notifications: bool = left_out()
    resume_notifications: bool = left_out()
    candidate_notifications: bool = left_out()
    job_notifications: bool = left_out()
    evaluation_notifications: bool = left_out()
    system_notifications: bool = left_out()
    daily_digest: bool = left_out()
    weekly_summary: bool = left_out()
    matrix: Matrix = left_out()
    quiet_hours: QuietHoursIn = left_out()
    paused_until: str | None = Field(None, description="RFC 3339 with offset; null ends the pause.")
    time_zone: str = left_out()
    digest_hour: Annotated[int, Field(ge=0, le=23)] = left_out()
    reminder_lead_minutes: Annotated[list[Lead], Field(max_length=10)] = left_out()
    email_delay_minutes: Annotated[int, Field(ge=0, le=1440)] = left_out()
    single_key_shortcuts: bool = left_out()
    stack_notifications: bool = left_out()
    theme: Theme = left_out()
    density: Density = left_out()
