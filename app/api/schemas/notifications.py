"""Notifications on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from app import catalog
from app.api.schemas.base import (
    MOMENT,
    Input,
    OneOf,
    Output,
    QueryFlag,
    QueryInstant,
    QueryNumber,
    RowId,
    usable,
)
from app.services.base import validation
from app.services.notifications.inbox import CURSOR
from app.services.notifications.places import PLACES

Type = Annotated[str, OneOf(tuple(catalog.TYPES))]
Category = Annotated[str, OneOf(tuple(catalog.CATEGORIES))]
Priority = Annotated[str, OneOf(catalog.PRIORITIES)]
Status = Annotated[str, OneOf(catalog.STATUSES)]
Channel = Annotated[str, OneOf(tuple(catalog.CHANNELS))]
Place = Annotated[str, OneOf(tuple(PLACES))]
Instant = Annotated[datetime, usable(validation.instant)]
Search = Annotated[
    str,
    Field(
        max_length=200,
        description="Words that all stand in the title or the message, as the beginnings of words; phrases in quotes;"
        " `is:`, `type:`, `priority:`, `status:`, `from:` and `before:`; `-` before any of these for what must not be."
        " What is not understood is a 422 that says what is possible.",
    ),
]
ACTIONS = ("read", "unread", "done", "undone", "saved", "unsaved", "snooze", "unsnooze")


class NotificationOut(Output):
    """One notification of the caller."""

    id: int
    notification_type: Type
    category: Category
    title: str = Field(examples=["Interview Scheduled for Priya Raman"])
    message: str = Field(examples=["The interview with Priya Raman is on Thursday 12 March 2026 at 14:00."])
    priority: Priority = Field(examples=["high"])
    status: Status = Field(examples=["read"])
    channels: list[Channel] = Field(examples=[["email", "in_app"]])
    # The row calls it `data`: SQLAlchemy keeps the other name for itself.
    metadata: dict[str, Any] = Field(validation_alias="data")
    action_url: str = Field(examples=["https://meet.example.com/iv-2041"])
    created_at: datetime
    sent_at: datetime | None = Field(examples=[MOMENT])
    read_at: datetime | None = Field(examples=[MOMENT])
    is_read: bool
    archived_at: datetime | None
    saved_at: datetime | None
    snoozed_until: datetime | None


FieldName = Annotated[str, OneOf(tuple(NotificationOut.model_fields))]


class NotificationRow(NotificationOut):
    """One notification of a list: all of its fields, or those that `fields` names."""

    model_config = ConfigDict(json_schema_extra=lambda schema: schema.pop("required", None))


class NotificationPage(Output):
    """One page of a list; `next` and `previous` are complete addresses or null."""

    results: list[NotificationRow]
    next: str | None
    previous: str | None


class ListQuery(Input):
    """What to list. A field that may be repeated also takes its values separated by commas."""

    place: Place = Field("all", description="A part of the inbox, as in the page.")
    notification_type: list[Type] = []
    category: list[Category] = []
    priority: list[Priority] = Field([], examples=[["high"]])
    status: list[Status] = []
    is_read: QueryFlag | None = None
    created_after: QueryInstant | None = Field(None, description="RFC 3339 with offset; later than this.")
    created_before: QueryInstant | None = Field(None, description="RFC 3339 with offset; earlier than this.")
    search: Search = ""
    limit: QueryNumber = Field(50, ge=1, le=200, examples=[10])
    cursor: str | None = Field(None, pattern=f"^{CURSOR}$", description="From `next` or `previous`.")
    fields: list[FieldName] = Field([], description="Only these fields of each notification.")


class DetailQuery(Input):
    """How to look at one notification."""

    peek: QueryFlag = Field(False, description="Do not mark it read.")


class Selection(Input):
    """Which notifications, as the list's filters have it."""

    place: Place = "all"
    notification_type: list[Type] = []
    category: list[Category] = []
    priority: list[Priority] = []
    status: list[Status] = []
    is_read: bool | None = None
    created_after: Instant | None = None
    created_before: Instant | None = None
    search: Search = ""


class ChangeIn(Input):
    """What to do to which notifications: either their ids, or a filter for all that match it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"action": "done", "filter": {"category": ["resume"], "is_read": True}}]
        }
    )

    action: Annotated[str, OneOf(ACTIONS)]
    notification_ids: list[RowId] | None = Field(None, max_length=10_000)
    filter: Selection | None = None
    until: Instant | None = Field(None, description="For `snooze`: when it comes back.")


class ChangeOut(Output):
    """What was done. `id` undoes it for ten minutes; null where nothing changed."""

    id: int | None = Field(examples=[123])
    action: str = Field(examples=["done"])
    updated: int = Field(examples=[2])


class ExplainedEvent(Output):
    """The event that a notification came from."""

    id: str = Field(validation_alias="external_id", examples=["iv-2041-booked"])
    source: str = Field(examples=["/platform/interviews"])
    type: str = Field(examples=["interview.scheduled"])
    occurred_at: datetime


class Way(Output):
    """One channel: what was decided, and how it went; `words` is the sentence for it."""

    channel: Channel = Field(examples=["email"])
    address: str = Field(examples=["dana@example.com"])
    state: str = Field(examples=["sent"])
    reason: str = Field(examples=["sent"])
    words: str = Field(examples=["Sent"])
    due_at: datetime | None = Field(examples=[MOMENT])
    sent_at: datetime | None = Field(examples=[MOMENT])
    attempts: int = Field(examples=[1])


class ReminderOutcome(Output):
    """What became of one reminder of the interview, made or not; `words` is the sentence for it."""

    lead: str = Field(description="How long before the start, in words.", examples=["1 hour"])
    starts_at: datetime = Field(examples=["2026-03-10T10:30:00Z"])
    words: str = Field(examples=["Made"])
    decided_at: datetime


class Explanation(Output):
    """Why this notification reached its reader, or did not, channel by channel."""

    notification_id: int
    event: ExplainedEvent | None
    reason: str = Field(examples=["You get this because you're a recruiter on this interview."])
    recipient_reason: str = Field(examples=["The event names this person as a recipient."])
    channels: list[Way] = Field(validation_alias="ways")
    reminders: list[ReminderOutcome] = Field(
        description="Of the interview that this is about: those that were decided on so far."
    )


class MarkRead(Input):
    """Which notification to mark read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"notification_id": 123}]})

    notification_id: RowId


class BulkMarkRead(Input):
    """Which notifications to mark read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"notification_ids": [123, 124]}]})

    notification_ids: list[RowId] = Field(max_length=10_000)


class Updated(Output):
    """How many notifications changed. Those of others and those already read are not counted."""

    updated: int = Field(examples=[2])


class UnreadCount(Output):
    """How many notifications stand unread."""

    unread_count: int = Field(examples=[3])


class Summary(Output):
    """The caller's notifications in numbers."""

    total: int = Field(examples=[8])
    unread: int = Field(examples=[3])
    by_type: dict[str, int] = Field(examples=[{"interview_scheduled": 8}])
    by_category: dict[str, int] = Field(examples=[{"interview": 8}])
    by_priority: dict[str, int] = Field(examples=[{"high": 8}])
    by_status: dict[str, int] = Field(examples=[{"sent": 3, "read": 5}])
    by_channel: dict[str, int] = Field(
        description="Messages that went out, by channel.", examples=[{"email": 8, "in_app": 8}]
    )
    last_7_days: int = Field(examples=[5])
    last_30_days: int = Field(examples=[8])
