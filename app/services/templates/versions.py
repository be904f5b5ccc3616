"""The history of a template: its versions, their differences, and the effect of a draft on recent notifications."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import catalog
from app.database.base import db
from app.models import Notification, NotificationTemplate, TemplateVersion, User
from app.rendering import diff
from app.rendering.key_facts import previous_start
from app.rendering.liquid import TemplateTextError
from app.services.templates import drafts, preview, samples
from app.services.templates.drafts import TemplateContent

LABELS: dict[str, LazyString] = {
    "title_template": _l("Title"),
    "message_template": _l("Message"),
    "email_subject": _l("Email subject"),
    "email_preheader": _l("Email preview line"),
    "email_html": _l("Email HTML"),
    "email_button": _l("Email button"),
    "sms_text": _l("SMS text"),
    "channels": _l("Channels"),
    "priority": _l("Priority"),
}


@dataclass(frozen=True)
class FieldDiff:
    """The differences between two versions of a field, word by word."""

    label: str
    pieces: list[diff.Piece]

    @property
    def is_changed(self) -> bool:
        return any(piece.kind != "same" for piece in self.pieces)


@dataclass(frozen=True)
class RerenderedNotification:
    """The differences between a notification as sent and as new content renders it; `problem` if it cannot."""

    row: Notification
    title: list[diff.Piece]
    message: list[diff.Piece]
    problem: str = ""


def list_versions(template: NotificationTemplate) -> list[TemplateVersion]:
    """List all versions with their authors, newest first."""
    return list(
        db.session.scalars(
            select(TemplateVersion)
            .where(TemplateVersion.template_id == template.id)
            .options(joinedload(TemplateVersion.author))
            .order_by(TemplateVersion.number.desc())
        )
    )


def content_of(template: NotificationTemplate, name: str, reader: User) -> TemplateContent:
    """Load the content of a version by its number, or of the reader's own draft by the name `draft`.

    Raises:
        NotFound: the version or draft does not exist.
    """
    if name == "draft":
        return TemplateContent.from_row(drafts.get(template.id, reader))
    return TemplateContent.from_row(drafts.get_version(template.id, name))


def compare(old: TemplateContent, new: TemplateContent) -> list[FieldDiff]:
    """Compare every field that is not empty in both, in the order of the form."""
    fields = [
        FieldDiff(str(label), diff.compare(_format_field(old, name), _format_field(new, name)))
        for name, label in LABELS.items()
    ]
    return [field for field in fields if field.pieces]


def rerender_recent(
    template: NotificationTemplate, content: TemplateContent, limit: int = 20
) -> list[RerenderedNotification]:
    """Compare the newest notifications of the type with how this content renders them."""
    rows = samples.recent_notifications(template.notification_type, limit)
    readers = {
        user.id: user
        for user in db.session.scalars(select(User).where(User.id.in_({row.recipient_id for row in rows})))
    }
    return [_rerender(template, content, row, readers[row.recipient_id]) for row in rows]


def _rerender(
    template: NotificationTemplate, content: TemplateContent, row: Notification, reader: User
) -> RerenderedNotification:
    data = samples.values_of_event(row.event) if row.event else {}
    # The event of a move says only the new time.
    data["previous_starts_at"] = previous_start(row.facts)
    try:
        texts = preview.render_texts(template, content, data, reader)
    except TemplateTextError as error:
        return RerenderedNotification(row, diff.compare(row.title, row.title), [], str(error))
    return RerenderedNotification(
        row, diff.compare(row.title, texts.title), diff.compare(row.message, texts.message)
    )


def _format_field(content: TemplateContent, name: str) -> str:
    if name == "channels":
        return ", ".join(
            str(channel.label) for channel in catalog.CHANNELS.values() if channel.name in content.channels
        )
    if name == "priority":
        return str(catalog.PRIORITY_LABELS[content.priority])
    return str(getattr(content, name))
