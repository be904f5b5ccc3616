"""An event becomes the right rows, for the right people, once, in one transaction."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app import services
from app.clock import utc_now
from app.database.base import db
from app.models import (
    AuditEntry,
    Delivery,
    Event,
    Follow,
    Interview,
    Notification,
    NotificationTemplate,
    User,
)
from app.services.base.errors import Invalid
from app.services.events import data as event_data
from app.services.events import publish as event_publish
from app.services.notifications import actions, inbox_version
from app.services.notifications.filters import Filters
from app.services.routing import fanout
from tests.support import factories, statements


def event_in(body: dict) -> event_publish.IncomingEvent:
    data = event_data.validate(body["type"], body["data"])
    return event_publish.IncomingEvent(
        body["source"],
        body["id"],
        body["type"],
        datetime.fromisoformat(body["time"]),
        data,
        data.get("recipients"),
    )


def send(kind: str, recipients: list[str] | None = None, **data: object) -> event_publish.PublishResult:
    return event_publish.publish(event_in(factories.event_body(kind, recipients, **data)))


def count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_an_event_notifies_only_its_recipient(people: tuple[User, ...]) -> None:
    published = send("interview.scheduled", ["alice@example.test"])
    (row,) = db.session.scalars(select(Notification)).all()
    assert row.recipient_id == people[0].id
    assert row.title == "Interview Scheduled for Priya Raman"
    assert row.status == "sent"
    assert services.get_unread_notifications_count(people[0]) == 1
    assert services.get_unread_notifications_count(people[2]) == 0
    states = {d.channel: (d.state, d.address) for d in db.session.scalars(select(Delivery))}
    assert states == {"in_app": ("sent", ""), "email": ("pending", "alice@example.test")}
    assert [(v.channel, v.state, v.notification_id) for v in published.describe_verdicts()] == [
        ("email", "pending", row.id),
        ("in_app", "sent", row.id),
    ]


def test_after_a_database_failure_the_same_event_can_be_published(
    people: tuple[User, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = event_in(factories.event_body("job.created", ["alice@example.test"]))

    def fail(*_arguments: object) -> list[int]:
        raise OperationalError("INSERT", None, Exception("deadlock"))

    with monkeypatch.context() as patch:
        patch.setattr(fanout, "write", fail)
        with pytest.raises(OperationalError):
            event_publish.publish(event)
    assert count(Event) == 0
    assert not event_publish.publish(event).is_duplicate
    assert count(Notification) == 1


def test_a_repeated_event_writes_nothing_and_returns_the_first_result(people: tuple[User, ...]) -> None:
    body = factories.event_body("interview.scheduled", ["alice@example.test"])
    first, second = event_publish.publish(event_in(body)), event_publish.publish(event_in(body))
    assert not first.is_duplicate
    assert second.is_duplicate
    assert second.event_id == first.event_id
    assert [v.notification_id for v in second.describe_verdicts()] == [
        v.notification_id for v in first.describe_verdicts()
    ]
    assert (count(Event), count(Notification), count(Delivery)) == (1, 1, 2)


def test_a_repeated_event_returns_the_first_result_although_its_recipient_has_left(
    people: tuple[User, ...],
) -> None:
    event = event_in(factories.event_body(recipients=["alice@example.test"]))
    first = event_publish.publish(event)
    people[0].is_enabled = False
    db.session.commit()
    for is_dry_run in (False, True):
        again = event_publish.publish(event, dry_run=is_dry_run)
        assert (again.event_id, again.is_duplicate) == (first.event_id, True)
        assert [(v.channel, v.notification_id) for v in again.describe_verdicts()] == [
            (v.channel, v.notification_id) for v in first.describe_verdicts()
        ]


def test_a_preference_applies_from_the_next_event_on(people: tuple[User, ...]) -> None:
    def states() -> dict[str, str]:
        return {
            v.channel: v.reason
            for v in send("interview.scheduled", ["alice@example.test"]).describe_verdicts()
        }

    assert states()["email"] == "Waiting to be sent"
    # By another connection, as another process would.
    with db.engine.begin() as elsewhere:
        elsewhere.exec_driver_sql("UPDATE user_notification_preferences SET email_enabled = false")
    assert "turned off" in states()["email"]
    with db.engine.begin() as elsewhere:
        elsewhere.exec_driver_sql("UPDATE notification_templates SET is_active = false")
    assert "turned off for everyone" in states()["in_app"]


def test_without_recipients_three_types_go_to_all_active_recruiters(people: tuple[User, ...]) -> None:
    people[2].is_enabled = False
    db.session.commit()
    for kind in ("job.created", "candidate.added", "system.alert"):
        assert {v.recipient_email for v in send(kind).describe_verdicts()} == {"alice@example.test"}


@pytest.mark.parametrize("kind", ["resume.processed", "interview.scheduled", "evaluation.completed"])
def test_other_types_must_name_their_recipients(people: tuple[User, ...], kind: str) -> None:
    with pytest.raises(Invalid) as caught:
        send(kind)
    assert list(caught.value.errors) == ["data.recipients"]
    assert count(Event) == 0


def test_unknown_and_inactive_recipients_are_named_and_nothing_is_written(people: tuple[User, ...]) -> None:
    people[2].is_enabled = False
    db.session.commit()
    with pytest.raises(Invalid) as caught:
        send("resume.processed", ["alice@example.test", "nobody@example.test", "charlie@example.test"])
    assert list(caught.value.errors) == ["data.recipients[1]", "data.recipients[2]"]
    assert "nobody@example.test" in caught.value.errors["data.recipients[1]"]
    assert (count(Event), count(Notification), count(Delivery)) == (0, 0, 0)


def test_dates_are_in_each_readers_time_zone(people: tuple[User, ...]) -> None:
    send(
        "interview.scheduled",
        ["alice@example.test", "charlie@example.test"],
        starts_at="2027-03-12T14:00:00+01:00",
        ends_at="2027-03-12T15:00:00+01:00",
    )
    messages = dict(db.session.execute(select(Notification.recipient_id, Notification.message)).all())
    assert "on Friday 12 March 2027 at 14:00 (Paris time)." in messages[people[0].id]
    assert "on Friday 12 March 2027 at 18:45 (Kathmandu time)." in messages[people[2].id]


def test_a_dry_run_predicts_the_real_run_and_writes_nothing(people: tuple[User, ...]) -> None:
    people[0].preference.email_enabled = False
    db.session.commit()
    body = factories.event_body("candidate.added")
    dry = event_publish.publish(event_in(body), dry_run=True)
    assert (count(Event), count(Notification), count(Delivery)) == (0, 0, 0)
    real = event_publish.publish(event_in(body))
    assert [(v.recipient_email, v.channel, v.state, v.reason) for v in dry.describe_verdicts()] == [
        (v.recipient_email, v.channel, v.state, v.reason) for v in real.describe_verdicts()
    ]
    assert "turned off in the preferences" in dry.describe_verdicts()[0].reason


def test_parallel_events_to_the_same_people_do_not_deadlock(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On PostgreSQL, an event to three people takes two statements to insert, one to two people a single one.
    monkeypatch.setattr(fanout, "CHUNK", 2)
    people = [factories.user(f"p{n}@example.test").email for n in range(3)]
    events = [random.Random(number).sample(people, 2 + number % 2) for number in range(120)]
    db.session.remove()

    def report(recipients: list[str]) -> bool:
        with any_app.app_context():
            body = factories.event_body("job.created", recipients)
            return bool(event_publish.publish(event_in(body)).event_id)

    with ThreadPoolExecutor(6) as callers:
        assert all(callers.map(report, events))
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 300
    versions = dict(db.session.execute(select(User.email, User.inbox_version)).all())
    assert versions == Counter(email for recipients in events for email in recipients)


class Meeting:
    """Two calls wait for each other here, for half a second at most, because one of them may wait for a lock."""

    def __init__(self) -> None:
        self._barrier = Barrier(2)

    def after(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def call_and_wait(*arguments: Any) -> Any:
            result = call(*arguments)
            self._wait()
            return result

        return call_and_wait

    def before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wait_and_call(*arguments: Any) -> Any:
            self._wait()
            return call(*arguments)

        return wait_and_call

    def _wait(self) -> None:
        with suppress(BrokenBarrierError):
            self._barrier.wait(0.5)


def test_parallel_moves_that_swap_recruiters_do_not_deadlock(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event notifies the recruiter whose notification the other one retracts."""
    emails = [factories.user(f"recruiter{n}@example.test").email for n in range(2)]
    events = []
    for number, email in enumerate(emails):
        send("interview.scheduled", [email], id=f"iv-{number}")
        moved = factories.event_body("interview.rescheduled", [emails[1 - number]], id=f"iv-{number}")
        events.append(event_in(moved))
    monkeypatch.setattr(fanout, "write", Meeting().after(fanout.write))

    def publish(event: event_publish.IncomingEvent) -> bool:
        with pg_app.app_context():
            return event_publish.publish(event).is_duplicate

    with ThreadPoolExecutor(2) as callers:
        assert list(callers.map(publish, events)) == [False, False]


@pytest.mark.parametrize(
    ("kind", "name"), [("interview.cancelled", "id"), ("evaluation.completed", "interview_id")]
)
def test_an_event_and_a_change_by_a_reader_do_not_deadlock(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    """The event notifies two people and retracts a notification that one of them marks as read at the same time."""
    reader, other = (factories.user(f"{name}@example.test") for name in ("reader", "other"))
    send("interview.scheduled", [reader.email], id="iv-1")
    interview = db.session.scalars(select(Interview)).one()
    for due in ("interview_reminder", "evaluation_due"):
        factories.notification(reader, notification_type=due, interview_id=interview.id)
    event = event_in(factories.event_body(kind, [reader.email, other.email], **{name: "iv-1"}))
    meeting = Meeting()
    monkeypatch.setattr(fanout, "write", meeting.after(fanout.write))
    monkeypatch.setattr(inbox_version, "bump", meeting.before(inbox_version.bump))

    def publish() -> bool:
        with pg_app.app_context():
            return event_publish.publish(event).is_duplicate

    def mark_all_read() -> int:
        with pg_app.app_context():
            return actions.change(reader, "read", filters=Filters()).count

    with ThreadPoolExecutor(2) as callers:
        published, marked = callers.submit(publish), callers.submit(mark_all_read)
        assert published.result() is False
        assert marked.result() >= 1


def test_fan_out_takes_a_constant_number_of_statements(any_app: Flask) -> None:
    db.session.add_all([factories.bare_user(f"p{n}@example.test") for n in range(1000)])
    db.session.commit()
    with statements.recorded() as seen:
        send("job.created")
    assert count(Notification) == 1000
    assert count(Delivery) == 2000
    assert set(db.session.scalars(select(User.inbox_version))) == {1}
    writes = [text for text in seen if not text.startswith(("SELECT", "SAVEPOINT", "RELEASE"))]
    assert len(writes) <= 40, writes
    assert len(seen) - len(writes) <= 10, seen


def test_a_failing_template_falls_back_to_the_built_in_text_and_is_reported(people: tuple[User, ...]) -> None:
    template = db.session.scalar(
        select(NotificationTemplate).where(NotificationTemplate.name == "job_created")
    )
    assert template
    template.title_template = "{{ nonsense }}"
    db.session.commit()
    send("job.created", ["alice@example.test"])
    to_alice = select(Notification.title).where(Notification.notification_type == "job_created")
    assert db.session.scalar(to_alice) == "New job: Staff Data Engineer"
    assert (
        db.session.scalar(select(AuditEntry.action).where(AuditEntry.subject == "job_created"))
        == "template.failed"
    )


def test_an_alert_uses_its_own_text_if_it_has_one(people: tuple[User, ...]) -> None:
    send("system.alert", ["alice@example.test"])
    bare = factories.event_body("system.alert", ["alice@example.test"])
    bare["data"] = {"recipients": ["alice@example.test"]}
    event_publish.publish(event_in(bare))
    titles = db.session.scalars(select(Notification.title).order_by(Notification.id)).all()
    assert titles == ["Calendar sync is delayed", "System Alert"]


def test_an_interview_is_stored_moved_and_cancelled(people: tuple[User, ...]) -> None:
    facts = {"id": "iv-1", "ends_at": "2027-03-12T18:00:00+00:00"}
    send("interview.scheduled", ["alice@example.test"], starts_at="2027-03-12T14:00:00+00:00", **facts)
    send("interview.rescheduled", ["alice@example.test"], starts_at="2027-03-12T16:00:00+00:00", **facts)
    kept = db.session.scalar(select(Interview))
    assert kept
    assert kept.starts_at == datetime(2027, 3, 12, 16, tzinfo=UTC)
    assert [user.email for user in kept.recruiters] == ["alice@example.test"]
    send("interview.cancelled", ["alice@example.test"], starts_at="2027-03-12T16:00:00+00:00", **facts)
    db.session.refresh(kept)
    assert kept.status == "cancelled"
    sequences = db.session.scalars(select(Notification.interview_sequence).order_by(Notification.id)).all()
    assert sequences == sorted(set(sequences)), "each change of the calendar entry has a higher number"


def test_outdated_events_change_nothing(people: tuple[User, ...]) -> None:
    new = factories.event_body("interview.cancelled", ["alice@example.test"], id="iv-1")
    old = factories.event_body("interview.rescheduled", ["alice@example.test"], id="iv-1")
    old["time"] = (utc_now() - timedelta(hours=1)).isoformat()
    event_publish.publish(event_in(new))
    published = event_publish.publish(event_in(old))
    assert {(v.state, v.notification_id) for v in published.describe_verdicts()} == {("skipped", None)}
    assert db.session.scalar(select(Interview.status)) == "cancelled"
    assert count(Notification) == 1


def test_an_event_does_not_look_up_what_no_one_has(people: tuple[User, ...]) -> None:
    with statements.recorded() as run:
        send("job.created", ["alice@example.test"])
    lookups = tuple(f"SELECT {table}." for table in ("follows", "suppressions", "preference_locks", "rooms"))
    assert [sql for sql in run if sql.startswith(lookups)] == []


def test_an_event_looks_up_the_mutes_of_those_who_have_some(people: tuple[User, ...]) -> None:
    db.session.add(Follow(user_id=people[0].id, subject="type:job_created", mode="mute"))
    db.session.commit()
    published = send("job.created", ["alice@example.test", "bob@example.test"])
    reasons = {(user.email, verdict.reason) for user, _id, _channel, verdict, _route in published.outcomes}
    assert ("alice@example.test", "type_muted") in reasons
    assert ("bob@example.test", "type_muted") not in reasons
