"""Notifications, the rows of the inbox, and the changes to them that can be undone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import search_text
from app.clock import utc_now
from app.database.base import Base, Id, partial_index

if TYPE_CHECKING:
    from app.models.delivery import Delivery
    from app.models.event import Event
    from app.models.interview import Interview


def _indexed(context: DefaultExecutionContext) -> str:
    values = context.get_current_parameters()  # type: ignore[no-untyped-call]  # SQLAlchemy gives it none
    return search_text.index_text(values["title"], values["message"])


class Notification(Base):
    """One person's message about an event.

    `surfaced_at` is when it appears in the inbox, and its position there: its creation, its `deliver_at` or the end of
    a snooze. It is NULL if the person does not want it in the app. `interview_sequence` is the version of the calendar
    entry that it describes. Rows with the same `stack_key` are shown as one; see `services.notifications.stacks`.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("event_id", "recipient_id"),
        # The inbox and its unread count; expires_at last, so that the index alone answers the count.
        partial_index(
            "ix_notifications_inbox", "recipient_id", "surfaced_at", "id", where="archived_at IS NULL"
        ),
        partial_index(
            "ix_notifications_unread",
            "recipient_id",
            "surfaced_at",
            "id",
            "expires_at",
            where="archived_at IS NULL AND read_at IS NULL",
        ),
        Index("ix_notifications_all", "recipient_id", "surfaced_at", "id"),
        partial_index(
            "ix_notifications_stack",
            "recipient_id",
            "stack_key",
            "surfaced_at",
            "id",
            where="stack_key <> ''",
        ),
        # Few rows of many.
        partial_index(
            "ix_notifications_saved", "recipient_id", "surfaced_at", "id", where="saved_at IS NOT NULL"
        ),
        partial_index(
            "ix_notifications_done", "recipient_id", "surfaced_at", "id", where="archived_at IS NOT NULL"
        ),
        partial_index(
            "ix_notifications_candidate",
            "recipient_id",
            "candidate_id",
            "surfaced_at",
            "id",
            where="candidate_id IS NOT NULL",
        ),
        partial_index(
            "ix_notifications_job", "recipient_id", "job_id", "surfaced_at", "id", where="job_id IS NOT NULL"
        ),
        partial_index("ix_notifications_interview_id", "interview_id", where="interview_id IS NOT NULL"),
        # The few that expire: a count looks up expired rows here instead of checking each row.
        partial_index(
            "ix_notifications_expiring", "recipient_id", "expires_at", where="expires_at IS NOT NULL"
        ),
        # Only snoozed rows.
        partial_index("ix_notifications_snoozed", "snoozed_until", where="snoozed_until IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id", ondelete="SET NULL"))
    interview_id: Mapped[int | None] = mapped_column(ForeignKey("interviews.id", ondelete="SET NULL"))
    interview_sequence: Mapped[int | None]
    recipient_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    notification_type: Mapped[str] = mapped_column(String(40))
    category: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(255))
    message: Mapped[str] = mapped_column(Text)
    priority: Mapped[str] = mapped_column(String(10), default="medium")
    status: Mapped[str] = mapped_column(String(10), default="pending")
    channels: Mapped[list[str]]
    # "metadata" belongs to SQLAlchemy in Python, so the attribute is called `data`.
    data: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    action_url: Mapped[str] = mapped_column(String(2000), default="")
    # What its line below the title shows; see `rendering.key_facts`.
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    # The platform's own ids.
    candidate_id: Mapped[str | None] = mapped_column(String(200))
    job_id: Mapped[str | None] = mapped_column(String(200))
    is_confidential: Mapped[bool] = mapped_column(default=False, server_default=false())
    hiring_team: Mapped[list[str]] = mapped_column(default=list, server_default=text("'[]'"))
    # Why its event reached this person; see `services.routing.routes`.
    routed_by: Mapped[str] = mapped_column(String(20), default="", server_default=text("''"))
    stack_key: Mapped[str] = mapped_column(String(80), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    deliver_at: Mapped[datetime | None]
    surfaced_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    saved_at: Mapped[datetime | None]
    snoozed_until: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    # The searchable text; a trigger copies it into the full-text index.
    words: Mapped[str] = mapped_column(Text, default=_indexed, server_default=text("''"), deferred=True)

    event: Mapped[Event | None] = relationship(lazy="select")
    interview: Mapped[Interview | None] = relationship(lazy="select")
    deliveries: Mapped[list[Delivery]] = relationship(
        back_populates="notification", order_by="Delivery.id", lazy="select", passive_deletes=True
    )

    @property
    def is_read(self) -> bool:
        return self.read_at is not None

    @property
    def is_done(self) -> bool:
        return self.archived_at is not None


class NotificationChange(Base):
    """An action of a person, stored for a while so that it can be undone exactly.

    `before` lists the previous values of the changed rows: `[id, status, read_at, archived_at, saved_at, snoozed_until,
    surfaced_at]`, with times in the database's own format.
    """

    __tablename__ = "notification_changes"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    action: Mapped[str] = mapped_column(String(20))
    count: Mapped[int]
    before: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    undone_at: Mapped[datetime | None]
