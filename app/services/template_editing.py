"""What admins do to templates for everyone: publish, create, delete, reset, switch on and off."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from app import catalog
from app.clock import utc_now
from app.extensions import db
from app.models import NotificationTemplate, TemplateDraft, TemplateVersion, User
from app.rendering import markup
from app.services import audit, template_checks, template_drafts, templates
from app.services.errors import Conflict, Forbidden, Invalid, NotFound
from app.services.template_drafts import Edited

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}")
# Custom templates are few; beyond this one searches.
MOST_LISTED = 200


def listed(search: str = "") -> list[NotificationTemplate]:
    """Templates whose name, type or words contain the search, those of one type together."""
    query = select(NotificationTemplate).order_by(
        NotificationTemplate.notification_type,
        NotificationTemplate.is_builtin.desc(),
        NotificationTemplate.name,
    )
    if search:
        fields = ("name", "notification_type", "title_template", "message_template")
        query = query.where(
            or_(
                *(
                    func.lower(getattr(NotificationTemplate, name)).contains(search.lower(), autoescape=True)
                    for name in fields
                )
            )
        )
    found = list(db.session.scalars(query.limit(MOST_LISTED)))
    kinds = list(catalog.TYPES)
    return sorted(found, key=lambda template: kinds.index(template.notification_type))


def with_drafts(author: User) -> set[int]:
    """The ids of templates of which this admin has a draft."""
    return set(
        db.session.scalars(select(TemplateDraft.template_id).where(TemplateDraft.author_id == author.id))
    )


def get(template_id: int) -> NotificationTemplate:
    """A template. Raises NotFound."""
    template = db.session.get(NotificationTemplate, template_id)
    if template is None:
        raise NotFound(_("There is no such template."))
    return template


def publish(template_id: int, *, actor: User, note: str = "", now: datetime | None = None) -> TemplateVersion:
    """Make the actor's draft live, as the next version.

    Raises:
        NotFound: there is no such template.
        Conflict: the actor has no draft, or somebody else published since it was begun; the draft stays.
        Invalid: these words cannot go live; keyed by field. The draft stays.
    """
    template = template_drafts.locked(template_id)
    draft = template_drafts.find(template_id, actor)
    if draft is None or draft.base_version != template.version:
        db.session.rollback()
        if draft is None:
            raise Conflict(_("There is nothing to publish: what you see is live already."))
        raise Conflict(
            _("Somebody else has published version %(number)s meanwhile.", number=template.version)
        )
    edited = Edited.of(draft)
    if errors := template_checks.errors(template, edited):
        db.session.rollback()
        raise Invalid(errors)
    db.session.delete(draft)
    version = _go_live(template, edited, actor, note, now or utc_now())
    db.session.commit()
    return version


def reset(template_id: int, *, actor: User, now: datetime | None = None) -> NotificationTemplate:
    """Make the words that Bellhop came with live again, as the next version.

    Raises:
        NotFound: there is no such template.
        Forbidden: it is not a built-in one.
    """
    template = template_drafts.locked(template_id)
    if not template.is_builtin:
        db.session.rollback()
        raise Forbidden(_("Only built-in templates have words to go back to."))
    edited = Edited.built_in(template.notification_type)
    if edited != Edited.of(template):
        _go_live(template, edited, actor, _("Back to the built-in words"), now or utc_now())
    db.session.commit()
    return template


def rewrite(
    template_id: int,
    edited: Edited,
    *,
    actor: User,
    expected: int | None = None,
    note: str = "",
    now: datetime | None = None,
) -> NotificationTemplate:
    """Make these words live at once, as the next version; the same words make none. Drafts stay as they are.

    Args:
        expected: the version that the actor has seen.
    Raises:
        NotFound: there is no such template.
        Conflict: the live version is another one than expected.
        Invalid: these words cannot go live; keyed by field.
    """
    template_drafts.check(edited)
    template = template_drafts.locked(template_id)
    if expected is not None and expected != template.version:
        db.session.rollback()
        raise Conflict(
            _("Somebody else has published version %(number)s meanwhile.", number=template.version)
        )
    if errors := template_checks.errors(template, edited):
        db.session.rollback()
        raise Invalid(errors)
    if edited != Edited.of(template):
        _go_live(template, edited, actor, note, now or utc_now())
    db.session.commit()
    return template


def create(
    name: str,
    notification_type: str,
    *,
    actor: User,
    words: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> NotificationTemplate:
    """Add a template of a type, beginning with that type's live words. Callers name it instead of the type.

    Args:
        words: fields of `Edited` that differ from the type's.
    Raises:
        Invalid: keyed `name`, `notification_type`, or by the field whose words cannot go live.
    """
    name, now = name.strip(), now or utc_now()
    errors = {}
    if not NAME.fullmatch(name):
        errors["name"] = _("Write 1 to 100 letters, digits, spaces, hyphens, dots or underscores.")
    if notification_type not in catalog.TYPES:
        errors["notification_type"] = _("Choose a type.")
    if errors:
        raise Invalid(errors)
    edited = replace(Edited.of(templates.live(notification_type)), **(words or {}))
    template_drafts.check(edited)
    template = NotificationTemplate(
        name=name, notification_type=notification_type, version=0, is_builtin=False
    )
    if errors := template_checks.errors(template, edited):
        raise Invalid(errors)
    edited.write_to(template)
    db.session.add(template)
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise Invalid({"name": _("There is a template of this name already.")}) from error
    _go_live(template, edited, actor, _("Created"), now, action="template.created")
    db.session.commit()
    return template


def delete(template_id: int, *, actor: User) -> None:
    """Remove a template with its versions and drafts.

    Raises:
        NotFound: there is no such template.
        Forbidden: it is a built-in one, which can only be reset.
    """
    template = template_drafts.locked(template_id)
    if template.is_builtin:
        db.session.rollback()
        raise Forbidden(_("A built-in template cannot be deleted, only reset to its own words."))
    audit.record(
        "template.deleted",
        template.name,
        actor=actor,
        type=template.notification_type,
        version=template.version,
    )
    db.session.delete(template)
    db.session.commit()


def set_active(template_id: int, *, is_active: bool, actor: User) -> NotificationTemplate:
    """Switch a template on or off: while it is off, nobody is told over any channel.

    Raises:
        NotFound: there is no such template.
    """
    template = template_drafts.locked(template_id)
    if template.is_active != is_active:
        template.is_active = is_active
        template.updated_at = utc_now()
        audit.record(
            "template.switched_on" if is_active else "template.switched_off", template.name, actor=actor
        )
    db.session.commit()
    return template


def _go_live(
    template: NotificationTemplate,
    edited: Edited,
    actor: User,
    note: str,
    now: datetime,
    *,
    action: str = "template.published",
) -> TemplateVersion:
    kept = replace(edited, email_html=markup.for_keeping(edited.email_html))
    kept.write_to(template)
    template.version += 1
    template.updated_at = now
    version = TemplateVersion(
        template_id=template.id,
        number=template.version,
        author_id=actor.id,
        created_at=now,
        note=" ".join(note.split())[:200] or None,
    )
    kept.write_to(version)
    db.session.add(version)
    audit.record(action, template.name, actor=actor, version=template.version)
    return version
