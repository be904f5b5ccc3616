"""Change templates, and publish events that use them."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from app.database.base import db
from app.models import Notification, NotificationTemplate, TemplateVersion, User
from app.services.events import data as event_data
from app.services.events import publish as event_publish
from app.services.templates import drafts as template_drafts
from app.services.templates import publishing as template_publishing
from app.services.templates.drafts import TemplateContent
from tests.support import factories


def edited(template: NotificationTemplate, **changes: object) -> TemplateContent:
    """Return the template's content with changes."""
    return replace(TemplateContent.from_row(template), **changes)


def published(template: NotificationTemplate, actor: User, **changes: object) -> TemplateVersion:
    """Publish changes to a template as its next version."""
    template_drafts.save(template.id, edited(template, **changes), template.version, author=actor)
    return template_publishing.publish(template.id, actor=actor)


def publish_event(kind: str, *recipients: User, **data: object) -> list[Notification]:
    """Publish an event with sample data; return its notifications."""
    body = factories.event_body(kind, [user.email for user in recipients], **data)
    validated = event_data.validate(kind, body["data"])
    event = event_publish.IncomingEvent(
        "/tests", body["id"], kind, factories.utc_now(), validated, validated["recipients"]
    )
    result = event_publish.publish(event)
    return list(db.session.scalars(select(Notification).where(Notification.event_id == result.event_id)))
