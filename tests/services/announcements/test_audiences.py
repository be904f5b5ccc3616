"""An audience is people, roles or everyone, active users only."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from app.database.base import db
from app.models import Notification
from app.services.accounts import administration as people
from app.services.announcements import management as announcement_management
from app.services.announcements import progress as announcement_progress
from app.services.announcements.validation import AnnouncementRequest
from tests.support import factories
from tests.support.announcements import NEWS, reached


def test_people_named_by_address_receive_it_once(any_app: Flask) -> None:
    alice, bob = factories.user("alice@example.test"), factories.user("bob@example.test", role="admin")
    factories.user("charlie@example.test")
    wanted = AnnouncementRequest(
        recipients=["alice@example.test", "BOB@example.test", "alice@example.test"], **NEWS
    )
    made = announcement_management.create(bob, wanted)
    assert made.state == "written"
    assert [email for email, _ in announcement_progress.list_recipients(made)] == [alice.email, bob.email]
    row = db.session.scalars(select(Notification).where(Notification.recipient_id == alice.id)).one()
    assert (row.title, row.message) == (NEWS["title"], NEWS["message"])
    assert (row.notification_type, row.priority, row.status) == ("system_alert", "medium", "sent")
    assert {delivery.channel for delivery in row.deliveries} == {"email", "in_app"}


def test_roles_and_everyone_mean_active_people_only(any_app: Flask) -> None:
    bob = factories.user("bob@example.test", role="admin")
    factories.user("alice@example.test")
    people.change(factories.user("gone@example.test").id, is_enabled=False, actor=bob)
    assert announcement_management.create(bob, AnnouncementRequest(roles=["recruiter"], **NEWS)).total == 1
    assert reached() == ["alice@example.test"]
    assert announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS)).total == 2
    assert reached() == ["alice@example.test", "alice@example.test", "bob@example.test"]
    assert announcement_management.count_recipients(AnnouncementRequest(roles=["recruiter", "admin"])) == 2
