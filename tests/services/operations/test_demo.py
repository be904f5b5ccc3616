"""Demo data: loaded once, into an empty database, worth looking at, and silent."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import func, select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services.accounts import demo_people, users
from app.services.interviews import reminders
from app.services.operations import demo
from app.services.routing import wording
from app.services.templates import versions as template_versions
from app.services.templates.drafts import TemplateContent
from tests.support import factories
from tests.support.delivery import deliver_due


def kinds(column: object) -> set[str]:
    return set(db.session.scalars(select(column).distinct()))  # type: ignore[call-overload]


def test_every_type_and_every_state_is_there_for_people_who_can_sign_in(any_app: Flask) -> None:
    assert demo.load()
    assert kinds(Notification.notification_type) == set(catalog.TYPES)
    assert kinds(Notification.status) == set(catalog.STATUSES)
    assert {"sent", "failed", "skipped", "expired", "pending"} <= kinds(Delivery.state)
    oldest, newest = db.session.execute(
        select(func.min(Notification.created_at), func.max(Notification.created_at))
    ).one()
    assert newest - oldest > timedelta(days=35)
    for email, _name, role, _zone in demo_people.PEOPLE:
        user = users.authenticate(email, demo_people.PASSWORD)
        assert user
        assert user.role == role


def test_templates_can_be_tried_with_what_happened_in_the_demo(app: Flask) -> None:
    demo.load()
    for kind in {event.notification_type for event in catalog.EVENTS.values()} - {None}:
        template = wording.by_name(kind)
        shown = template_versions.rerender_recent(template, TemplateContent.of(template))
        assert shown
        for each in shown:
            assert not each.problem
            # In the same words as it went out: nothing is missing from the event.
            assert {piece.kind for piece in each.title + each.message} == {"same"}, (kind, each)


def test_it_is_loaded_once_and_never_beside_real_people(app: Flask) -> None:
    assert demo.load()
    rows = db.session.scalar(select(func.count()).select_from(Notification))
    assert not demo.load()
    assert db.session.scalar(select(func.count()).select_from(Notification)) == rows
    db.session.query(Notification).delete()
    db.session.query(User).delete()
    factories.user("alice@example.test")
    assert not demo.load()
    assert demo_people.list_enabled() == []


def test_nothing_of_it_is_written_to_anyone(app: Flask) -> None:
    now = utc_now()
    demo.load(now)
    assert reminders.remind_due(now) == 0
    assert deliver_due(now) == 0
