"""Templates word notifications, and a failing one falls back to the built-in text."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import func, select, update

from app.database.base import db
from app.models import Notification, NotificationTemplate, User
from app.services.routing import wording
from tests.support import factories
from tests.support.audit import audit_entries
from tests.support.templates import publish_event, published


def test_an_alerts_own_text_is_used_until_the_template_is_edited(alice: User, bob: User) -> None:
    assert publish_event("system.alert", alice, title="Sync is late")[0].title == "Sync is late"
    published(wording.by_name("system_alert"), bob, title_template="Alert: {{ title }}")
    assert publish_event("system.alert", alice, title="Sync is late")[0].title == "Alert: Sync is late"


def test_a_failing_template_falls_back_to_the_built_in_text_and_alerts_admins_once(
    any_app: Flask,
) -> None:
    alice = factories.user("alice@example.test")
    bob = factories.user("bob@example.test", role="admin")
    db.session.execute(
        update(NotificationTemplate)
        .where(NotificationTemplate.name == "job_created")
        .values(title_template="{{ gone }}", version=7)
    )
    db.session.commit()
    for _ in range(3):
        (row,) = publish_event("job.created", alice)
        assert row.title == "New job: Staff Data Engineer"
        assert {delivery.state for delivery in row.deliveries} == {"pending", "sent"}
    (alert,) = db.session.scalars(select(Notification).where(Notification.recipient_id == bob.id))
    assert alert.notification_type == "system_alert"
    assert "job_created" in alert.title
    assert "gone" in alert.message
    (entry,) = audit_entries("template.failed")
    assert (entry.subject, entry.detail["version"]) == ("job_created", 7)
    assert "gone" in entry.detail["error"]
    template_id = wording.by_name("job_created").id
    db.session.execute(
        update(NotificationTemplate).where(NotificationTemplate.id == template_id).values(version=8)
    )
    db.session.commit()
    publish_event("job.created", alice)
    told = select(func.count(Notification.id)).where(Notification.recipient_id == bob.id)
    assert db.session.scalar(told) == 2


def test_a_failing_alert_template_does_not_recurse(alice: User, bob: User) -> None:
    db.session.execute(
        update(NotificationTemplate)
        .where(NotificationTemplate.name == "system_alert")
        .values(title_template="{{ gone }}")
    )
    db.session.commit()
    (row,) = publish_event("system.alert", alice, title="", message="")
    assert row.title == "System Alert"
    assert (
        db.session.scalar(select(func.count(Notification.id)).where(Notification.recipient_id == bob.id)) == 1
    )
