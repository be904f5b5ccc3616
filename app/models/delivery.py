"""Deliveries: one message over one channel to one address, with every attempt and the server's response."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utc_now
from app.database.base import Base, Id, partial_index

if TYPE_CHECKING:
    from app.models.notification import Notification
    from app.models.room import RoomMessage
    from app.models.user import User

WAITING_STATES = ("pending", "retry_wait")
OPEN_STATES = (*WAITING_STATES, "claimed")
END_STATES = ("sent", "failed", "suppressed", "skipped", "expired", "cancelled", "uncertain", "dead")


class Delivery(Base):
    """A delivery; the outbox row and the log entry are the same row.

    `kind` is `notification`, `daily_digest`, `weekly_summary`, `security_notice`, `phone_code`, `test`, `subscription`,
    or one of the account emails (`invitation`, `password_reset`), whose links are made only while sending so that none
    is stored. A `subscription` is a call to a webhook of the installation. It has no recipient: `recipient_id` and
    `recipient` are None.
    `subject`, `text` and `html` are set where they differ from the notification's own title and message, `preheader`
    and `button` where the template has its own.
    A message to a room has a `room_message`, and neither a recipient nor a notification.
    `reason` is a code of `app.services.routing.reasons`, `reason_data` its values.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("notification_id", "channel", "address"),
        # Contains only the rows that the delivery worker looks for, no finished ones.
        partial_index("ix_deliveries_due", "due_at", "id", where="state IN ('pending', 'retry_wait')"),
        # The queues that must not wait behind the long one; see `services.sending.outbox.QUEUES`.
        Index(
            "ix_deliveries_urgent",
            "due_at",
            "id",
            sqlite_where=text("state IN ('pending', 'retry_wait') AND is_urgent = 1"),
            postgresql_where=text("state IN ('pending', 'retry_wait') AND is_urgent"),
        ),
        partial_index(
            "ix_deliveries_retry",
            "due_at",
            "id",
            where="state IN ('pending', 'retry_wait') AND state = 'retry_wait'",
        ),
        partial_index(
            "ix_deliveries_suspect",
            "crashes",
            "due_at",
            "id",
            where="state IN ('pending', 'retry_wait') AND crashes > 0",
        ),
        partial_index("ix_deliveries_claimed", "lease_until", where="state = 'claimed'"),
        Index("ix_deliveries_recipient", "recipient_id", "id"),
        partial_index(
            "ix_deliveries_room_message_id", "room_message_id", where="room_message_id IS NOT NULL"
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    notification_id: Mapped[int | None] = mapped_column(ForeignKey("notifications.id", ondelete="CASCADE"))
    room_message_id: Mapped[int | None] = mapped_column(ForeignKey("room_messages.id", ondelete="CASCADE"))
    recipient_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), nullable=True)
    kind: Mapped[str] = mapped_column(String(20), default="notification")
    channel: Mapped[str] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(500), default="")
    state: Mapped[str] = mapped_column(String(12), default="pending")
    reason: Mapped[str] = mapped_column(String(40), default="")
    reason_data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    subject: Mapped[str | None] = mapped_column(String(500))
    text: Mapped[str | None] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    preheader: Mapped[str | None] = mapped_column(String(255))
    button: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    due_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    # Sent before the others: urgent notifications, and emails and codes that a person is waiting for.
    is_urgent: Mapped[bool] = mapped_column(default=False, server_default=false())
    # How often a worker died while it held this row; see `services.sending.outbox`.
    crashes: Mapped[int] = mapped_column(default=0)
    token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(String(80))
    # The other side's name for the message, with which a later one can replace it.
    remote_id: Mapped[str | None] = mapped_column(String(100))

    notification: Mapped[Notification | None] = relationship(back_populates="deliveries", lazy="select")
    room_message: Mapped[RoomMessage | None] = relationship(lazy="select")
    recipient: Mapped[User] = relationship(lazy="select")
    log: Mapped[list[DeliveryAttempt]] = relationship(
        order_by="DeliveryAttempt.id", lazy="select", passive_deletes=True
    )
    captured: Mapped[CapturedMail | None] = relationship(lazy="select", passive_deletes=True)

    @property
    def has_recipient(self) -> bool:
        """Whether it goes to a person; False for messages to rooms and calls to webhooks of the installation."""
        return self.recipient_id is not None

    @property
    def recipient_name(self) -> str:
        """The name of the person or the room that it is for; "" for a webhook of the installation."""
        if self.room_message is not None:
            return self.room_message.room.name
        return self.recipient.name if self.has_recipient else ""

    @property
    def content(self) -> Notification | RoomMessage | None:
        """The notification or room message that it sends, or None."""
        return self.notification or self.room_message


class DeliveryAttempt(Base):
    """One attempt: when it was made, its outcome and the response."""

    __tablename__ = "delivery_attempts"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(12))  # the state it led to
    response: Mapped[str] = mapped_column(String(1000), default="")


class CapturedMail(Base):
    """An email that was stored instead of sent, because no mail server is configured."""

    __tablename__ = "captured_mails"

    delivery_id: Mapped[int] = mapped_column(
        ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True
    )
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    captured_at: Mapped[datetime] = mapped_column(default=utc_now)


class Suppression(Base):
    """An address that nothing is sent to, and why."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("channel", "address"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    channel: Mapped[str] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(500))
    reason: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
