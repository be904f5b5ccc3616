"""Schemas of rooms."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.base import MOMENT, Input, OneOf, Output, optional
from app.services.base.secret_addresses import MAX_ADDRESS
from app.services.rooms.management import CHANNELS, MAX_SUBJECTS

RoomChannel = Annotated[str, OneOf(CHANNELS)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Address = Annotated[str, Field(min_length=1, max_length=MAX_ADDRESS)]
Subjects = Annotated[list[str], Field(min_length=1, max_length=MAX_SUBJECTS)]


class RoomIn(Input):
    """The room to add.

    `address` is an incoming webhook's URL or, in Slack, the id of a channel that the bot is in. `subjects` are `*`
    (everything), `job:<id>`, `type:<notification type>` and `category:<category>`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "#hiring-data",
                    "channel": "slack",
                    "address": "https://hooks.slack.com/services/T024BE7LD/B0A1B2C3D/x1Y2z3",
                    "subjects": ["job:job-12", "type:candidate_hired"],
                    "is_confidential_allowed": False,
                }
            ]
        }
    )

    name: Name
    channel: RoomChannel
    address: Address
    subjects: Subjects
    is_confidential_allowed: bool = False
    time_zone: str | None = Field(None, description="The time zone of its messages; by default yours.")


class RoomChange(Input):
    """The fields to change. Fields that are left out keep their values."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_paused": True}]})

    name: Name = optional()
    address: Address = optional()
    subjects: Subjects = optional()
    is_confidential_allowed: bool = optional()
    time_zone: str = optional()
    is_paused: bool = optional()


class RoomOut(Output):
    """A room. `address` is shown in part; `disabled_at` and `disabled_reason` say if and why it was turned off."""

    id: int
    name: str = Field(examples=["#hiring-data"])
    channel: RoomChannel = Field(examples=["slack"])
    address: str = Field(examples=["https://hooks.slack.com/…2z3"])
    subjects: list[str] = Field(examples=[["job:job-12", "type:candidate_hired"]])
    is_confidential_allowed: bool = Field(examples=[False])
    time_zone: str = Field(examples=["Europe/Paris"])
    is_paused: bool = Field(examples=[False])
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str
    created_at: datetime


class NewRoom(RoomOut):
    """A room with the secret that signs its webhook, shown only once; null for the other channels."""

    secret: str | None


class RoomList(Output):
    """Every room, oldest first."""

    results: list[RoomOut]
    next: str | None
    previous: str | None


class RoomDeliveryOut(Output):
    """A message to a room. `verdict` describes its state in a sentence; `response` is the last response."""

    id: int
    kind: str = Field(examples=["room"])
    title: str = Field(examples=["Priya Raman Hired"])
    state: str = Field(examples=["sent"])
    verdict: str = Field(examples=["Sent"])
    attempts: int = Field(examples=[1])
    response: str = Field(examples=["200 ok"])
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None = Field(examples=[MOMENT])


class RoomDeliveryList(Output):
    """One page of the messages to a room, newest first."""

    results: list[RoomDeliveryOut]
    next: str | None
    previous: str | None
