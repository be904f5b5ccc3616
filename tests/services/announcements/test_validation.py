"""Announcements are checked field by field before anything is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import Announcement, Notification, User
from app.services.announcements import management as announcement_management
from app.services.announcements.validation import AnnouncementRequest
from app.services.base.errors import Invalid
from tests.support import factories
from tests.support.announcements import NEWS


def test_an_announcement_can_use_a_template(bob: User, alice: User) -> None:
    announcement_management.create(
        bob,
        AnnouncementRequest(
            recipients=[alice.email],
            template_name="job_created",
            context={"job_title": "Pilot", "company_name": "Aero"},
            priority="high",
        ),
    )
    row = db.session.scalars(select(Notification)).one()
    assert (row.notification_type, row.title, row.priority) == ("job_created", "New job: Pilot", "high")


def test_times_in_a_context_are_shown_in_the_readers_time_zone(bob: User) -> None:
    factories.user("paris@example.test", time_zone="Europe/Paris")
    context = {
        "candidate_name": "Priya Raman",
        "job_title": "Engineer",
        "company_name": "Alder",
        "starts_at": "2031-03-12T14:00:00Z",
    }
    announcement_management.create(
        bob,
        AnnouncementRequest(
            recipients=["paris@example.test"], template_name="interview_scheduled", context=context
        ),
    )
    assert "15:00" in db.session.scalars(select(Notification)).one().message


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"recipients": None}, "recipients"),
        ({"everyone": True}, "recipients"),
        ({"recipients": []}, "recipients"),
        ({"recipients": ["alice@example.test", "nobody@example.test"]}, "recipients[1]"),
        ({"recipients": ["alice@example.test", "x"]}, "recipients[1]"),
        ({"recipients": None, "roles": ["king"]}, "roles"),
        ({"recipients": None, "roles": []}, "roles"),
        ({"title": "  "}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"message": ""}, "message"),
        ({"message": "x" * 10_001}, "message"),
        ({"priority": "loud"}, "priority"),
        ({"channels": []}, "channels"),
        ({"channels": ["pigeon"]}, "channels"),
        ({"notification_type": "gossip"}, "notification_type"),
        ({"action_url": "javascript:alert(1)"}, "action_url"),
        ({"action_url": "//evil.example"}, "action_url"),
        ({"metadata": {"a": "x" * 20_000}}, "metadata"),
        ({"template_name": "job_created"}, "template_name"),
        ({"template_name": "nothing", "title": "", "message": ""}, "template_name"),
        (
            {"template_name": "job_created", "title": "", "message": "", "context": {"job_title": "Pilot"}},
            "context.company_name",
        ),
        (
            {
                "template_name": "interview_scheduled",
                "title": "",
                "message": "",
                "context": {"starts_at": "soon"},
            },
            "context",
        ),
        ({"deliver_at": utc_now() - timedelta(hours=1)}, "deliver_at"),
        ({"deliver_at": datetime(9999, 12, 31, tzinfo=UTC)}, "deliver_at"),
        ({"notification_type": "daily_digest"}, "notification_type"),
    ],
)
def test_invalid_fields_are_named_and_nothing_is_written(
    bob: User, alice: User, wrong: dict[str, object], field: str
) -> None:
    wanted = {"recipients": [alice.email], **NEWS, **wrong}
    with pytest.raises(Invalid) as refused:
        announcement_management.create(bob, AnnouncementRequest(**wanted))
    assert field in refused.value.errors
    assert db.session.scalar(select(func.count()).select_from(Announcement)) == 0
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 0
