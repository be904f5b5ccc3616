"""Template administration: list, create, delete."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, or_, select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import NotificationTemplate, TemplateDraft, User
from app.services.base import audit
from app.services.base.errors import Forbidden, Invalid, NotFound
from app.services.base.unique import flush_unique
from app.services.routing import wording
from app.services.templates import drafts, publishing, validation
from app.services.templates.drafts import TemplateContent

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}")
# There are few custom templates; beyond this number admins search.
MAX_LISTED = 200


def list_templates(search: str = "") -> list[NotificationTemplate]:
    """List the templates whose name, type or texts contain the search, grouped by type."""
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
    type_names = list(catalog.TYPES)
    return sorted(found, key=lambda template: type_names.index(template.notification_type))


def ids_with_drafts(author: User) -> set[int]:
    """List the ids of the templates that this admin has a draft of."""
    return set(
        db.session.scalars(select(TemplateDraft.template_id).where(TemplateDraft.author_id == author.id))
    )


def get(template_id: int) -> NotificationTemplate:
    """Load a template. Raises NotFound."""
    template = db.session.get(NotificationTemplate, template_id)
    if template is None:
        raise NotFound(_("Template not found. It may have been deleted."))
    return template


def create(
    name: str,
    notification_type: str,
    *,
    actor: User,
    changes: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> NotificationTemplate:
    """Create a custom template of a type, with the live content of the type. Callers name it instead of the type.

    Args:
        changes: fields of `TemplateContent` that differ from the type's.
    Raises:
        Invalid: keyed `name`, `notification_type`, or by the field that cannot go live.
    """
    name, now = name.strip(), now or utc_now()
    errors = {}
    if not NAME.fullmatch(name):
        errors["name"] = _("Use 1 to 100 letters, digits, spaces, hyphens, dots or underscores.")
    if notification_type not in catalog.TYPES:
        errors["notification_type"] = _("Choose a type.")
    if errors:
        raise Invalid(errors)
    content = drafts.usable_content(
        replace(TemplateContent.from_row(wording.by_name(notification_type)), **(changes or {}))
    )
    template = NotificationTemplate(
        name=name, notification_type=notification_type, version=0, is_builtin=False
    )
    if errors := validation.find_errors(template, content):
        raise Invalid(errors)
    content.write_to(template)
    db.session.add(template)
    flush_unique("name", _("A template with this name already exists."))
    publishing.go_live(template, content, actor, _("Created"), now, action="template.created")
    db.session.commit()
    return template


def delete(template_id: int, *, actor: User) -> None:
    """Delete a custom template with its versions and drafts.

    Raises:
        NotFound: the template does not exist.
        Forbidden: it is built in and can only be reset.
    """
    with writing():
        template = drafts.get_for_update(template_id)
        if template.is_builtin:
            raise Forbidden(_("Built-in templates can't be deleted, only reset to the built-in text."))
        audit.record(
            "template.deleted",
            template.name,
            actor=actor,
            type=template.notification_type,
            version=template.version,
        )
        db.session.delete(template)
