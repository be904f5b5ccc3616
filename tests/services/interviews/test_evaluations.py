"""Reminders of missing evaluations: after an hour, then on working days, until one arrives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.database.base import db
from app.models import Delivery, EvaluationReminder, Notification, User
from app.services.base.errors import NotFound
from app.services.events import publish as event_publish
from app.services.interviews import evaluations
from app.services.notifications import inbox
from app.services.notifications.filters import Filters
from app.services.sending import preflight
from tests.support import factories
from tests.support.threads import run_at_once

# A Thursday, 10:00 in Paris.
NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def publish(kind: str, user: User, at: datetime, **data: object) -> None:
    event = event_publish.IncomingEvent("/test", f"ev-{factories.unique()}", kind, at, data, [user.email])
    event_publish.publish(event, now=at)


def publish_completed(user: User, at: datetime = NOW, number: str = "iv-1") -> None:
    facts = {
        "candidate_name": "Priya Raman",
        "job_title": "Staff Data Engineer",
        "company_name": "Alder Robotics",
    }
    publish("interview.scheduled", user, at - 48 * HOUR, id=number, starts_at=at - HOUR, ends_at=at, **facts)
    publish("interview.completed", user, at, id=number)


def publish_evaluated(user: User, at: datetime, number: str = "iv-1") -> None:
    publish(
        "evaluation.completed",
        user,
        at,
        interview_id=number,
        candidate_name="Priya Raman",
        job_title="Engineer",
    )


def times_reminded(user: User, end: datetime, start: datetime = NOW) -> list[datetime]:
    """Run the job every quarter of an hour; return when it sent a reminder."""
    times, now = [], start
    while now < end:
        if evaluations.remind_due(now):
            times.append(now.astimezone(ZoneInfo(user.time_zone)))
        now += timedelta(minutes=15)
    return times


@pytest.fixture
def ruth(app: Flask) -> User:
    return factories.user("ruth@example.test", time_zone="Europe/Paris")


def test_reminders_are_sent_after_an_hour_and_on_ten_working_days(ruth: User) -> None:
    publish_completed(ruth)
    times = times_reminded(ruth, NOW + timedelta(days=30))
    assert times[0] == NOW + HOUR
    days = [at.date() for at in times[1:]]
    assert days == [date(2026, 3, 13), *(date(2026, 3, day) for day in (16, 17, 18, 19, 20, 23, 24, 25, 26))]
    assert {(at.hour, at.minute) for at in times[1:]} == {(8, 0)}


def test_only_the_newest_reminder_is_in_the_inbox(ruth: User) -> None:
    publish_completed(ruth)
    times_reminded(ruth, NOW + timedelta(days=6))
    filters = Filters(types=("evaluation_due",))
    assert len(inbox.page_for(ruth, filters, now=NOW + timedelta(days=6)).rows) == 1


def test_an_evaluation_stops_the_reminders_and_expires_the_last_one(ruth: User) -> None:
    publish_completed(ruth)
    assert len(times_reminded(ruth, NOW + 30 * HOUR)) == 2
    publish_evaluated(ruth, NOW + 30 * HOUR)
    assert times_reminded(ruth, NOW + timedelta(days=10), NOW + 30 * HOUR) == []
    filters = Filters(types=("evaluation_due",))
    assert inbox.page_for(ruth, filters, now=NOW + 31 * HOUR).rows == []
    mail = db.session.scalars(
        select(Delivery)
        .join(Notification)
        .where(
            Delivery.channel == "email",
            Delivery.kind == "notification",
            Notification.notification_type == "evaluation_due",
        )
    ).all()[-1]
    found = preflight.check_before_sending(
        mail, preflight.load_context("email", [mail], NOW), NOW + 31 * HOUR
    )
    assert found is not None
    assert found.reason == "evaluation_over"


def test_an_evaluation_without_an_interview_matches_candidate_and_job(ruth: User, charlie: User) -> None:
    publish_completed(ruth)
    publish_completed(charlie, number="iv-2")
    facts = {"candidate_name": "Priya Raman", "job_title": "Staff Data Engineer"}
    publish("evaluation.completed", ruth, NOW + HOUR, **facts | {"job_title": "Engineer"})
    assert len(times_reminded(ruth, NOW + 2 * HOUR)) == 1, "the evaluation was for another job"
    publish("evaluation.completed", ruth, NOW + 2 * HOUR, **facts)
    filters = Filters(types=("evaluation_due",))
    counts = [len(inbox.page_for(who, filters, now=NOW + 3 * HOUR).rows) for who in (ruth, charlie)]
    assert counts == [0, 1], "the evaluation was of Ruth's interview, not Charlie's"
    assert evaluations.remind_due(NOW + 24 * HOUR) == 1
    publish("evaluation.completed", factories.user("chief@example.test"), NOW + 25 * HOUR, **facts)
    assert times_reminded(ruth, NOW + timedelta(days=4), NOW + 25 * HOUR) == []


@pytest.mark.parametrize("order", [("evaluated", "scheduled"), ("scheduled", "evaluated")])
def test_an_evaluation_reported_before_its_interview_counts(ruth: User, order: tuple[str, ...]) -> None:
    for what in order:
        publish_evaluated(ruth, NOW) if what == "evaluated" else publish_completed(ruth)
    assert times_reminded(ruth, NOW + timedelta(days=3)) == []


def test_rescheduling_a_completed_interview_expires_its_reminder(ruth: User) -> None:
    publish_completed(ruth)
    assert len(times_reminded(ruth, NOW + 2 * HOUR)) == 1
    facts = {"candidate_name": "Priya Raman", "job_title": "Engineer", "company_name": "Alder Robotics"}
    times = {"starts_at": NOW + 20 * HOUR, "ends_at": NOW + 21 * HOUR}
    publish("interview.rescheduled", ruth, NOW + 2 * HOUR, id="iv-1", **times, **facts)
    filters = Filters(types=("evaluation_due",))
    assert inbox.page_for(ruth, filters, now=NOW + 3 * HOUR).rows == []


def test_a_completion_reported_before_the_booking_counts(ruth: User) -> None:
    publish("interview.completed", ruth, NOW, id="iv-1")
    assert times_reminded(ruth, NOW + 2 * HOUR) == []
    facts = {
        "candidate_name": "Priya Raman",
        "job_title": "Staff Data Engineer",
        "company_name": "Alder Robotics",
    }
    publish(
        "interview.scheduled", ruth, NOW - 48 * HOUR, id="iv-1", starts_at=NOW - HOUR, ends_at=NOW, **facts
    )
    assert len(times_reminded(ruth, NOW + 3 * HOUR, NOW + 2 * HOUR)) == 1


def test_absent_recruiters_are_not_reminded_and_can_undo_that(ruth: User, charlie: User) -> None:
    publish_completed(ruth)
    times_reminded(ruth, NOW + 2 * HOUR)
    (row,) = inbox.page_for(ruth, Filters(types=("evaluation_due",)), now=NOW + 2 * HOUR).rows
    with pytest.raises(NotFound):
        evaluations.set_attendance(charlie, row.id, was_there=False, now=NOW + 2 * HOUR)
    evaluations.set_attendance(ruth, row.id, was_there=False, now=NOW + 2 * HOUR)
    assert times_reminded(ruth, NOW + timedelta(days=4), NOW + 2 * HOUR) == []
    evaluations.set_attendance(ruth, row.id, was_there=True, now=NOW + timedelta(days=4))
    assert len(times_reminded(ruth, NOW + timedelta(days=4, hours=20), NOW + timedelta(days=4))) == 1


def test_attendance_cannot_be_set_on_other_notifications(ruth: User) -> None:
    row = factories.notification(ruth)
    with pytest.raises(NotFound):
        evaluations.set_attendance(ruth, row.id, was_there=False)


def test_four_schedulers_at_once_remind_each_person_once(any_app: Flask) -> None:
    people = [factories.user(f"p{number}@example.test") for number in range(5)]
    factories.interview(*people, starts_at=NOW - 2 * HOUR, status="completed", completed_at=NOW - HOUR)
    assert len(run_at_once(any_app, lambda: evaluations.remind_due(NOW))) == 4
    assert db.session.scalar(select(func.count()).select_from(Notification)) == len(people)
    assert db.session.scalar(select(func.count()).select_from(EvaluationReminder)) == len(people)


@given(
    completed_at=st.integers(0, 365 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    zone=st.sampled_from(["Pacific/Apia", "Asia/Kathmandu", "America/Sao_Paulo", "Europe/Paris"]),
    hour=st.integers(0, 23),
    steps=st.lists(st.integers(1, 2000), max_size=40),
)
def test_reminders_are_sent_once_a_date_and_never_at_weekends(
    completed_at: datetime, zone: str, hour: int, steps: list[int]
) -> None:
    reminded_on: list[date] = []
    now = completed_at
    for minutes in steps:
        now += timedelta(minutes=minutes)
        last = reminded_on[-1] if reminded_on else None
        day = evaluations.due_date(completed_at, hour, zone, now, last=last)
        if day is not None:
            assert now >= completed_at + HOUR
            reminded_on.append(day)
    assert reminded_on == sorted(set(reminded_on))
    assert all(day.weekday() < 5 for day in reminded_on[1:])
    assert len(reminded_on) <= 11
