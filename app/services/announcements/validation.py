"""Checks an announcement when it is created, and turns it into a notification request when it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask_babel import gettext as _

from app import catalog
from app.catalog import DIGESTS
from app.models import Announcement, NotificationTemplate, User
from app.rendering import texts as rendering_texts
from app.rendering.context import values_for
from app.rendering.key_facts import select_facts
from app.rendering.liquid import TemplateTextError
from app.services.base import validation
from app.services.base.errors import Invalid, NotFound
from app.services.routing import candidate_and_job, fanout, hiring_teams, wording
from app.services.routing.candidate_and_job import CandidateAndJob
from app.services.templates import validation as template_validation
from app.services.templates.drafts import TemplateContent
from app.services.templates.samples import with_instants

# A request takes a moment to arrive: a time that meant "now" is accepted.
GRACE = timedelta(minutes=1)
# The types a free text can be announced as. Digests are composed for each reader.
ANNOUNCEABLE_TYPES = tuple(name for name in catalog.TYPES if name not in DIGESTS)


@dataclass(frozen=True)
class AnnouncementRequest:
    """An announcement as an admin requests it, unchecked.

    It has one of `recipients` (addresses), `roles`, `everyone`, or only a `hiring_team`; and either `title` and
    `message`, or `template_name` and `context`. Without `priority` it has the template's, or medium; without
    `channels`, the template's.
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
    candidate_id: str | None = None
    job_id: str | None = None
    is_confidential: bool = False
    hiring_team: Sequence[str] = ()
    deliver_at: datetime | None = None


def validate(wanted: AnnouncementRequest, reader: User, now: datetime) -> Announcement:
    """Check a request and build the announcement, not yet in the database and without its audience.

    Args:
        reader: the user for whom a template is rendered as a check.
    Raises:
        Invalid: keyed by field; `context.<variable>` for a template variable without a value.
    """
    errors: dict[str, str] = {}
    template = _find_template(wanted, errors)
    message, url = wanted.message.replace("\r\n", "\n"), wanted.action_url.strip()
    link = validation.collect(errors, "action_url", validation.link, url) if url else None
    check_message = partial(validation.text, most=10_000, many_lines=True)
    row = Announcement(
        template_name=wanted.template_name,
        notification_type=template.notification_type if template else "system_alert",
        title=validation.collect(errors, "title", validation.text, wanted.title) or "",
        message=validation.collect(errors, "message", check_message, message) or "",
        priority=wanted.priority or (template.priority if template and wanted.template_name else "medium"),
        channels=None if wanted.channels is None else list(wanted.channels),
        action_url=link or "",
        context=validation.collect(errors, "context", validation.structure, dict(wanted.context)) or {},
        data=validation.collect(errors, "metadata", validation.structure, dict(wanted.metadata)) or {},
        candidate_id=_external_id("candidate_id", wanted.candidate_id, errors),
        job_id=_external_id("job_id", wanted.job_id, errors),
        is_confidential=wanted.is_confidential,
        hiring_team=list(wanted.hiring_team),
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
            errors["template_name"] = _("Use either a template, or a title and a message.")
        elif template and "context" not in errors:
            errors |= _context_errors(template, row, reader)
    else:
        for name in ("title", "message"):
            if not getattr(row, name):
                errors.setdefault(name, _("This field is required."))
    if errors:
        raise Invalid(errors)
    return row


def to_request(row: Announcement) -> fanout.NotificationRequest:
    """Build the notification request of an announcement."""
    try:
        template = wording.by_name(row.template_name or row.notification_type)
    except NotFound:  # Deleted since; the type's own template always exists.
        template = wording.by_name(row.notification_type)
    context = with_instants({"candidate_id": row.candidate_id, "job_id": row.job_id} | row.context)
    texts = rendering_texts.Texts(rendering_texts.one_line(row.title), row.message)
    return fanout.NotificationRequest(
        notification_type=row.notification_type,
        priority=row.priority,
        channels=tuple(row.channels if row.channels is not None else template.channels),
        texts_for=(
            wording.renderer_for(template, row.notification_type, context)
            if row.template_name
            else lambda _user: texts
        ),
        is_exact=row.channels is not None,
        is_template_active=template.is_active,
        event_id=row.event_id,
        about=hiring_teams.complete(
            CandidateAndJob.of(row.context | {name: getattr(row, name) for name in candidate_and_job.FIELDS})
        ),
        facts=select_facts(context) if row.template_name else {},
        action_url=row.action_url,
        metadata=row.data,
        deliver_at=row.deliver_at,
    )


def _find_template(wanted: AnnouncementRequest, errors: dict[str, str]) -> NotificationTemplate | None:
    name = "template_name" if wanted.template_name else "notification_type"
    if not wanted.template_name and wanted.notification_type not in ANNOUNCEABLE_TYPES:
        errors[name] = _("Unknown notification type “%(name)s”.", name=wanted.notification_type[:100])
        return None
    try:
        template = wording.by_name(wanted.template_name or wanted.notification_type)
    except NotFound as error:
        errors[name] = str(error)
        return None
    if not template.is_active:
        errors[name] = _("“%(name)s” is off for everyone.", name=template.name)
    return template


def _external_id(name: str, value: str | None, errors: dict[str, str]) -> str | None:
    return validation.collect(errors, name, validation.external_id, value) or None if value else None


def _deliver_at_error(moment: datetime, now: datetime) -> str:
    """Explain why nothing can be sent at a time; empty if it can."""
    if moment < now - GRACE:
        return _("Choose a time in the future.")
    try:
        validation.in_a_usable_year(moment)
    except validation.InvalidValue as error:
        return str(error)
    return ""


def _context_errors(template: NotificationTemplate, row: Announcement, reader: User) -> dict[str, str]:
    """Explain which variables of the template have no value, or why it cannot be rendered."""
    try:
        values = values_for(
            row.notification_type, with_instants(row.context), reader.time_zone, reader.locale
        )
        missing = template_validation.missing_values(template, TemplateContent.from_row(template), values)
        if missing:
            return {f"context.{name}": _("The template needs a value for this.") for name in missing}
        rendering_texts.render_all(wording.texts_of(template), values)
    except (TemplateTextError, validation.InvalidValue) as error:
        return {"context": str(error)}
    return {}
