"""Schemas of deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.api.schemas.base import Output, Paged, QueryInstant, checked
from app.api.schemas.notifications import Channel, Type
from app.services.base import validation


class DeliveryQuery(Paged):
    """Filters of the delivery log."""

    outcome: list[Literal["sent", "kept", "waiting", "retrying", "failed", "withheld"]] = Field(
        [], examples=[["failed"]]
    )
    channel: list[Channel] = []
    recipient: Annotated[str, checked(validation.text)] = Field(
        "", max_length=200, description="Part of the recipient's name or address."
    )
    notification_type: list[Type] = Field([], description="The type of the notification that was sent.")
    created_after: QueryInstant | None = None
    created_before: QueryInstant | None = None


class DeliverySummary(Output):
    """One message to one address. `verdict` describes its state in a sentence."""

    id: int
    notification_id: int | None = Field(examples=[123])
    recipient: str | None = Field(
        examples=["dana@example.com"], description="Null for a call to a subscription or a room."
    )
    room: str | None = Field(description="The name of the room that gets it.")
    channel: Channel = Field(examples=["email"])
    address: str = Field(examples=["dana@example.com"])
    kind: str = Field(examples=["notification"])
    title: str = Field(examples=["Interview Scheduled for Priya Raman"])
    state: str = Field(examples=["failed"])
    verdict: str = Field(examples=["Rejected: 550 5.1.1 No such user here"])
    attempts: int = Field(examples=[1])
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None


class AttemptOut(Output):
    """One attempt to send, and the receiver's response."""

    number: int = Field(examples=[1])
    started_at: datetime
    finished_at: datetime
    outcome: str = Field(examples=["failed"])
    response: str = Field(examples=["550 5.1.1 No such user here"])


class DeliveryDetail(DeliverySummary):
    """A delivery with all its attempts."""

    log: list[AttemptOut]


class DeliveryList(Output):
    """One page of the delivery log, newest first."""

    results: list[DeliverySummary]
    next: str | None
    previous: str | None
