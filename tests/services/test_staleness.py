"""News of an interview that waited is not sent once the interview is no more what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.database.base import db
from app.models import Delivery, Notification, User
from app.services.preferences import editing as preference_editing
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from tests.support import factories
from tests.support.interviews import publish_interview

NIGHT = datetime(2026, 11, 24, 23, tzinfo=UTC)
MORNING = datetime(2026, 11, 25, 7, 34, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def courier(app: Flask) -> DeliveryWorker:
    return DeliveryWorker(
        SiteIdentity("http://bellhop.test", "bellhop@example.test", app.config["SECRET_KEY"])
    )


@pytest.fixture
def asleep(app: Flask) -> User:
    """Somebody whose quiet hours last from 19:00 to 07:30."""
    user = factories.user("dana@example.test")
    preference_editing.change(user, {"quiet_hours": {"enabled": True}})
    return user


def ended(kind: str) -> tuple[str, str]:
    mail = (
        select(Delivery)
        .join(Notification)
        .where(Delivery.channel == "email", Notification.notification_type == kind)
    )
    found = db.session.scalars(mail.execution_options(populate_existing=True)).one()
    return found.state, found.reason


@pytest.mark.parametrize("before", ["interview.scheduled", "interview.rescheduled"])
@pytest.mark.parametrize(
    ("then", "starts_at", "reason"),
    [
        ("interview.cancelled", MORNING + 5 * HOUR, "interview_cancelled"),
        ("interview.rescheduled", MORNING + 30 * HOUR, "interview_moved"),
        ("interview.completed", None, "interview_over"),
    ],
)
def test_a_mail_held_for_the_night_is_not_sent_when_the_interview_changed_meanwhile(
    asleep: User, courier: DeliveryWorker, before: str, then: str, starts_at: datetime | None, reason: str
) -> None:
    publish_interview(before, asleep, NIGHT, MORNING + 5 * HOUR)
    first = before.replace(".", "_")
    assert ended(first) == ("pending", "quiet_hours")
    if then == before:
        then = "interview.scheduled"
    publish_interview(then, asleep, NIGHT + HOUR, starts_at)
    courier.deliver_due(MORNING)
    assert ended(first) == ("skipped", reason)
    if starts_at:
        assert ended(then.replace(".", "_"))[0] == "sent"


def test_nor_when_the_night_was_called_off_a_moment_later(asleep: User, courier: DeliveryWorker) -> None:
    publish_interview("interview.scheduled", asleep, NIGHT, MORNING + 5 * HOUR)
    publish_interview("interview.cancelled", asleep, NIGHT + timedelta(seconds=1), MORNING + 5 * HOUR)
    preference_editing.change(asleep, {"quiet_hours": {"enabled": False}}, now=NIGHT + timedelta(seconds=2))
    courier.deliver_due(NIGHT + timedelta(seconds=3))
    assert ended("interview_scheduled") == ("skipped", "interview_cancelled")
    assert ended("interview_cancelled")[0] == "sent"


def test_nor_a_cancellation_when_it_was_booked_again_meanwhile(asleep: User, courier: DeliveryWorker) -> None:
    publish_interview("interview.cancelled", asleep, NIGHT, MORNING + 5 * HOUR)
    publish_interview("interview.scheduled", asleep, NIGHT + HOUR, MORNING + 30 * HOUR)
    courier.deliver_due(MORNING)
    assert ended("interview_cancelled") == ("skipped", "interview_rebooked")
    assert ended("interview_scheduled")[0] == "sent"


def test_nor_when_it_began_before_the_night_was_over(asleep: User, courier: DeliveryWorker) -> None:
    publish_interview("interview.scheduled", asleep, NIGHT, MORNING - HOUR)
    courier.deliver_due(MORNING)
    assert ended("interview_scheduled") == ("skipped", "interview_over")


def test_what_is_reported_after_the_start_is_news_all_the_same(asleep: User, courier: DeliveryWorker) -> None:
    publish_interview("interview.scheduled", asleep, NIGHT, NIGHT - HOUR)
    courier.deliver_due(MORNING)
    assert ended("interview_scheduled")[0] == "sent"


def test_what_goes_out_at_once_follows_each_other_as_calendars_count_it(
    alice: User, courier: DeliveryWorker
) -> None:
    noon = NIGHT - 11 * HOUR
    for seconds, kind in enumerate(("scheduled", "rescheduled", "cancelled")):
        publish_interview(
            f"interview.{kind}", alice, noon + timedelta(seconds=seconds), noon + (48 + seconds) * HOUR
        )
    courier.deliver_due(noon + timedelta(seconds=5))
    kinds = "interview_scheduled", "interview_rescheduled", "interview_cancelled"
    assert [ended(kind)[0] for kind in kinds] == ["sent"] * 3
