"""Announcements on the wire, as they are listed and watched."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from app.api.schemas.admin import AnnouncementState, Role
from app.api.schemas.base import Output
from app.api.schemas.notifications import Channel, Priority, Type


class AnnouncementOut(Output):
    """An announcement: whom it is for, what it says, and to how many of `total` people it is `written`."""

    id: int
    state: AnnouncementState
    author: str | None
    everyone: bool
    roles: list[Role]
    named: int = Field(description="How many people it was addressed to by name.")
    title: str
    message: str
    template_name: str
    notification_type: Type
    priority: Priority
    channels: list[Channel] | None
    action_url: str
    total: int
    written: int
    deliver_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class AnnouncementDetail(AnnouncementOut):
    """The same with its deliveries: for each channel, how many of them stand where, by the outcomes of the log."""

    deliveries: dict[str, dict[str, int]]


class AnnouncementPage(Output):
    """One page of announcements, newest first."""

    results: list[AnnouncementOut]
    next: str | None
    previous: str | None
