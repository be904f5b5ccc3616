"""Demo data: loaded once, into an empty database, worth looking at, and silent."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services.accounts import demo_people, users
from app.services.interviews import reminders
from app.services.operations import demo, demo_story
from app.services.routing import wording
from app.services.templates import versions as template_versions
from app.services.templates.drafts import TemplateContent
from tests.support import factories
from tests.support.delivery import deliver_due


def kinds(column: object) -> set[str]:
    return set(db.session.scalars(select(column).distinct()))  # type: ignore[call-overload]


def test_the_demo_has_every_type_and_state_and_its_people_can_sign_in(any_app: Flask) -> None:
    assert demo.load()
    assert kinds(Notification.notification_type) == set(catalog.TYPES)
    assert kinds(Notification.status) == set(catalog.STATUSES)
    assert {"sent", "failed", "skipped", "expired", "pending"} <= kinds(Delivery.state)
    # Stands for a value that a template lacks.
    assert not [text for text in kinds(Notification.title) | kinds(Notification.message) if "—" in text]
    oldest, newest = db.session.execute(
        select(func.min(Notification.created_at), func.max(Notification.created_at))
    ).one()
    assert newest - oldest > timedelta(days=35)
    for email, _name, role, _zone in demo_people.PEOPLE:
        user = users.authenticate(email, demo_people.PASSWORD)
        assert user
        assert user.role == role


def test_interviews_of_a_weekend_move_on_when_monday_is_full(
    app: Flask, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[datetime] = []
    is_taken = demo_story._is_taken

    def look(starts_at: datetime, user: User) -> bool:
        looked_at.append(starts_at)
        assert len(looked_at) < 2000
        return is_taken(starts_at, user)

    monkeypatch.setattr(demo_story, "_is_taken", look)
    sunday, chance = datetime(2026, 11, 29, 10, tzinfo=UTC), random.Random(7)
    starts = sorted(demo_story._interview(alice, sunday, chance).starts_at for _ in range(30))
    assert starts[0] >= sunday
    assert all(later - earlier >= timedelta(hours=1) for earlier, later in pairwise(starts))


def test_events_of_the_demo_are_template_samples(app: Flask) -> None:
    demo.load()
    for kind in {event.notification_type for event in catalog.EVENTS.values()} - {None}:
        template = wording.by_name(kind)
        shown = template_versions.rerender_recent(template, TemplateContent.from_row(template))
        assert shown
        for each in shown:
            assert not each.problem
            # With the same text as the sent one, because the event has all the data.
            assert {piece.kind for piece in each.title + each.message} == {"same"}, (kind, each)


def test_the_demo_is_loaded_once_and_only_into_an_empty_database(app: Flask) -> None:
    assert demo.load()
    rows = db.session.scalar(select(func.count()).select_from(Notification))
    assert not demo.load()
    assert db.session.scalar(select(func.count()).select_from(Notification)) == rows
    db.session.query(Notification).delete()
    db.session.query(User).delete()
    db.session.expunge_all()
    factories.user("alice@example.test")
    assert not demo.load()
    assert demo_people.list_enabled() == []


def test_loading_the_demo_sends_nothing(app: Flask) -> None:
    now = utc_now()
    demo.load(now)
    assert reminders.remind_due(now) == 0
    assert deliver_due(now) == 0
