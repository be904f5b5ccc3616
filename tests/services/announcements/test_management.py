"""Announcements are created once and can be cancelled until everyone has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services.announcements import management as announcement_management
from app.services.announcements import writer
from app.services.announcements.validation import AnnouncementRequest
from app.services.base.errors import Conflict, Forbidden
from app.services.sending import scheduled
from tests.support import factories
from tests.support.announcements import NEWS, crowd, rows_each


def test_only_admins_create_and_cancel_announcements(alice: User, bob: User) -> None:
    with pytest.raises(Forbidden):
        announcement_management.create(alice, AnnouncementRequest(everyone=True, **NEWS))
    made = announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    with pytest.raises(Forbidden):
        announcement_management.cancel(alice, made.id)


def test_a_form_submitted_twice_announces_once(any_app: Flask) -> None:
    bob = factories.user("bob@example.test", role="admin")
    wanted = AnnouncementRequest(everyone=True, **NEWS)
    first = announcement_management.create(bob, wanted, key="form-1")
    assert announcement_management.create(bob, wanted, key="form-1").id == first.id
    assert announcement_management.create(bob, wanted, key="form-2").id != first.id
    assert rows_each() == {2}


@pytest.mark.parametrize(
    "other",
    [{"title": "Maintenance tomorrow"}, {"everyone": False, "roles": ["admin"]}, {"priority": "high"}],
)
def test_a_resubmitted_form_with_different_content_is_a_conflict(
    bob: User, alice: User, other: dict[str, object]
) -> None:
    wanted = AnnouncementRequest(everyone=True, channels=["in_app"], **NEWS)
    announcement_management.create(bob, wanted, key="form-1")
    with pytest.raises(Conflict):
        announcement_management.create(bob, replace(wanted, **other), key="form-1")


def test_a_scheduled_form_resubmitted_after_its_time_returns_the_same_announcement(
    bob: User, alice: User
) -> None:
    now = utc_now()
    wanted = AnnouncementRequest(everyone=True, deliver_at=now + timedelta(hours=1), **NEWS)
    first = announcement_management.create(bob, wanted, key="form-1", now=now)
    again = announcement_management.create(bob, wanted, key="form-1", now=now + timedelta(hours=3))
    assert again.id == first.id


def test_an_announcement_to_more_people_than_expected_is_a_conflict(bob: User, alice: User) -> None:
    wanted = AnnouncementRequest(everyone=True, **NEWS)
    with pytest.raises(Conflict):
        announcement_management.create(bob, wanted, expected=1)
    assert announcement_management.create(bob, wanted, expected=2).written == 2


def test_an_announcement_cancelled_before_its_time_reaches_no_one(any_app: Flask) -> None:
    bob = factories.user("bob@example.test", role="admin")
    crowd(230)
    factories.user("nothing@example.test", preference={"system_notifications": False})
    now = utc_now()
    at = now + timedelta(hours=3)
    small = announcement_management.create(
        bob, AnnouncementRequest(recipients=["p1@example.test"], deliver_at=at, **NEWS), now=now
    )
    large = announcement_management.create(
        bob, AnnouncementRequest(everyone=True, deliver_at=at, **NEWS), now=now
    )
    writer.write_due(now)
    assert small.state == large.state == "written"
    for made in (small, large):
        announcement_management.cancel(bob, made.id, now=now + timedelta(hours=2))
    assert scheduled.show_scheduled(at + timedelta(hours=1)) == 0
    assert set(db.session.scalars(select(Delivery.state))) == {"cancelled", "skipped"}
    assert set(db.session.scalars(select(Notification.status))) == {"cancelled"}
    assert set(db.session.scalars(select(Notification.surfaced_at))) == {None}
    assert (small.written, large.written) == (0, 0)


def test_a_completed_announcement_cannot_be_cancelled(bob: User, alice: User) -> None:
    made = announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    with pytest.raises(Conflict):
        announcement_management.cancel(bob, made.id)
