"""On PostgreSQL, transactions that lock the same rows lock them in one order, so that none ends in a deadlock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import insert, select, text, update

from app.clock import utc_now
from app.database.base import db
from app.models import Announcement, Delivery, Interview, Notification, User
from app.services.accounts import administration, tokens, users
from app.services.announcements import management as announcements
from app.services.announcements.validation import AnnouncementRequest
from app.services.events import data as event_data
from app.services.events.publish import IncomingEvent, publish
from app.services.interviews import evaluations, records, reminders
from app.services.notifications import actions, expiry, inbox_version
from app.services.notifications.filters import Filters
from app.services.routing import fanout, hiring_teams
from app.services.sending import endpoint_health, results, scheduled
from app.services.sending.results import SendResult
from tests.support import factories
from tests.support.endpoints import add_webhook
from tests.support.locks import run_in_between, wait_until_blocked

NOW = utc_now()


def report(kind: str, *people: User, **data: object) -> None:
    body = factories.event_body(kind, [person.email for person in people] or None, **data)
    checked = event_data.validate(kind, body["data"])
    time = datetime.fromisoformat(body["time"])
    publish(IncomingEvent("/tests", body["id"], kind, time, checked, checked.get("recipients")))


@pytest.fixture
def people(pg_app: Flask) -> list[User]:
    return [factories.user(f"{name}@example.test") for name in ("alice", "bob", "charlie")]


def send_and_fail(_alice: User, bob: User, charlie: User) -> Callable[[], object]:
    """A worker sent an email to Charlie and failed to send one to Bob, who has the lower id."""
    notes = [factories.notification(person, status="pending", sent_at=None) for person in (charlie, bob)]
    mails = [factories.delivery(note, state="claimed", token="t") for note in notes]
    outcomes = [
        SendResult(mail.id, state, NOW) for mail, state in zip(mails, ("sent", "failed"), strict=True)
    ]
    return lambda: results.record_results("t", outcomes)


def show(_alice: User, bob: User, charlie: User) -> Callable[[], object]:
    """Scheduled notifications appear; Bob's has been emailed already."""
    for person, status in ((bob, "sent"), (charlie, "pending")):
        factories.delivery(factories.notification(person, status=status), "in_app", due_at=NOW)
    return lambda: scheduled.show_scheduled(NOW)


def remind(*recruiters: User) -> Callable[[], object]:
    """Reminders with different lead times are due at once."""
    for person, lead in zip(recruiters, (120, 60, 120), strict=True):
        person.preference.reminder_lead_minutes = [lead]
    factories.interview(*recruiters, starts_at=utc_now() + timedelta(minutes=30))
    return reminders.remind_due


def edit(alice: User, bob: User, charlie: User) -> Callable[[], object]:
    """An announcement that was for Charlie is for Bob now."""
    alice.role = "admin"

    def wanted(person: User) -> AnnouncementRequest:
        later = utc_now() + timedelta(hours=1)
        return AnnouncementRequest([person.email], title="News", message="Later", deliver_at=later)

    made = announcements.create(alice, wanted(charlie))
    return lambda: announcements.edit(alice, made.id, wanted(bob), key="k")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (edit, (expiry, "cancel_scheduled")),
        (send_and_fail, (inbox_version, "bump")),
        (show, (inbox_version, "bump")),
        (remind, (fanout, "write")),
    ],
)
def test_a_change_of_several_inboxes_locks_them_in_the_order_of_an_event(
    pg_app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    people: list[User],
    change: Callable[..., Callable[[], object]],
    place: tuple[object, str],
) -> None:
    act = change(*people)
    run_in_between(pg_app, monkeypatch, place, act, lambda: report("job.created", *people[1:]))


def test_an_event_locks_the_inboxes_before_the_job(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch, people: list[User]
) -> None:
    """One event only retracts a reminder, the other one notifies."""
    job = {"job_id": "J-1", "hiring_team": [people[0].email]}
    report("interview.scheduled", people[0], id="iv-1", **job)
    interview = db.session.scalars(select(Interview)).one()
    factories.notification(people[0], notification_type="interview_reminder", interview_id=interview.id)
    run_in_between(
        pg_app,
        monkeypatch,
        (hiring_teams, "record"),
        lambda: report("interview.completed", people[0], id="iv-1", **job),
        lambda: report("job.created", people[0], **job),
    )


def test_two_moves_of_one_interview_with_new_ids_do_not_deadlock(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch, people: list[User]
) -> None:
    ids = {"candidate_id": "C-1", "job_id": "J-1"}
    report("interview.scheduled", people[0], id="first", **ids)
    run_in_between(
        pg_app,
        monkeypatch,
        (records, "_adopt"),
        lambda: report("interview.rescheduled", people[0], id="second", **ids),
        lambda: report("interview.rescheduled", people[0], id="third", **ids),
    )
    assert len(db.session.scalars(select(Interview)).all()) == 1


def test_two_workers_that_send_to_the_same_webhooks_do_not_deadlock(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch, people: list[User]
) -> None:
    addresses = [add_webhook(person, "https://hooks.example.test/").address for person in people[:2]]

    def record(token: str, in_order: list[str]) -> Callable[[], object]:
        notes = [factories.notification(people[0]) for _address in in_order]
        calls = [
            factories.delivery(note, "webhook", address=address, state="claimed", token=token)
            for note, address in zip(notes, in_order, strict=True)
        ]
        sent = [SendResult(call.id, "sent", NOW, started_at=NOW) for call in calls]
        return lambda: results.record_results(token, sent)

    first, second = record("a", addresses), record("b", addresses[::-1])
    run_in_between(pg_app, monkeypatch, (endpoint_health, "record_success"), first, second)


def test_a_worker_and_the_cancellation_of_an_announcement_do_not_deadlock(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch, people: list[User]
) -> None:
    """The first emails are being sent when an admin cancels it, in its last moment."""
    alice, bob = people[:2]
    bob.role = "admin"
    deliver_at = utc_now() + timedelta(hours=1)
    wanted = AnnouncementRequest(
        recipients=[alice.email], title="News", message="Later", channels=["email"], deliver_at=deliver_at
    )
    made = announcements.create(bob, wanted)
    mail = db.session.scalars(select(Delivery).where(Delivery.channel == "email")).one()
    mail.state, mail.token = "claimed", "t"
    db.session.commit()
    run_in_between(
        pg_app,
        monkeypatch,
        (results, "mark_notifications_sent"),
        lambda: results.record_results("t", [SendResult(mail.id, "sent", deliver_at, started_at=deliver_at)]),
        lambda: announcements.cancel(bob, made.id),
        is_before=True,
    )
    assert db.session.get_one(Announcement, made.id, populate_existing=True).state == "cancelled"


def test_an_admin_who_changes_a_person_does_not_lock_out_events(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch, people: list[User]
) -> None:
    """An event inserts rows for two admins, the one with the higher id first."""
    for person in people:
        person.role = "admin"
    db.session.commit()
    alice, bob, charlie = people

    def insert_both() -> None:
        for person in (charlie, bob):
            db.session.execute(insert(Notification), factories.notification_values(person, 1))
            db.session.flush()
        db.session.commit()

    place = (db.session, "flush")
    run_in_between(
        pg_app, monkeypatch, place, insert_both, lambda: administration.end_sessions(bob.id, actor=alice)
    )


@pytest.mark.parametrize(
    "change",
    [
        partial(users.update_profile, name="Robert", time_zone="UTC", phone=""),
        partial(tokens.create, name="Mine", scopes=["read"]),
    ],
    ids=["profile", "token"],
)
def test_a_change_of_an_account_does_not_wait_for_events(
    pg_app: Flask, people: list[User], change: Callable[[User], object]
) -> None:
    db.session.execute(insert(Notification), factories.notification_values(people[1], 1))

    def run() -> None:
        with pg_app.app_context():
            change(people[1])

    with ThreadPoolExecutor(1) as caller:
        caller.submit(run).result(2.5)


def test_a_worker_defers_no_delivery_that_another_one_sends(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch, people: list[User]
) -> None:
    """The other worker has locked it, and waits for the webhook that failed."""
    address = add_webhook(people[0], "https://hooks.example.test/").address
    first, second = (
        factories.delivery(factories.notification(people[0]), "webhook", address=address, **fields)
        for fields in ({"state": "claimed", "token": "a"}, {})
    )
    later = utc_now() + timedelta(minutes=1)
    failed = SendResult(first.id, "retry_wait", later, started_at=NOW, due_at=later)

    def send() -> None:
        db.session.execute(update(Delivery).where(Delivery.id == second.id).values(token="b"))
        endpoint_health.record_success(address)
        db.session.commit()

    run_in_between(
        pg_app, monkeypatch, (endpoint_health, "_find"), lambda: results.record_results("a", [failed]), send
    )


def cancel(interview: Interview, reader: User) -> object:
    return report("interview.cancelled", reader, id=interview.external_id)


def unsnooze(_interview: Interview, _reader: User) -> object:
    return scheduled.unsnooze_due(utc_now())


@pytest.mark.parametrize("change", [cancel, unsnooze])
def test_a_change_by_a_reader_locks_notifications_in_the_order_of_all_others(
    pg_app: Flask, people: list[User], change: Callable[[Interview, User], object]
) -> None:
    """Two notifications are changed by both. As in a large table, each finds them through another index."""
    alice, interview = people[0], factories.interview(people[0])
    for hours in (1, 2):
        factories.notification(
            alice,
            notification_type="interview_reminder",
            interview_id=interview.id,
            created_at=NOW - timedelta(hours=hours),
            snoozed_until=NOW,
        )
    name = db.session.scalar(text("SELECT current_database()"))
    for setting in ("enable_seqscan", "enable_bitmapscan"):
        db.session.execute(text(f"ALTER DATABASE {name} SET {setting} = off"))
    db.session.commit()
    db.session.remove()
    db.engine.dispose()

    def run(act: Callable[[], object]) -> None:
        with pg_app.app_context():
            act()

    with ThreadPoolExecutor(2) as callers, db.engine.connect() as other:
        other.execute(select(Notification.id).with_for_update())
        runs = [callers.submit(run, lambda: actions.change(alice, "read", filters=Filters()))]
        wait_until_blocked(1)
        runs.append(callers.submit(run, lambda: change(interview, alice)))
        wait_until_blocked(2)
        other.rollback()
    for each in runs:
        each.result()


def test_a_recruiter_may_be_replaced_while_saying_that_they_were_absent(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch, people: list[User]
) -> None:
    alice, bob = people[:2]
    interview = factories.interview(alice)
    note = factories.notification(alice, notification_type="evaluation_due", interview_id=interview.id)
    run_in_between(
        pg_app,
        monkeypatch,
        (expiry, "expire_for_interviews"),
        lambda: evaluations.set_attendance(alice, note.id, was_there=False),
        lambda: report("interview.rescheduled", bob, id=interview.external_id),
        is_before=True,
    )
