"""An interview that gets a new id with each move keeps one calendar entry."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Interview, Notification
from app.services.events import data as event_data
from app.services.events.cancel import cancel_by_id
from app.services.events.publish import IncomingEvent, publish
from app.services.sending import payloads
from app.services.sending.email import SiteIdentity
from tests.support import factories

START = utc_now().replace(microsecond=0) + timedelta(days=5)
IDS = {"candidate_id": "C-1", "job_id": "J-1"}


def report(kind, external_id, minute, recipients=("alice@example.test",), dry_run=False, **data):
    start = START + timedelta(hours=minute)
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
    body = factories.event_body(f"interview.{kind}", **times, id=external_id, **data)
    checked = event_data.validate(body["type"], body["data"])
    at = utc_now() - timedelta(hours=1) + timedelta(minutes=minute)
    return publish(
        IncomingEvent("/tests", body["id"], body["type"], at, checked, recipients), dry_run=dry_run
    )


def reasons(result):
    return {(each.user.email, each.verdict.reason) for each in result.outcomes}


def test_moves_with_new_ids_are_one_calendar_entry(any_app):
    alice = factories.user("alice@example.test")
    report("scheduled", "first", 1, **IDS)
    report("rescheduled", "second", 2, **IDS)
    report("rescheduled", "third", 3, **IDS)
    report("cancelled", "third", 4)
    (interview,) = db.session.scalars(select(Interview)).all()
    assert (interview.external_id, interview.status) == ("first", "cancelled")
    rows = db.session.scalars(select(Notification).order_by(Notification.id)).all()
    assert [row.interview_sequence for row in rows] == sorted({row.interview_sequence for row in rows})
    assert {(row.interview_id, row.candidate_id) for row in rows} == {(interview.id, "C-1")}
    site = SiteIdentity.from_config(any_app.config)
    mails = db.session.scalars(select(Delivery).filter_by(channel="email", recipient_id=alice.id)).all()
    calendars = [payloads.build_payload(mail, site, utc_now()).attachments[0].body for mail in mails]
    text = [body if isinstance(body, str) else body.decode() for body in calendars]
    assert len({re.search(r"UID:(\S+)", each)[1] for each in text}) == 1
    assert len(text) == 4


def test_a_cancellation_under_both_ids_is_announced_once(any_app):
    alice, bob = factories.user("alice@example.test"), factories.user("bob@example.test")
    report("scheduled", "first", 1, **IDS)
    report("rescheduled", "second", 2, **IDS)
    report("cancelled", "first", 3)
    again = {(alice.email, "already_cancelled")}
    assert reasons(report("cancelled", "second", 4, dry_run=True)) == again
    assert reasons(report("cancelled", "second", 5)) == again
    # Who has not heard of it does now.
    result = report("cancelled", "second", 6, (alice.email, bob.email))
    assert again < reasons(result)
    assert {each.user.email for each in result.outcomes if each.notification_id} == {bob.email}
    rows = db.session.scalars(select(Notification.recipient_id).order_by(Notification.id)).all()
    assert rows == [alice.id] * 3 + [bob.id]
    report("scheduled", "second", 7)
    assert reasons(report("cancelled", "second", 8)).isdisjoint(again), "it was booked again meanwhile"


def test_a_cancellation_that_was_taken_back_can_be_reported_again(app, alice, bob):
    report("scheduled", "first", 1)
    result = report("cancelled", "first", 2)
    cancel_by_id(bob, result.event_id)
    assert all(each.notification_id for each in report("cancelled", "first", 3).outcomes)


def test_a_move_that_could_be_of_two_interviews_is_one_of_its_own(app, alice):
    report("scheduled", "first", 1, **IDS)
    report("scheduled", "second", 2, **IDS)
    report("rescheduled", "third", 3, **IDS)
    report("rescheduled", "fourth", 4)
    stored = db.session.scalars(select(Interview.external_id)).all()
    assert set(stored) == {"first", "second", "third", "fourth"}
