"""What Python callers use: a message to one person, and the platform's own happenings by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from flask_babel import gettext as _
from sqlalchemy import select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.models import Interview, Notification, User
from app.rendering.invisible_characters import strip_invisible
from app.rendering.texts import Texts, one_line
from app.services.base.errors import Invalid
from app.services.events import data, publish
from app.services.interviews import records as interview_records
from app.services.notifications import stacks
from app.services.routing import fanout, wording


def create_notification(
    recipient: User,
    notification_type: str,
    title: str,
    message: str,
    *,
    priority: str = "medium",
    channels: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    action_url: str = "",
    deliver_at: datetime | None = None,
    expires_at: datetime | None = None,
    now: datetime | None = None,
) -> Notification:
    """Notify one person in the caller's own words.

    Args:
        channels: over which ways; default the type's own. The person's preferences decide in the end.
        deliver_at: not before this instant; default at once.
        expires_at: hidden and no longer sent after this instant.
    Returns:
        The notification, committed; its deliveries follow in the background.
    Raises:
        Invalid: the type, priority, a channel or the title cannot be used.
    """
    _check(notification_type, priority, channels)
    if not one_line(title):
        raise Invalid({"title": _("A notification needs a title.")})
    texts = Texts(one_line(title)[:255], strip_invisible(message))
    template = wording.by_name(notification_type)
    return _deliver(
        recipient,
        fanout.NotificationRequest(
            notification_type=notification_type,
            priority=priority,
            channels=tuple(channels if channels is not None else template.channels),
            texts_for=lambda _user: texts,
            is_exact=channels is not None,
            is_template_active=template.is_active,
            subject=stacks.subject_of(notification_type, metadata or {}, metadata),
            action_url=action_url,
            metadata=metadata or {},
            deliver_at=deliver_at,
            expires_at=expires_at,
        ),
        now,
    )


def create_notification_from_template(
    recipient: User,
    template_name: str,
    context: Mapping[str, Any],
    *,
    priority: str | None = None,
    channels: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    action_url: str = "",
    deliver_at: datetime | None = None,
    now: datetime | None = None,
) -> Notification:
    """Notify one person in the words of a template.

    Args:
        context: the template's variables; aware datetimes are shown on the recipient's clock.
        priority, channels: instead of the template's.
    Raises:
        NotFound: there is no template of that name.
        Invalid: the priority or a channel cannot be used.
    """
    template = wording.by_name(template_name)
    _check(template.notification_type, priority or template.priority, channels)
    return _deliver(
        recipient,
        fanout.NotificationRequest(
            notification_type=template.notification_type,
            priority=priority or template.priority,
            channels=tuple(channels if channels is not None else template.channels),
            texts_for=wording.renderer_for(template, template.notification_type, context),
            is_exact=channels is not None,
            is_template_active=template.is_active,
            subject=stacks.subject_of(template.notification_type, context, metadata),
            action_url=action_url,
            metadata=metadata or {},
            deliver_at=deliver_at,
        ),
        now,
    )


def send_interview_scheduled_notification(
    interview: Any, recipient: User | None = None
) -> list[Notification]:
    """Tell one person, or all recruiters of the interview, that it is booked.

    Args:
        interview: an `Interview`, or anything with the fields of the event `interview.scheduled`.
    """
    kind = "interview.scheduled"
    facts = _facts(
        kind, interview_records.facts(interview) if isinstance(interview, Interview) else interview
    )
    return _publish(kind, facts, recipient or _value(interview, "recruiters"))


def send_resume_processed_notification(resume: Any, recipient: User | None = None) -> list[Notification]:
    """Tell one person, or whoever uploaded it (`uploaded_by`), that a resume was parsed."""
    return _publish(
        "resume.processed", _facts("resume.processed", resume), recipient or _value(resume, "uploaded_by")
    )


def send_bulk_upload_completed_notification(user: User, results: Any) -> list[Notification]:
    """Tell whoever started an upload how many files came through (`total_files`, `successful`, `failed`)."""
    return _publish("resume.bulk_upload.completed", _facts("resume.bulk_upload.completed", results), user)


def send_candidate_added_notification(candidate: Any, recipient: User | None = None) -> list[Notification]:
    """Tell one person, or all active recruiters, of a new candidate."""
    return _publish("candidate.added", _facts("candidate.added", candidate), recipient)


def send_job_created_notification(job: Any, recipient: User | None = None) -> list[Notification]:
    """Tell one person, or all active recruiters, of a newly opened job."""
    return _publish("job.created", _facts("job.created", job), recipient)


def _publish(
    kind: str, facts: Mapping[str, Any], recipients: User | Sequence[User] | None
) -> list[Notification]:
    people = [recipients] if isinstance(recipients, User) else recipients
    now = utc_now()
    published = publish.publish(
        publish.IncomingEvent(
            source="bellhop:python",
            external_id=str(uuid4()),
            type=kind,
            occurred_at=now,
            data=data.validate(kind, facts),
            recipients=[user.email for user in people] if people else None,
        ),
        now=now,
    )
    return list(
        db.session.scalars(
            select(Notification).where(Notification.event_id == published.event_id).order_by(Notification.id)
        )
    )


# What the platform's own objects call these fields.
SHORT_NAMES = {"candidate_name": "name", "job_title": "title"}


def _facts(kind: str, thing: Any) -> dict[str, Any]:
    """The event's fields as far as the caller's dict or object has them, under their own or their short names."""
    found = {}
    for field in catalog.EVENTS[kind].data:
        value = _value(thing, field.name)
        if value is None and field.name in SHORT_NAMES:
            value = _value(thing, SHORT_NAMES[field.name])
        if value is not None:
            found[field.name] = value.isoformat() if isinstance(value, datetime) else value
    return found


def _value(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def _check(notification_type: str, priority: str, channels: Sequence[str] | None) -> None:
    errors = {}
    if notification_type not in catalog.TYPES:
        errors["notification_type"] = _("There is no notification type “%(name)s”.", name=notification_type)
    if priority not in catalog.PRIORITIES:
        errors["priority"] = _("There is no priority “%(name)s”.", name=priority)
    if unknown := set(channels or ()) - set(catalog.CHANNELS):
        errors["channels"] = _("There is no channel “%(name)s”.", name=", ".join(sorted(unknown)))
    if errors:
        raise Invalid(errors)


def _deliver(recipient: User, message: fanout.NotificationRequest, now: datetime | None) -> Notification:
    now = now or utc_now()
    plans = fanout.plan(message, [recipient], now)
    lock_for_writing()
    (notification_id,) = fanout.write(message, plans, now)
    db.session.commit()
    return db.session.get_one(Notification, notification_id)
