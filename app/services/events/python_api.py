"""Notifies people from Python: a message to one person, or an event of the platform by name."""

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
from app.database.writing import writing
from app.models import Interview, Notification, User
from app.rendering.invisible_characters import clean
from app.rendering.key_facts import select_facts
from app.rendering.texts import Texts, one_line
from app.services.base import validation
from app.services.base.errors import Invalid
from app.services.base.recipients import Recipient
from app.services.events import data, publish
from app.services.interviews import records as interview_records
from app.services.notifications import stacks
from app.services.routing import candidate_and_job, fanout, wording


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
    """Notify one person with the caller's own title and message.

    Args:
        recipient: a user of the current session.
        notification_type, priority, channels: a string or the enum member.
        title: one line; cut after 255 characters.
        channels: the channels to use instead of the type's own. The recipient's preferences still apply.
        metadata: plain JSON values, kept with the notification.
        action_url: where the notification leads.
        deliver_at: an aware datetime before which nothing is shown or sent; by default, now.
        expires_at: an aware datetime after which the notification is hidden and no longer sent.
    Returns:
        The notification, committed. Its deliveries are sent in the background.
    Raises:
        Invalid: the type, the priority, a channel or the title is not usable.
    """
    notification_type, priority, channels = _plain_names(notification_type, priority, channels)
    if not one_line(title):
        raise Invalid({"title": _("A notification needs a title.")})
    texts = Texts(one_line(title)[:255], clean(message))
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
            metadata=dict(metadata or {}),
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
    """Notify one person with the texts of a template.

    Args:
        template_name: the name of any template. A built-in one has the name of its notification type.
        context: the template's variables. Aware datetimes are shown in the recipient's time zone.
        priority, channels: used instead of the template's.
        metadata, action_url, deliver_at: as for `create_notification`.
    Returns:
        The notification, committed. If the template cannot be rendered, it has the built-in texts.
    Raises:
        NotFound: the template does not exist.
        Invalid: the priority or a channel is not usable.
    """
    template = wording.by_name(str(template_name))
    _type, priority, channels = _plain_names(
        template.notification_type, priority or template.priority, channels
    )
    return _deliver(
        recipient,
        fanout.NotificationRequest(
            notification_type=template.notification_type,
            priority=priority,
            channels=tuple(channels if channels is not None else template.channels),
            texts_for=wording.renderer_for(template, template.notification_type, context),
            is_exact=channels is not None,
            is_template_active=template.is_active,
            subject=stacks.subject_of(template.notification_type, context, metadata),
            facts=select_facts(context),
            action_url=action_url,
            metadata=dict(metadata or {}),
            deliver_at=deliver_at,
        ),
        now,
    )


def send_interview_scheduled_notification(
    interview: Any, recipient: User | None = None
) -> list[Notification]:
    """Report a booked interview to one person, or to all of its recruiters.

    Args:
        interview: an `Interview`, or a dict or object with the fields of the event `interview.scheduled`
            and, when no recipient is given, `recruiters`.
    Returns:
        The notifications, committed.
    Raises:
        Invalid: keyed `data.<field>`: a field is missing or unusable, or no one is to be notified.
    """
    facts = interview_records.facts(interview) if isinstance(interview, Interview) else interview
    return _publish("interview.scheduled", facts, recipient or _value(interview, "recruiters"))


def send_resume_processed_notification(resume: Any, recipient: User | None = None) -> list[Notification]:
    """Report a parsed resume to one person, or to the user in its `uploaded_by`.

    Args:
        resume: a dict or object with the fields of the event `resume.processed`.
    """
    return _publish("resume.processed", resume, recipient or _value(resume, "uploaded_by"))


def send_bulk_upload_completed_notification(user: User, results: Any) -> list[Notification]:
    """Report a finished upload to the user who started it.

    Args:
        results: a dict or object with `total_files`, `successful` and `failed`.
    """
    return _publish("resume.bulk_upload.completed", results, user)


def send_candidate_added_notification(candidate: Any, recipient: User | None = None) -> list[Notification]:
    """Report a new candidate to one person, or to all active recruiters.

    Args:
        candidate: a dict or object with `candidate_name` (or `name`) and `job_title`.
    """
    return _publish("candidate.added", candidate, recipient)


def send_job_created_notification(job: Any, recipient: User | None = None) -> list[Notification]:
    """Report a new job to one person, or to all active recruiters.

    Args:
        job: a dict or object with `job_title` (or `title`) and `company_name`.
    """
    return _publish("job.created", job, recipient)


def _publish(event_type: str, source: Any, recipients: User | Sequence[User] | None) -> list[Notification]:
    people = [recipients] if isinstance(recipients, User) else recipients
    now = utc_now()
    published = publish.publish(
        publish.IncomingEvent(
            source="bellhop:python",
            external_id=str(uuid4()),
            type=event_type,
            occurred_at=now,
            data=data.validate(event_type, _event_data(event_type, source)),
            recipients=[user.email for user in people] if people else None,
        ),
        now=now,
    )
    return list(
        db.session.scalars(
            select(Notification).where(Notification.event_id == published.event_id).order_by(Notification.id)
        )
    )


# Attributes of the platform's own objects that stand in for a field of the event.
ATTRIBUTE_ALIASES = {"candidate_name": "name", "job_title": "title"}


def _event_data(event_type: str, source: Any) -> dict[str, Any]:
    """Read the event's fields from a dict or object; fields that it does not have are left out."""
    found = {}
    for name in (*(field.name for field in catalog.EVENTS[event_type].data), *candidate_and_job.FIELDS):
        value = _value(source, name)
        if value is None and name in ATTRIBUTE_ALIASES:
            value = _value(source, ATTRIBUTE_ALIASES[name])
        if value is not None:
            found[name] = value
    return data.as_json(found)


def _value(source: Any, name: str) -> Any:
    return source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)


def _plain_names(
    notification_type: str, priority: str, channels: Sequence[str] | None
) -> tuple[str, str, list[str] | None]:
    """Check the names and turn enum members into the plain strings that are stored."""
    notification_type, priority = str(notification_type), str(priority)
    names = None if channels is None else [str(channel) for channel in channels]
    errors = {}
    if notification_type not in catalog.TYPES:
        errors["notification_type"] = _("Unknown notification type “%(name)s”.", name=notification_type)
    validation.collect(errors, "priority", validation.priority, priority)
    validation.collect(errors, "channels", validation.channels, names or ())
    if errors:
        raise Invalid(errors)
    return notification_type, priority, names


def _deliver(recipient: User, request: fanout.NotificationRequest, now: datetime | None) -> Notification:
    now = now or utc_now()
    plans = fanout.plan(request, [Recipient.from_user(recipient)], now)
    with writing():
        (notification_id,) = fanout.write(request, plans, now)
    return db.session.get_one(Notification, notification_id)
