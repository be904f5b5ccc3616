"""Notifications on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from app import catalog
from app.api.schemas.base import Input, OneOf, Output, QueryFlag, QueryInstant, QueryNumber, RowId

Type = Annotated[str, OneOf(tuple(catalog.TYPES))]
Category = Annotated[str, OneOf(tuple(catalog.CATEGORIES))]
Priority = Annotated[str, OneOf(catalog.PRIORITIES)]
Status = Annotated[str, OneOf(catalog.STATUSES)]
Channel = Annotated[str, OneOf(catalog.CHANNELS)]


class NotificationOut(Output):
    """One notification of the caller."""

    id: int
    notification_type: Type
    category: Category
    title: str
    message: str
    priority: Priority
    status: Status
    channels: list[Channel]
    # The row calls it `data`: SQLAlchemy keeps the other name for itself.
    metadata: dict[str, Any] = Field(validation_alias="data")
    action_url: str
    created_at: datetime
    sent_at: datetime | None
    read_at: datetime | None
    is_read: bool
    archived_at: datetime | None
    saved_at: datetime | None
    snoozed_until: datetime | None


FieldName = Annotated[str, OneOf(tuple(NotificationOut.model_fields))]


class NotificationPage(Output):
    """One page of a list; `next` and `previous` are complete addresses or null."""

    results: list[NotificationOut]
    next: str | None
    previous: str | None


class ListQuery(Input):
    """What to list. A field that may be repeated also takes its values separated by commas."""

    notification_type: list[Type] = []
    category: list[Category] = []
    priority: list[Priority] = []
    status: list[Status] = []
    is_read: QueryFlag | None = None
    created_after: QueryInstant | None = Field(None, description="RFC 3339 with offset; later than this.")
    created_before: QueryInstant | None = Field(None, description="RFC 3339 with offset; earlier than this.")
    search: str = Field("", max_length=200, description="Words that all stand in the title or the message.")
    limit: QueryNumber = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=200, description="From `next` or `previous`.")
    fields: list[FieldName] = Field([], description="Only these fields of each notification.")


class DetailQuery(Input):
    """How to look at one notification."""

    peek: QueryFlag = Field(False, description="Do not mark it read.")


class MarkRead(Input):
    """Which notification to mark read."""

    notification_id: RowId


class BulkMarkRead(Input):
    """Which notifications to mark read."""

    notification_ids: list[RowId] = Field(max_length=10_000)


class Updated(Output):
    """How many notifications changed. Those of others and those already read are not counted."""

    updated: int


class UnreadCount(Output):
    """How many notifications stand unread."""

    unread_count: int


class Summary(Output):
    """The caller's notifications in numbers."""

    total: int
    unread: int
    by_type: dict[str, int]
    by_category: dict[str, int]
    by_priority: dict[str, int]
    by_status: dict[str, int]
    by_channel: dict[str, int] = Field(description="Messages that went out, by channel.")
    last_7_days: int
    last_30_days: int
