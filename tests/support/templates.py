"""Templates, drafts and events for tests of several files."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from app.database.base import db
from app.models import AuditEntry, Notification, NotificationTemplate, TemplateVersion, User
from app.services.events import data as event_data
from app.services.events import publish as event_publish
from app.services.templates import drafts as template_drafts
from app.services.templates import publishing as template_publishing
from app.services.templates.drafts import TemplateContent
from tests.support import factories


def edited(template: NotificationTemplate, **changes: object) -> TemplateContent:
    return replace(TemplateContent.of(template), **changes)


def published(template: NotificationTemplate, actor: User, **changes: object) -> TemplateVersion:
    template_drafts.save(template.id, edited(template, **changes), template.version, author=actor)
    return template_publishing.publish(template.id, actor=actor)


def publish_event(kind: str, *recipients: User, **data: object) -> list[Notification]:
    body = factories.event_body(kind, [user.email for user in recipients], **data)
    usable = event_data.validate(kind, body["data"])
    event = event_publish.IncomingEvent(
        "/tests", body["id"], kind, factories.utc_now(), usable, usable["recipients"]
    )
    made = event_publish.publish(event)
    return list(db.session.scalars(select(Notification).where(Notification.event_id == made.event_id)))


def audited(action: str) -> list[AuditEntry]:
    return list(db.session.scalars(select(AuditEntry).where(AuditEntry.action == action)))
