"""Announcements on the wire, as they are listed and watched."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from app.api.schemas.admin import AnnouncementState, Role
from app.api.schemas.base import MOMENT, Output
from app.api.schemas.notifications import Channel, Priority, Type


class AnnouncementOut(Output):
    """An announcement: whom it is for, what it says, and to how many of `total` people it is `written`."""

    id: int
    state: AnnouncementState = Field(examples=["written"])
    author: str | None = Field(examples=["bob@example.com"])
    everyone: bool = Field(examples=[False])
    roles: list[Role]
    named: int = Field(description="How many people it was addressed to by name.", examples=[0])
    title: str = Field(examples=["Maintenance on Friday"])
    message: str = Field(examples=["Bellhop is away from 18:00 to 18:15."])
    template_name: str
    notification_type: Type = Field(examples=["system_alert"])
    priority: Priority = Field(examples=["high"])
    channels: list[Channel] | None
    action_url: str
    total: int = Field(examples=[14])
    written: int = Field(examples=[14])
    deliver_at: datetime | None
    created_at: datetime
    ended_at: datetime | None = Field(examples=[MOMENT])


class AnnouncementDetail(AnnouncementOut):
    """The same with its deliveries: for each channel, how many of them stand where, by the outcomes of the log."""

    deliveries: dict[str, dict[str, int]] = Field(
        examples=[{"email": {"waiting": 14}, "in_app": {"sent": 14}}]
    )


class AnnouncementPage(Output):
    """One page of announcements, newest first."""

    results: list[AnnouncementOut]
    next: str | None
    previous: str | None
