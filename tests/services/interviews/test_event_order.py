"""Events about an interview are ordered by when they happened, and never by a clock that is ahead of ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.database.base import db
from app.models import Event, Interview, Notification, User
from app.services.events import publish as event_publish
from app.services.events.result import PublishResult
from app.services.interviews import reminders
from tests.support import factories

NOW = datetime(2026, 3, 12, 9, 0, 0, 400_000, tzinfo=UTC)
START = NOW + timedelta(days=3)
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
AHEAD = {"90 seconds": NOW + 90 * SECOND, "a day": NOW + DAY, "the start": START, "a year": NOW + 365 * DAY}


def report(
    kind: str, user: User, arrived_at: datetime, time: datetime | None, starts_at: datetime = START
) -> PublishResult:
    data = {"id": "iv-1"}
    if kind != "interview.completed":
        data |= {"starts_at": starts_at, "ends_at": starts_at + HOUR, "candidate_name": "Priya Raman"}
        data |= {"job_title": "Staff Data Engineer", "company_name": "Alder Robotics"}
    event = event_publish.IncomingEvent("/t", f"ev-{factories.unique()}", kind, time, data, [user.email])
    return event_publish.publish(event, now=arrived_at)


def interview() -> Interview:
    return db.session.scalars(select(Interview).execution_options(populate_existing=True)).one()


@pytest.mark.parametrize("time", AHEAD.values(), ids=AHEAD)
@pytest.mark.parametrize("kind", ["interview.cancelled", "interview.rescheduled", "interview.completed"])
def test_events_after_one_from_a_fast_clock_apply(alice: User, kind: str, time: datetime) -> None:
    report("interview.scheduled", alice, NOW, time)
    report(kind, alice, NOW + SECOND, None, START + 2 * DAY)
    expected = {"interview.cancelled": "cancelled", "interview.completed": "completed"}
    assert interview().status == expected.get(kind, "scheduled")
    if kind == "interview.rescheduled":
        assert interview().starts_at == START + 2 * DAY
    assert reminders.remind_due(START - HOUR) == 0


@pytest.mark.parametrize("time", AHEAD.values(), ids=AHEAD)
def test_a_future_time_counts_as_the_arrival(alice: User, time: datetime) -> None:
    report("interview.scheduled", alice, NOW, time)
    assert interview().changed_at == NOW
    assert db.session.scalars(select(Event.occurred_at)).one() == NOW
    report("interview.completed", alice, NOW + HOUR, time)
    assert interview().completed_at == min(time, NOW + HOUR)


@pytest.mark.parametrize("first", AHEAD.values(), ids=AHEAD)
@pytest.mark.parametrize("second", AHEAD.values(), ids=AHEAD)
def test_of_two_future_times_the_later_arrival_applies(
    alice: User, first: datetime, second: datetime
) -> None:
    report("interview.scheduled", alice, NOW, first)
    result = report("interview.cancelled", alice, NOW + SECOND, second)
    assert interview().status == "cancelled"
    assert "outdated" not in {outcome.verdict.reason for outcome in result.outcomes}


def test_times_in_the_past_are_ordered_whatever_the_arrival(alice: User) -> None:
    report("interview.cancelled", alice, NOW, NOW - HOUR)
    result = report("interview.scheduled", alice, NOW + SECOND, NOW - 2 * HOUR)
    assert interview().status == "cancelled"
    assert {outcome.verdict.reason for outcome in result.outcomes} == {"outdated"}


@pytest.mark.parametrize("time", [None, *AHEAD.values()])
def test_an_older_event_that_arrives_late_changes_nothing(alice: User, time: datetime | None) -> None:
    report("interview.cancelled", alice, NOW, time)
    report("interview.scheduled", alice, NOW + SECOND, NOW - 2 * SECOND)
    assert interview().status == "cancelled"


def test_a_time_in_whole_seconds_is_not_older_than_an_arrival_within_that_second(alice: User) -> None:
    report("interview.scheduled", alice, NOW, None)
    report("interview.cancelled", alice, NOW + SECOND / 2, NOW.replace(microsecond=0))
    assert interview().status == "cancelled"


@pytest.mark.parametrize("kinds", [(0, 1), (1, 0)])
def test_at_equal_times_the_cancellation_applies_in_either_order(alice: User, kinds: tuple[int, int]) -> None:
    for number in kinds:
        report(("interview.scheduled", "interview.cancelled")[number], alice, NOW, NOW)
    assert interview().status == "cancelled"


def test_an_event_applies_after_our_own_clock_was_set_back(alice: User) -> None:
    report("interview.scheduled", alice, datetime.now(UTC) + HOUR, None, datetime.now(UTC) + DAY)
    report("interview.cancelled", alice, datetime.now(UTC), None)
    assert interview().status == "cancelled"


def test_the_api_applies_a_cancellation_after_a_booking_from_the_future(
    client: FlaskClient, alice: User, token: object
) -> None:
    auth = token(alice, "events")
    booking = factories.event_body(recipients=[alice.email], id="iv-1")
    booking["time"] = booking["data"]["starts_at"]
    cancellation = factories.event_body("interview.cancelled", recipients=[alice.email], id="iv-1")
    del cancellation["time"]
    dry_run = client.post("/api/events/?dry_run=true", json=booking, headers=auth)
    assert dry_run.status_code == 200
    batch = client.post("/api/events/batch/", json=[booking, cancellation], headers=auth).get_json()
    assert [result["status"] for result in batch["results"]] == [201, 201]
    (told,) = batch["results"][1]["event"]["notifications"]
    assert told["id"] is not None
    assert interview().status == "cancelled"
    assert reminders.remind_due(interview().starts_at - HOUR) == 0
    types = db.session.scalars(select(Notification.notification_type).order_by(Notification.id)).all()
    assert types == ["interview_scheduled", "interview_cancelled"]
