"""What admins do to a template as a whole: find, create, delete, switch on and off."""

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
from app.catalog import DAILY_DIGEST
from app.clock import utc_now
from app.database.base import db
from app.models import NotificationTemplate, TemplateDraft, User
from app.services.base import audit
from app.services.base.errors import Forbidden, Invalid, NotFound
from app.services.routing import digest_coverage, wording
from app.services.templates import drafts, publishing, validation
from app.services.templates.drafts import TemplateContent

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}")
# Custom templates are few; beyond this one searches.
MAX_LISTED = 200


def list_templates(search: str = "") -> list[NotificationTemplate]:
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
    found = list(db.session.scalars(query.limit(MAX_LISTED)))
    kinds = list(catalog.TYPES)
    return sorted(found, key=lambda template: kinds.index(template.notification_type))


def ids_with_drafts(author: User) -> set[int]:
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
    edited = drafts.usable_content(
        replace(TemplateContent.of(wording.by_name(notification_type)), **(words or {}))
    )
    template = NotificationTemplate(
        name=name, notification_type=notification_type, version=0, is_builtin=False
    )
    if errors := validation.find_errors(template, edited):
        raise Invalid(errors)
    edited.write_to(template)
    db.session.add(template)
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise Invalid({"name": _("There is a template of this name already.")}) from error
    publishing.go_live(template, edited, actor, _("Created"), now, action="template.created")
    db.session.commit()
    return template


def delete(template_id: int, *, actor: User) -> None:
    """Remove a template with its versions and drafts.

    Raises:
        NotFound: there is no such template.
        Forbidden: it is a built-in one, which can only be reset.
    """
    template = drafts.get_for_update(template_id)
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
    template = drafts.get_for_update(template_id)
    if template.is_active != is_active:
        template.is_active = is_active
        template.updated_at = utc_now()
        audit.record(
            "template.switched_on" if is_active else "template.switched_off", template.name, actor=actor
        )
        if template.name == DAILY_DIGEST:
            digest_coverage.release_uncovered(utc_now())
    db.session.commit()
    return template
