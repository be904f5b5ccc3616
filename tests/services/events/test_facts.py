"""Events keep the facts that a notification's line shows, and a move keeps when the interview was to begin before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.rendering.key_facts import second_line
from app.rendering.sms_segments import sms_size
from app.services.events import data as event_data
from app.services.events.publish import IncomingEvent, publish
from app.services.events.python_api import create_notification_from_template
from app.services.interviews import reminders
from app.services.sending import payloads
from app.services.sending.email import SiteIdentity
from tests.support import factories

ELEVEN, FOURTEEN = "2030-12-03T11:00:00+00:00", "2030-12-04T14:30:00+00:00"
NOW = datetime(2030, 11, 28, 9, tzinfo=UTC)
SITE = SiteIdentity("https://bellhop.example", "bellhop@example.test", "secret")


def report(kind: str, **data: Any) -> Notification:
    body = factories.event_body(kind, **data)
    checked = event_data.validate(kind, body["data"])
    publish(IncomingEvent("/tests", body["id"], kind, utc_now(), checked, ["alice@example.test"]))
    return db.session.scalars(select(Notification).order_by(Notification.id.desc())).first()


def report_interview(kind: str, starts_at: str, **data: Any) -> Notification:
    ends_at = starts_at.replace(":00+", ":59+")
    return report(f"interview.{kind}", id="iv-1", starts_at=starts_at, ends_at=ends_at, **data)


def delivery_of(row: Notification, channel: str) -> Delivery:
    return db.session.scalars(select(Delivery).filter_by(notification_id=row.id, channel=channel)).one()


@pytest.fixture
def moved(app: Flask, alice: User) -> Notification:
    report_interview("scheduled", ELEVEN)
    return report_interview("rescheduled", FOURTEEN)


def test_a_move_says_from_when(moved: Notification) -> None:
    line = "Tue 3 Dec 11:00 → Wed 4 Dec 14:30 · Staff Data Engineer · Alder Robotics"
    assert second_line(moved, "UTC", "en", NOW) == line
    assert moved.title == "Priya Raman: interview moved"
    expected = "from Tuesday 3 December 2030 at 11:00 to Wednesday 4 December 2030 at 14:30 (UTC)."
    assert moved.message.endswith(expected)


def test_the_text_message_of_a_move_says_both_times_in_one_segment(app: Flask) -> None:
    preference = {"sms_enabled": True}
    factories.user("alice@example.test", phone="+15550100", preference=preference)
    report_interview("scheduled", ELEVEN)
    moved = report_interview("rescheduled", FOURTEEN)
    sent = payloads.build_payload(delivery_of(moved, "sms"), SITE, utc_now()).text
    expected = "Moved: Priya Raman, from Tuesday 3 December 2030 11:00 to Wednesday 4 December 2030 14:30."
    assert sent == f"{expected} https://bellhop.example/n/{moved.id}"
    assert sms_size(sent).segments == 1


@pytest.mark.parametrize("change", [{}, {"location": "Room Aspen"}])
def test_a_change_that_keeps_the_start_says_no_other_time(
    app: Flask, alice: User, change: dict[str, str]
) -> None:
    report_interview("scheduled", ELEVEN)
    row = report_interview("rescheduled", ELEVEN, **change)
    assert "previous_starts_at" not in row.facts
    assert " from " not in row.message


def test_a_move_of_an_unknown_interview_says_only_the_new_time(app: Flask, alice: User) -> None:
    row = report_interview("rescheduled", FOURTEEN)
    assert second_line(row, "UTC", "en", NOW).startswith("Wed 4 Dec 14:30 · ")


def test_the_preview_of_an_email_is_the_facts(moved: Notification) -> None:
    html = payloads.build_payload(delivery_of(moved, "email"), SITE, utc_now()).html
    assert 'mso-hide:all;">Tue 3 Dec 2030 11:00 → Wed 4 Dec 2030 14:30 · Staff Data Engineer' in html


def test_reminders_and_templates_have_facts(app: Flask, alice: User) -> None:
    interview = factories.interview(alice, starts_at=datetime(2030, 12, 3, 11, tzinfo=UTC))
    reminders.remind_due(datetime(2030, 12, 3, 10, 1, tzinfo=UTC))
    (reminder,) = db.session.scalars(select(Notification).filter_by(interview_id=interview.id))
    assert second_line(reminder, "UTC", "en", NOW) == "Tue 3 Dec 11:00 · Staff Data Engineer · Alder Robotics"
    context = {"candidate_name": "Priya Raman", "job_title": "Designer"}
    row = create_notification_from_template(alice, "candidate_added", context)
    assert second_line(row, "UTC", "en", NOW) == "Designer"


def test_reminders_and_later_events_link_to_the_page_of_the_interview(app: Flask, alice: User) -> None:
    page = "https://platform.example/iv-1"
    report_interview("scheduled", ELEVEN, action_url=page)
    assert report_interview("rescheduled", FOURTEEN).action_url == page
    reminders.remind_due(datetime(2030, 12, 4, 14, tzinfo=UTC))
    reminder = db.session.scalars(
        select(Notification).filter_by(notification_type="interview_reminder")
    ).one()
    assert reminder.action_url == page
