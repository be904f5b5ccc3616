"""Templates: the texts of notification types, edited by admins and versioned."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utc_now
from app.database.base import Base, Id
from app.models.user import User


class TemplateContentColumns:
    """The editable columns, shared by templates, versions and drafts. An empty text means: the default."""

    title_template: Mapped[str] = mapped_column(String(255))
    message_template: Mapped[str] = mapped_column(Text)
    email_subject: Mapped[str] = mapped_column(String(255), default="")
    email_html: Mapped[str] = mapped_column(Text, default="")
    # What mail apps show beside the subject, and the label of the button.
    email_preheader: Mapped[str] = mapped_column(String(255), default="", server_default="")
    email_button: Mapped[str] = mapped_column(String(255), default="", server_default="")
    sms_text: Mapped[str] = mapped_column(Text, default="")
    channels: Mapped[list[str]] = mapped_column(default=lambda: ["email", "in_app"])
    priority: Mapped[str] = mapped_column(String(10), default="medium")


class NotificationTemplate(TemplateContentColumns, Base):
    """A live template. A built-in one has the name of its type and cannot be deleted."""

    __tablename__ = "notification_templates"
    __table_args__ = (Index("ix_notification_templates_type", "notification_type"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    notification_type: Mapped[str] = mapped_column(String(40))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_builtin: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    versions: Mapped[list[TemplateVersion]] = relationship(
        back_populates="template",
        order_by="TemplateVersion.number.desc()",
        lazy="select",
        passive_deletes=True,
    )


class TemplateVersion(TemplateContentColumns, Base):
    """A published version, live from `created_at` on. Never changed."""

    __tablename__ = "template_versions"
    __table_args__ = (UniqueConstraint("template_id", "number"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("notification_templates.id", ondelete="CASCADE"))
    number: Mapped[int]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    # The author's reason for it.
    note: Mapped[str | None] = mapped_column(String(200))

    template: Mapped[NotificationTemplate] = relationship(back_populates="versions", lazy="select")
    author: Mapped[User | None] = relationship(lazy="select")


class TemplateDraft(TemplateContentColumns, Base):
    """An admin's unpublished changes. Every admin has their own draft, so none overwrites another's.

    `base_version` is the version it started from: publishing compares it with the live one.
    """

    __tablename__ = "template_drafts"
    __table_args__ = (UniqueConstraint("template_id", "author_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("notification_templates.id", ondelete="CASCADE"))
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    base_version: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)

    template: Mapped[NotificationTemplate] = relationship(lazy="select")
    author: Mapped[User] = relationship(lazy="select")
