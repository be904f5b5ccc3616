"""What an admin has typed and not published yet; each admin has a draft of their own."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.models import NotificationTemplate, TemplateDraft, TemplateVersion, User
from app.rendering.invisible_characters import strip_invisible
from app.rendering.liquid import MAX_SOURCE
from app.services.base import audit, validation
from app.services.base.errors import Conflict, Invalid, NotFound


@dataclass(frozen=True)
class TemplateContent:
    """The editable part of a template, as a form or a version has it. Empty texts mean: as in the app."""

    title_template: str
    message_template: str
    email_subject: str = ""
    email_html: str = ""
    sms_text: str = ""
    channels: tuple[str, ...] = ("email", "in_app")
    priority: str = "medium"

    @classmethod
    def of(cls, row: NotificationTemplate | TemplateVersion | TemplateDraft) -> TemplateContent:
        """What a row of any of the three tables says."""
        values = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(**values | {"channels": tuple(row.channels)})

    @classmethod
    def built_in(cls, notification_type: str) -> TemplateContent:
        """What the catalog says."""
        words = catalog.TYPES[notification_type].template
        return cls(
            title_template=words.title,
            message_template=words.message,
            email_subject=words.email_subject,
            sms_text=words.sms_text,
            channels=words.channels,
            priority=words.priority,
        )

    def write_to(self, row: NotificationTemplate | TemplateVersion | TemplateDraft) -> None:
        """Put it into a row of any of the three tables."""
        for name, value in (asdict(self) | {"channels": list(self.channels)}).items():
            setattr(row, name, value)


MAX_LENGTHS = dict.fromkeys(("title_template", "email_subject"), 255) | dict.fromkeys(
    ("message_template", "email_html", "sms_text"), MAX_SOURCE
)


def get_for_update(template_id: int) -> NotificationTemplate:
    """The template, held until the transaction ends, so that two admins change it one after the other.

    Raises:
        NotFound: there is none.
    """
    lock_for_writing()
    template = db.session.scalar(
        select(NotificationTemplate)
        .where(NotificationTemplate.id == template_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if template is None:
        db.session.rollback()
        raise NotFound(_("There is no such template."))
    return template


def find(template_id: int, author: User) -> TemplateDraft | None:
    """This admin's draft, if there is one."""
    return db.session.scalar(
        select(TemplateDraft).where(
            TemplateDraft.template_id == template_id, TemplateDraft.author_id == author.id
        )
    )


def drafts_of_others(template_id: int, author: User) -> list[TemplateDraft]:
    """Drafts that other admins have of the same template, newest first."""
    return list(
        db.session.scalars(
            select(TemplateDraft)
            .where(TemplateDraft.template_id == template_id, TemplateDraft.author_id != author.id)
            .order_by(TemplateDraft.updated_at.desc())
        )
    )


def save(
    template_id: int, edited: TemplateContent, base_version: int, *, author: User, now: datetime | None = None
) -> TemplateDraft | None:
    """Keep what was typed, finished or not.

    Args:
        base_version: the version that it was begun on.
    Returns:
        The draft; None where it says the same as what is live.
    Raises:
        NotFound: there is no such template.
        Invalid: a text is too long to be kept, keyed by its name; or the channels or the priority cannot be.
    """
    edited = usable_content(edited)
    template = get_for_update(template_id)
    draft = find(template_id, author)
    base_version = min(max(base_version, 1), template.version)
    if edited == TemplateContent.of(template) and base_version == template.version:
        if draft is not None:
            db.session.delete(draft)
        db.session.commit()
        return None
    if draft is None:
        draft = TemplateDraft(template_id=template.id, author_id=author.id)
        db.session.add(draft)
    if draft.base_version != base_version or TemplateContent.of(draft) != edited:
        edited.write_to(draft)
        draft.base_version = base_version
        draft.updated_at = now or utc_now()
    db.session.commit()
    return draft


def discard(template_id: int, *, author: User) -> None:
    """Throw this admin's draft away. Raises NotFound where there is no such template."""
    template = get_for_update(template_id)
    draft = find(template_id, author)
    if draft is not None:
        db.session.delete(draft)
        audit.record("template.draft_discarded", template.name, actor=author)
    db.session.commit()


def rebase(template_id: int, version: int, *, author: User) -> TemplateDraft:
    """Say that the author has seen the version which somebody else published meanwhile, and keeps their own words.

    Raises:
        NotFound: there is no such template or no draft.
        Conflict: another version has been published since.
    """
    template = get_for_update(template_id)
    draft = find(template_id, author)
    if draft is None or template.version != version:
        db.session.rollback()
        if draft is None:
            raise NotFound(_("You have no draft of this template."))
        raise Conflict(_("Another version has been published since."))
    draft.base_version = version
    db.session.commit()
    return draft


def restore(
    template_id: int, number: int, *, author: User, replaces_draft: bool = False, now: datetime | None = None
) -> TemplateDraft | None:
    """Make the words of an earlier version a draft; the history stays as it is.

    Args:
        replaces_draft: whether a draft that says something else may be given up for it.
    Raises:
        NotFound: there is no such template or version.
        Conflict: there is such a draft.
    """
    template = get_for_update(template_id)
    draft = find(template_id, author)
    version = db.session.scalar(
        select(TemplateVersion).where(
            TemplateVersion.template_id == template_id, TemplateVersion.number == number
        )
    )
    db.session.rollback()
    if version is None:
        raise NotFound(_("There is no such version."))
    edited = TemplateContent.of(version)
    if draft is not None and TemplateContent.of(draft) != edited and not replaces_draft:
        raise Conflict(_("You have a draft that says something else."))
    return save(template_id, edited, template.version, author=author, now=now)


def usable_content(edited: TemplateContent) -> TemplateContent:
    """The words as they may be kept, if only as a draft. Raises Invalid, keyed by field."""
    seen: dict[str, Any] = {name: strip_invisible(getattr(edited, name)) for name in MAX_LENGTHS}
    edited = replace(edited, **seen)
    errors = {
        name: _("This is longer than %(most)s characters.", most=most)
        for name, most in MAX_LENGTHS.items()
        if len(getattr(edited, name)) > most
    }
    validation.collect(errors, "priority", validation.priority, edited.priority)
    validation.collect(errors, "channels", validation.channels, edited.channels)
    if errors:
        raise Invalid(errors)
    return edited
