"""Drafts: what an admin has edited and not published yet. Each admin has one draft per template."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import NotificationTemplate, TemplateDraft, TemplateVersion, User
from app.rendering.invisible_characters import clean
from app.rendering.liquid import MAX_SOURCE
from app.services.base import audit, validation
from app.services.base.errors import Conflict, Invalid, NotFound


@dataclass(frozen=True)
class TemplateContent:
    """The editable part of a template.

    An empty text means the default: the title for the email's subject and the SMS, the message for the email's HTML,
    the notification's facts for the preheader, and the action's label for the button.
    """

    title_template: str
    message_template: str
    email_subject: str = ""
    email_html: str = ""
    email_preheader: str = ""
    email_button: str = ""
    sms_text: str = ""
    channels: tuple[str, ...] = ("email", "in_app")
    priority: str = "medium"

    @classmethod
    def from_row(cls, row: NotificationTemplate | TemplateVersion | TemplateDraft) -> TemplateContent:
        """Read the content of a row."""
        values = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(**values | {"channels": tuple(row.channels)})

    @classmethod
    def built_in(cls, notification_type: str) -> TemplateContent:
        """Read the built-in content of a type from the catalog."""
        default = catalog.TYPES[notification_type].template
        return cls(
            title_template=default.title,
            message_template=default.message,
            email_subject=default.email_subject,
            sms_text=default.sms_text,
            channels=default.channels,
            priority=default.priority,
        )

    def write_to(self, row: NotificationTemplate | TemplateVersion | TemplateDraft) -> None:
        """Copy the content into a row."""
        for name, value in (asdict(self) | {"channels": list(self.channels)}).items():
            setattr(row, name, value)


MAX_LENGTHS = {
    "title_template": 255,
    "email_subject": 255,
    "email_preheader": 255,
    "email_button": 255,
    "message_template": MAX_SOURCE,
    "email_html": MAX_SOURCE,
    "sms_text": MAX_SOURCE,
}


def get_for_update(template_id: int) -> NotificationTemplate:
    """Load a template and lock it until the transaction ends. Call it within `writing`.

    Raises:
        NotFound: the template does not exist.
    """
    template = db.session.scalar(
        select(NotificationTemplate)
        .where(NotificationTemplate.id == template_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if template is None:
        raise NotFound(_("Template not found. It may have been deleted."))
    return template


def find(template_id: int, author: User) -> TemplateDraft | None:
    """Find an admin's draft of a template."""
    return db.session.scalar(
        select(TemplateDraft).where(
            TemplateDraft.template_id == template_id, TemplateDraft.author_id == author.id
        )
    )


def get(template_id: int, author: User) -> TemplateDraft:
    """Load an admin's draft of a template. Raises NotFound."""
    draft = find(template_id, author)
    if draft is None:
        raise NotFound(_("You have no draft of this template."))
    return draft


def get_version(template_id: int, number: str) -> TemplateVersion:
    """Load a version of a template by its number. Raises NotFound."""
    version = None
    if number.isdecimal() and len(number) < 9:
        version = db.session.scalar(
            select(TemplateVersion).where(
                TemplateVersion.template_id == template_id, TemplateVersion.number == int(number)
            )
        )
    if version is None:
        raise NotFound(_("Version %(number)s not found.", number=number[:20]))
    return version


def drafts_of_others(template_id: int, author: User) -> list[TemplateDraft]:
    """List the drafts that other admins have of a template, newest first."""
    return list(
        db.session.scalars(
            select(TemplateDraft)
            .where(TemplateDraft.template_id == template_id, TemplateDraft.author_id != author.id)
            .order_by(TemplateDraft.updated_at.desc())
        )
    )


def save(
    template_id: int,
    content: TemplateContent,
    base_version: int,
    *,
    author: User,
    now: datetime | None = None,
) -> TemplateDraft | None:
    """Save an admin's draft, finished or not.

    Args:
        base_version: the version that the draft is based on.
    Returns:
        The draft; None if it equals the live template, in which case it is deleted.
    Raises:
        NotFound: the template does not exist.
        Invalid: keyed by field: a text is too long, or a channel or the priority does not exist.
    """
    content = usable_content(content)
    with writing():
        template = get_for_update(template_id)
        base_version = min(max(base_version, 1), template.version)
        return _write(template, author, content, base_version, now or utc_now())


def discard(template_id: int, *, author: User) -> None:
    """Delete an admin's draft, if there is one. Raises NotFound if the template does not exist."""
    with writing():
        template = get_for_update(template_id)
        draft = find(template_id, author)
        if draft is not None:
            db.session.delete(draft)
            audit.record("template.draft_discarded", template.name, actor=author)


def rebase(template_id: int, version: int, *, author: User) -> TemplateDraft:
    """Keep the draft although another admin published `version` in the meantime, which its author has seen.

    Raises:
        NotFound: the template or the draft does not exist.
        Conflict: yet another version was published since.
    """
    with writing():
        template = get_for_update(template_id)
        draft = get(template_id, author)
        if template.version != version:
            raise Conflict(_("Another version was published since."))
        draft.base_version = version
    return draft


def restore(
    template_id: int, number: int, *, author: User, replaces_draft: bool = False, now: datetime | None = None
) -> TemplateDraft | None:
    """Copy an earlier version into the author's draft.

    Args:
        replaces_draft: whether a different draft may be overwritten.
    Raises:
        NotFound: the template or the version does not exist.
        Conflict: the author has a different draft.
    """
    with writing():
        template = get_for_update(template_id)
        draft = find(template_id, author)
        content = usable_content(TemplateContent.from_row(get_version(template_id, str(number))))
        if draft is not None and TemplateContent.from_row(draft) != content and not replaces_draft:
            raise Conflict(_("You have a different draft of this template."))
        return _write(template, author, content, template.version, now or utc_now())


def usable_content(content: TemplateContent) -> TemplateContent:
    """Check that content can be stored, if only as a draft, and strip invisible characters.

    Raises:
        Invalid: keyed by field.
    """
    texts: dict[str, Any] = {name: clean(getattr(content, name)) for name in MAX_LENGTHS}
    content = replace(content, **texts)
    errors = {
        name: _("This is longer than %(most)s characters.", most=most)
        for name, most in MAX_LENGTHS.items()
        if len(getattr(content, name)) > most
    }
    validation.collect(errors, "priority", validation.priority, content.priority)
    validation.collect(errors, "channels", validation.channels, content.channels)
    if errors:
        raise Invalid(errors)
    return content


def _write(
    template: NotificationTemplate, author: User, content: TemplateContent, base_version: int, now: datetime
) -> TemplateDraft | None:
    """Write the author's draft of a locked template, or delete it if it equals the live template."""
    draft = find(template.id, author)
    if content == TemplateContent.from_row(template) and base_version == template.version:
        if draft is not None:
            db.session.delete(draft)
        return None
    if draft is None:
        draft = TemplateDraft(template_id=template.id, author_id=author.id)
        db.session.add(draft)
    if draft.base_version != base_version or TemplateContent.from_row(draft) != content:
        content.write_to(draft)
        draft.base_version = base_version
        draft.updated_at = now
    return draft
