"""What an announcement says: checked when it is made, worded for each reader when it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _

from app import catalog
from app.catalog import DIGESTS
from app.models import Announcement, NotificationTemplate, User
from app.rendering import texts as rendering_texts
from app.rendering.context import values_for
from app.rendering.liquid import TemplateTextError
from app.services.base import validation
from app.services.base.errors import Invalid, NotFound
from app.services.routing import fanout, wording
from app.services.templates import validation as template_validation
from app.services.templates.drafts import TemplateContent

INSTANTS = ("starts_at", "ends_at")
# A request takes a moment to come here: what was meant as "now" is not refused.
GRACE = timedelta(minutes=1)
# What free words can be announced as; a digest is put together for each reader.
ANNOUNCEABLE_TYPES = tuple(name for name in catalog.TYPES if name not in DIGESTS)


@dataclass(frozen=True)
class AnnouncementRequest:
    """What an admin wants to say, unchecked. One of `recipients` (addresses), `roles`, `everyone`; and either
    `title` and `message`, or `template_name` and `context`.

    `priority` None: the template's, or medium. `channels` None: the template's.
    """

    recipients: Sequence[str] | None = None
    roles: Sequence[str] | None = None
    everyone: bool = False
    title: str = ""
    message: str = ""
    template_name: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    notification_type: str = "system_alert"
    priority: str | None = None
    channels: Sequence[str] | None = None
    action_url: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    deliver_at: datetime | None = None


def validate(wanted: AnnouncementRequest, reader: User, now: datetime) -> Announcement:
    """The announcement as it will be kept, not yet in the database and without its audience.

    Args:
        reader: for whom the words are tried.
    Raises:
        Invalid: keyed by field; `context.<variable>` where a template's variable has no value.
    """
    errors: dict[str, str] = {}
    template = _find_template(wanted, errors)
    row = Announcement(
        template_name=wanted.template_name,
        notification_type=template.notification_type if template else "system_alert",
        title=_check_text(errors, "title", wanted.title, most=255),
        message=_check_text(errors, "message", wanted.message, most=10_000, many_lines=True),
        priority=wanted.priority or (template.priority if template and wanted.template_name else "medium"),
        channels=None if wanted.channels is None else list(wanted.channels),
        action_url=_check_link(errors, wanted.action_url),
        context=_check_structure(errors, "context", wanted.context),
        data=_check_structure(errors, "metadata", wanted.metadata),
        deliver_at=wanted.deliver_at,
        created_at=now,
    )
    validation.collect(errors, "priority", validation.priority, row.priority)
    if row.channels is not None:
        validation.collect(errors, "channels", validation.channels, row.channels)
        if not row.channels:
            errors["channels"] = _("Choose at least one channel.")
    if row.deliver_at is not None and (reason := _deliver_at_error(row.deliver_at, now)):
        errors["deliver_at"] = reason
    if wanted.template_name:
        if row.title or row.message:
            errors["template_name"] = _("Give either a template or a title and a message.")
        elif template and "context" not in errors:
            errors |= _context_errors(template, row, reader)
    else:
        for name in ("title", "message"):
            if not getattr(row, name):
                errors.setdefault(name, _("This field is missing."))
    if errors:
        raise Invalid(errors)
    return row


def to_request(row: Announcement) -> fanout.NotificationRequest:
    """The announcement as the fan-out takes it."""
    try:
        template = wording.by_name(row.template_name or row.notification_type)
    except NotFound:  # Deleted since: the type's own words are always there.
        template = wording.by_name(row.notification_type)
    texts = rendering_texts.Texts(rendering_texts.one_line(row.title), row.message)
    return fanout.NotificationRequest(
        notification_type=row.notification_type,
        priority=row.priority,
        channels=tuple(row.channels if row.channels is not None else template.channels),
        texts_for=(
            wording.renderer_for(template, row.notification_type, _with_instants(row.context))
            if row.template_name
            else lambda _user: texts
        ),
        is_exact=row.channels is not None,
        is_template_active=template.is_active,
        event_id=row.event_id,
        action_url=row.action_url,
        metadata=row.data,
        deliver_at=row.deliver_at,
    )


def _find_template(wanted: AnnouncementRequest, errors: dict[str, str]) -> NotificationTemplate | None:
    name = "template_name" if wanted.template_name else "notification_type"
    if not wanted.template_name and wanted.notification_type not in ANNOUNCEABLE_TYPES:
        errors[name] = _("There is no notification type “%(name)s”.", name=wanted.notification_type[:100])
        return None
    try:
        template = wording.by_name(wanted.template_name or wanted.notification_type)
    except NotFound as error:
        errors[name] = str(error)
        return None
    if not template.is_active:
        errors[name] = _("“%(name)s” is switched off for everyone.", name=template.name)
    return template


def _deliver_at_error(moment: datetime, now: datetime) -> str:
    """Why nothing can be sent at a moment; empty where it can."""
    if moment < now - GRACE:
        return _("Choose a moment that has not passed yet.")
    try:
        validation.in_a_usable_year(moment)
    except validation.InvalidValue as error:
        return str(error)
    return ""


def _context_errors(template: NotificationTemplate, row: Announcement, reader: User) -> dict[str, str]:
    """What the template needs and did not get, or why it cannot be filled in at all."""
    try:
        given = values_for(
            row.notification_type, _with_instants(row.context), reader.time_zone, reader.locale
        )
        needed = template_validation.missing_values(template, TemplateContent.of(template), given)
        if needed:
            return {f"context.{name}": _("The template needs a value for this.") for name in needed}
        rendering_texts.render_all(wording.texts_of(template), given)
    except (TemplateTextError, validation.InvalidValue) as error:
        return {"context": str(error)}
    return {}


def _with_instants(context: Mapping[str, Any]) -> dict[str, Any]:
    """The variables with times as instants, which every reader sees on their own clock. Raises Unusable."""
    return {
        name: validation.instant(value) if name in INSTANTS and value else value
        for name, value in context.items()
    }


def _check_text(errors: dict[str, str], name: str, value: str, *, most: int, many_lines: bool = False) -> str:
    try:
        return validation.text(value.replace("\r\n", "\n"), most=most, many_lines=many_lines)
    except validation.InvalidValue as error:
        errors[name] = str(error)
        return ""


def _check_link(errors: dict[str, str], url: str) -> str:
    try:
        return validation.link(url.strip()) if url.strip() else ""
    except validation.InvalidValue as error:
        errors["action_url"] = str(error)
        return ""


def _check_structure(errors: dict[str, str], name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(validation.structure(dict(value)))
    except validation.InvalidValue as error:
        errors[name] = str(error)
        return {}
