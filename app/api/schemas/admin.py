"""What admins see and do, on the wire: deliveries, people, announcements."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from app import catalog
from app.api.schemas.base import Input, OneOf, Output, Paged, QueryInstant, left_out, usable
from app.api.schemas.notifications import Channel, Priority, Type
from app.services.announcements import progress as announcement_progress
from app.services.base import validation

Role = Annotated[str, OneOf(catalog.ROLES)]


class DeliveryQuery(Paged):
    """What to list of the delivery log."""

    outcome: list[Literal["sent", "kept", "waiting", "retrying", "failed", "withheld"]] = Field(
        [], examples=[["failed"]]
    )
    channel: list[Channel] = []
    recipient: Annotated[str, usable(validation.text)] = Field(
        "", max_length=200, description="Part of a name or of an address."
    )
    notification_type: list[Type] = Field([], description="Whose template it was worded by.")
    created_after: QueryInstant | None = None
    created_before: QueryInstant | None = None


class DeliverySummary(Output):
    """One message on its way; `verdict` is the sentence for its state."""

    id: int
    notification_id: int | None = Field(examples=[123])
    recipient: str = Field(examples=["dana@example.com"])
    channel: Channel = Field(examples=["email"])
    address: str = Field(examples=["dana@example.com"])
    kind: str = Field(examples=["notification"])
    title: str = Field(examples=["Interview Scheduled for Priya Raman"])
    state: str = Field(examples=["failed"])
    verdict: str = Field(examples=["Refused: 550 5.1.1 No such user here"])
    attempts: int = Field(examples=[1])
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None


class AttemptOut(Output):
    """One try, and what the other side answered."""

    number: int = Field(examples=[1])
    started_at: datetime
    finished_at: datetime
    outcome: str = Field(examples=["failed"])
    response: str = Field(examples=["550 5.1.1 No such user here"])


class DeliveryDetail(DeliverySummary):
    """The same with every attempt."""

    log: list[AttemptOut]


class DeliveryPage(Output):
    """One page of the delivery log, newest first."""

    results: list[DeliverySummary]
    next: str | None
    previous: str | None


class Invite(Input):
    """Whom to invite; they choose a password by a link in a mail."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "dana@example.com", "name": "Dana Petrov", "role": "recruiter"}]
        }
    )

    email: str = Field(max_length=254)
    name: str = Field(min_length=1, max_length=200)
    role: Role = "recruiter"


class PersonChange(Input):
    """What to change about a person."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "recruiter"}]})

    role: Role = left_out()
    is_enabled: bool = left_out()


class PersonOut(Output):
    """Somebody with an account."""

    id: int
    email: str = Field(examples=["dana@example.com"])
    name: str = Field(examples=["Dana Petrov"])
    role: Role
    is_enabled: bool
    time_zone: str = Field(examples=["Europe/Paris"])
    created_at: datetime
    last_signed_in_at: datetime | None


class PeoplePage(Output):
    """One page of people, by name."""

    results: list[PersonOut]
    next: str | None
    previous: str | None


AnnouncementState = Annotated[str, OneOf(announcement_progress.STATES)]


class Announce(Input):
    """What to say, to whom: one of `recipients`, `roles`, `everyone`; `title` and `message`, or a template."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "roles": ["recruiter"],
                    "title": "Maintenance on Friday",
                    "message": "Bellhop is away from 18:00 to 18:15.",
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
    deliver_at: Annotated[datetime, usable(validation.instant)] | None = None


class Announced(Output):
    """What became of an announcement: whoever it was written to is listed, up to 100 people."""

    id: int
    state: AnnouncementState = Field(examples=["written"])
    total: int = Field(examples=[1])
    written: int = Field(examples=[1])
    deliver_at: datetime | None
    notifications: list[Reached]


class Reached(Output):
    """One recipient and their notification."""

    id: int
    recipient: str = Field(examples=["dana@example.com"])
