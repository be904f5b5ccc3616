"""Previews an announcement and counts its audience before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app import catalog
from app.clock import utc_now
from app.models import Announcement, User
from app.rendering.texts import Texts
from app.services.announcements import management, validation
from app.services.announcements.validation import AnnouncementRequest
from app.services.base.errors import Invalid
from app.services.base.recipients import Recipient
from app.services.sending import email as sending_email
from app.services.sending import email_preview


@dataclass(frozen=True)
class AnnouncementPreview:
    """A rendered announcement.

    `count` is None if the audience is not usable; `errors` holds what else is missing. `is_emailed`: email is among its
    channels.
    """

    title: str
    message: str
    category: str
    priority: str
    subject: str = ""
    is_emailed: bool = True
    deliver_at: datetime | None = None
    count: int | None = None
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        return not self.errors and self.count is not None


def preview(wanted: AnnouncementRequest, reader: User, now: datetime | None = None) -> AnnouncementPreview:
    """Render an announcement for a reader, as far as it is complete. Errors are part of the result."""
    errors: dict[str, str] = {}
    count = row = None
    try:
        count = management.count_recipients(wanted)
    except Invalid as error:
        errors |= error.errors
    try:
        row = validation.validate(wanted, reader, now or utc_now())
    except Invalid as error:
        errors |= error.errors
    texts = render_texts(row, reader) if row else Texts(wanted.title, wanted.message)
    notification_type = row.notification_type if row else wanted.notification_type
    return AnnouncementPreview(
        title=texts.title,
        message=texts.message,
        category=catalog.TYPES[notification_type].category
        if notification_type in catalog.TYPES
        else "system",
        priority=row.priority if row else wanted.priority or "medium",
        subject=texts.email_subject or texts.title,
        is_emailed=wanted.channels is None or "email" in wanted.channels,
        deliver_at=wanted.deliver_at,
        count=count,
        errors=errors,
    )


def email_html(wanted: AnnouncementRequest, reader: User, site: sending_email.SiteIdentity) -> str:
    """Render the HTML part of the email to a reader, as if they were in the audience.

    Raises:
        Invalid: the announcement is not complete.
    """
    row = validation.validate(wanted, reader, utc_now())
    routed_by = management.route_of(wanted)
    texts = render_texts(row, reader)
    message = email_preview.compose_preview(
        row.notification_type, texts, reader, site, action_url=row.action_url, routed_by=routed_by
    )
    return message.html


def render_texts(row: Announcement, reader: User) -> Texts:
    """Render the texts of an announcement for a reader."""
    return validation.to_request(row).texts_for(Recipient.from_user(reader))
