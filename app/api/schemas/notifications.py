"""Schemas of notifications."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from flask_babel import gettext as _
from pydantic import AfterValidator, ConfigDict, Field

from app import catalog
from app.api.schemas.base import (
    CURSOR_ADVICE,
    MOMENT,
    Input,
    OneOf,
    Output,
    Pattern,
    QueryFlag,
    QueryInstant,
    QueryNumber,
    RowId,
    checked,
)
from app.services.base import validation
from app.services.notifications.actions import MAX_NAMED
from app.services.notifications.inbox import CURSOR

Type = Annotated[str, OneOf(tuple(catalog.TYPES))]
Category = Annotated[str, OneOf(tuple(catalog.CATEGORIES))]
Priority = Annotated[str, OneOf(catalog.PRIORITIES)]
Status = Annotated[str, OneOf(catalog.STATUSES)]
Channel = Annotated[str, OneOf(tuple(catalog.CHANNELS))]
Place = Annotated[str, OneOf(catalog.PLACES)]

ExternalId = Annotated[str, Field(min_length=1, max_length=validation.MAX_ID)]
Instant = Annotated[datetime, checked(validation.instant)]
Search = Annotated[
    str,
    Field(
        max_length=200,
        description="Word prefixes that must all occur in the title or the message, and phrases in quotes. Also the"
        " filters `is:`, `in:`, `type:`, `priority:`, `status:`, `candidate:`, `job:`, `company:`, `from:`, `before:`."
        " `-` in front of a term excludes its matches. An invalid filter is a 422 that lists the valid ones.",
    ),
]
METADATA_NAME = re.compile(r"metadata\.([\w -]{1,100})")


def _metadata_name(name: str) -> str:
    if not METADATA_NAME.fullmatch(name):
        raise ValueError(_("Unknown field."))
    return name


MetadataName = Annotated[str, AfterValidator(_metadata_name)]


class NotificationOut(Output):
    """One of your notifications."""

    id: int
    notification_type: Type
    category: Category
    title: str = Field(examples=["Interview Scheduled for Priya Raman"])
    message: str = Field(examples=["The interview with Priya Raman is on Thursday 12 March 2026 at 14:00."])
    priority: Priority = Field(examples=["high"])
    status: Status = Field(examples=["read"])
    channels: list[Channel] = Field(examples=[["email", "in_app"]])
    # The column is called `data`, because SQLAlchemy reserves the name `metadata`.
    metadata: dict[str, Any] = Field(validation_alias="data")
    action_url: str = Field(examples=["https://meet.example.com/iv-2041"])
    candidate_id: str | None = Field(examples=["cand-77"])
    job_id: str | None = Field(examples=["job-12"])
    is_confidential: bool = Field(examples=[False])
    hiring_team: list[str] = Field(examples=[["dana@example.com"]])
    created_at: datetime
    sent_at: datetime | None = Field(examples=[MOMENT])
    read_at: datetime | None = Field(examples=[MOMENT])
    is_read: bool
    archived_at: datetime | None
    saved_at: datetime | None
    snoozed_until: datetime | None


FieldName = Annotated[str, OneOf(tuple(NotificationOut.model_fields))]


class NotificationRow(NotificationOut):
    """A notification in a list, with all fields or those named by `fields`."""

    model_config = ConfigDict(json_schema_extra=lambda schema: schema.pop("required", None))


class NotificationList(Output):
    """One page of notifications. `next` and `previous` are absolute URLs or null."""

    results: list[NotificationRow]
    next: str | None
    previous: str | None


class NotificationQuery(Input):
    """Filters of the list. A parameter that can be repeated also accepts comma-separated values.

    `metadata.<name>=<value>` finds the notifications whose metadata have this value.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[MetadataName, str]

    place: Place = Field("all", description="A section of the inbox, as on the page.")
    notification_type: list[Type] = []
    category: list[Category] = []
    priority: list[Priority] = Field([], examples=[["high"]])
    status: list[Status] = []
    is_read: QueryFlag | None = None
    created_after: QueryInstant | None = Field(
        None, description="Only later than this (RFC 3339 with offset)."
    )
    created_before: QueryInstant | None = Field(
        None, description="Only earlier than this (RFC 3339 with offset)."
    )
    candidate_id: ExternalId | None = Field(None, description="Only about this candidate.")
    job_id: ExternalId | None = Field(None, description="Only about this job.")
    search: Search = ""
    limit: QueryNumber = Field(50, ge=1, le=200, examples=[10])
    cursor: Annotated[str, Pattern(f"^{CURSOR}$", CURSOR_ADVICE)] | None = Field(
        None, description="From `next` or `previous`."
    )
    fields: list[FieldName] = Field([], description="Return only these fields of each notification.")


class DetailQuery(Input):
    """Options for getting a notification."""

    peek: QueryFlag = Field(False, description="Do not mark the notification as read.")


class Selection(Input):
    """Selects notifications with the same filters as the list."""

    place: Place = "all"
    notification_type: list[Type] = []
    category: list[Category] = []
    priority: list[Priority] = []
    status: list[Status] = []
    is_read: bool | None = None
    created_after: Instant | None = None
    created_before: Instant | None = None
    candidate_id: ExternalId | None = None
    job_id: ExternalId | None = None
    search: Search = ""


class ChangeIn(Input):
    """The action, and the notifications to apply it to: either their ids or a filter."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"action": "done", "filter": {"category": ["resume"], "is_read": True}}]
        }
    )

    action: Annotated[str, OneOf(catalog.ACTIONS)]
    notification_ids: list[RowId] | None = Field(None, max_length=MAX_NAMED)
    filter: Selection | None = None
    until: Instant | None = Field(None, description="For `snooze`: when it returns to the inbox.")


class ChangeOut(Output):
    """The change. `id` can undo it for ten minutes; null if nothing changed."""

    id: int | None = Field(examples=[123])
    action: str = Field(examples=["done"])
    updated: int = Field(examples=[2])


class ExplainedEvent(Output):
    """The event that caused a notification."""

    id: str = Field(validation_alias="external_id", examples=["iv-2041-booked"])
    source: str = Field(examples=["/platform/interviews"])
    type: str = Field(examples=["interview.scheduled"])
    occurred_at: datetime


class ChannelExplanationOut(Output):
    """The decision for one channel and its result. `words` describes both in a sentence."""

    channel: Channel = Field(examples=["email"])
    address: str = Field(examples=["dana@example.com"])
    state: str = Field(examples=["sent"])
    reason: str = Field(examples=["sent"])
    words: str = Field(validation_alias="sentence", examples=["Sent"])
    due_at: datetime | None = Field(examples=[MOMENT])
    sent_at: datetime | None = Field(examples=[MOMENT])
    attempts: int = Field(examples=[1])


class ReminderOut(Output):
    """One reminder of the interview, sent or skipped. `words` describes the result in a sentence."""

    lead: str = Field(description="How long before the interview, in words.", examples=["1 hour"])
    starts_at: datetime = Field(examples=["2026-03-10T10:30:00Z"])
    words: str = Field(validation_alias="sentence", examples=["Sent"])
    decided_at: datetime


class RoomExplanationOut(Output):
    """The same event's message to a room. `words` describes its state in a sentence."""

    room: str = Field(examples=["#hiring"])
    channel: Channel = Field(examples=["slack"])
    state: str = Field(examples=["sent"])
    reason: str = Field(examples=["sent"])
    words: str = Field(validation_alias="sentence", examples=["Sent"])


class ExplanationOut(Output):
    """The reasons why this notification was or was not sent, channel by channel."""

    notification_id: int
    event: ExplainedEvent | None
    reason: str = Field(examples=["You get this because you're a recruiter on this interview."])
    recipient_reason: str = Field(examples=["Named in the event."])
    channels: list[ChannelExplanationOut]
    reminders: list[ReminderOut] = Field(
        description="The reminders of this interview that were decided so far."
    )
    rooms: list[RoomExplanationOut] = Field(
        description="The chat rooms that get the same event.", examples=[[]]
    )


class MarkRead(Input):
    """The notification to mark read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"notification_id": 123}]})

    notification_id: RowId


class BulkMarkRead(Input):
    """The notifications to mark read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"notification_ids": [123, 124]}]})

    notification_ids: list[RowId] = Field(max_length=MAX_NAMED)


class Updated(Output):
    """The number of notifications that changed. Other users' and those already read do not count."""

    updated: int = Field(examples=[2])


class UnreadCount(Output):
    """The number of unread notifications."""

    unread_count: int = Field(examples=[3])


class Summary(Output):
    """Counts of your notifications."""

    total: int = Field(examples=[8])
    unread: int = Field(examples=[3])
    by_type: dict[str, int] = Field(examples=[{"interview_scheduled": 8}])
    by_category: dict[str, int] = Field(examples=[{"interview": 8}])
    by_priority: dict[str, int] = Field(examples=[{"high": 8}])
    by_status: dict[str, int] = Field(examples=[{"sent": 3, "read": 5}])
    by_channel: dict[str, int] = Field(
        description="Messages sent, by channel.", examples=[{"email": 8, "in_app": 8}]
    )
    last_7_days: int = Field(examples=[5])
    last_30_days: int = Field(examples=[8])
