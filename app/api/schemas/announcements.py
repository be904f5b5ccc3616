"""Schemas of announcements."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from app.api.schemas.base import MOMENT, Input, OneOf, Output
from app.api.schemas.notifications import Channel, ExternalId, Instant, Priority, Type
from app.api.schemas.people import Role
from app.services.announcements import progress as announcement_progress
from app.services.events.data import MAX_TEAM

AnnouncementState = Annotated[str, OneOf(announcement_progress.STATES)]


class AnnouncementIn(Input):
    """The announcement to send.

    Takes one of `recipients`, `roles` and `everyone`, or only a `hiring_team`; and either `title` and `message` or
    `template_name`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "roles": ["recruiter"],
                    "title": "Maintenance on Friday",
                    "message": "Bellhop is unavailable from 18:00 to 18:15.",
                    "priority": "high",
                }
            ]
        }
    )

    recipients: list[str] | None = Field(None, min_length=1, max_length=10_000)
    roles: list[Role] | None = Field(None, min_length=1)
    everyone: bool = False
    title: str = Field("", max_length=255)
    message: str = Field("", max_length=10_000)
    template_name: str = Field("", max_length=100)
    context: dict[str, Any] = {}
    notification_type: Type = "system_alert"
    priority: Priority | None = None
    channels: list[Channel] | None = Field(None, min_length=1)
    action_url: str = Field("", max_length=2000)
    metadata: dict[str, Any] = {}
    candidate_id: ExternalId | None = None
    job_id: ExternalId | None = None
    is_confidential: bool = False
    hiring_team: list[str] = Field([], max_length=MAX_TEAM)
    deliver_at: Instant | None = None


class AnnouncementRecipient(Output):
    """A recipient and the id of their notification."""

    id: int
    recipient: str = Field(examples=["dana@example.com"])


class AnnouncementReceipt(Output):
    """The new announcement. `notifications` lists up to 100 of its recipients."""

    id: int
    state: AnnouncementState = Field(examples=["written"])
    total: int = Field(examples=[1])
    written: int = Field(examples=[1])
    deliver_at: datetime | None
    notifications: list[AnnouncementRecipient]


class AnnouncementOut(Output):
    """An announcement. `written` counts the people, out of `total`, whose notification was created."""

    id: int
    state: AnnouncementState = Field(examples=["written"])
    author: str | None = Field(examples=["bob@example.com"])
    everyone: bool = Field(examples=[False])
    roles: list[Role]
    named: int = Field(description="The number of people it was addressed to individually.", examples=[0])
    title: str = Field(examples=["Maintenance on Friday"])
    message: str = Field(examples=["Bellhop is unavailable from 18:00 to 18:15."])
    template_name: str
    notification_type: Type = Field(examples=["system_alert"])
    priority: Priority = Field(examples=["high"])
    channels: list[Channel] | None
    action_url: str
    candidate_id: str | None = Field(examples=[None])
    job_id: str | None = Field(examples=[None])
    is_confidential: bool = Field(examples=[False])
    hiring_team: list[str]
    total: int = Field(examples=[14])
    written: int = Field(examples=[14])
    deliver_at: datetime | None
    created_at: datetime
    ended_at: datetime | None = Field(examples=[MOMENT])


class AnnouncementDetail(AnnouncementOut):
    """An announcement with the number of its deliveries by channel and outcome."""

    deliveries: dict[str, dict[str, int]] = Field(
        examples=[{"email": {"waiting": 14}, "in_app": {"sent": 14}}]
    )


class AnnouncementList(Output):
    """One page of announcements, newest first."""

    results: list[AnnouncementOut]
    next: str | None
    previous: str | None
