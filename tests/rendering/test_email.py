from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from flask import Flask
from icalendar import Calendar

from app import catalog
from app.channels.base import Message
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, User
from app.services.events import publish as event_publish
from app.services.sending import email as sending_email
from app.services.sending.email import SiteIdentity
from tests.support import factories

SENDER = SiteIdentity("https://bellhop.example", "Bellhop <bellhop@example.test>", "a key for tests only")
HOSTILE = "<script>alert('x')</script>\"&"


def letter(user: User, kind: str = "resume_processed", **fields: object) -> Message:
    row = factories.notification(user, notification_type=kind, **fields)  # type: ignore[arg-type]
    return sending_email.compose_email(factories.delivery(row, address=user.email), SENDER, utc_now())


def told(user: User, kind: str, hours: int = 0, **data: object) -> Message:
    """The mail about an event that was published."""
    starts = datetime(2030, 3, 12, 13 + hours, tzinfo=UTC)
    facts = {"id": "iv-1", "starts_at": starts, "ends_at": starts.replace(hour=14 + hours)}
    facts |= {"candidate_name": "Priya Raman", "job_title": "Engineer", "company_name": "Alder"}
    event = event_publish.IncomingEvent(
        "/tests", factories.unique(), kind, utc_now(), facts | data, [user.email]
    )
    published = event_publish.publish(event)
    found = next(v for v in published.describe_verdicts() if v.channel == "email")
    row = db.session.query(Delivery).filter_by(notification_id=found.notification_id, channel="email").one()
    return sending_email.compose_email(row, SENDER, utc_now())


def invitation(mail: Message) -> Calendar:
    (file,) = mail.attachments
    return Calendar.from_ical(file.body)


@pytest.mark.parametrize("kind", sorted(catalog.TYPES))
def test_every_type_has_both_parts_a_reason_and_a_way_out(app: Flask, alice: User, kind: str) -> None:
    mail = letter(alice, kind)
    reason = str(catalog.TYPES[kind].reason)
    for part in (mail.text, unescape(mail.html)):
        assert "Interview Scheduled for Priya Raman" in part
        assert reason in part
        assert "https://bellhop.example/notifications" in part
        assert mail.headers["List-Unsubscribe"].strip("<>") in part
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.search(r"<\S+\.\S+>$", mail.headers["List-Id"])


def test_nothing_in_it_is_markup_script_form_or_remote(app: Flask, alice: User) -> None:
    mail = letter(
        alice, title=f"Title {HOSTILE}", message=f"Message {HOSTILE}", action_url="javascript:alert(1)"
    )
    assert HOSTILE not in mail.html
    assert HOSTILE in mail.text
    assert not re.search(
        r"<(script|form|img|link|iframe|object)\b|javascript:|url\(", mail.html, re.IGNORECASE
    )


def test_it_stays_small_however_long_the_message(app: Flask, alice: User) -> None:
    mail = letter(alice, message='"quoted" ' * 20_000)
    assert len(mail.html.encode()) < 60_000
    assert "…" in mail.html


@pytest.mark.parametrize(
    ("action_url", "expected"),
    [
        ("https://jobs.example/1", "https://jobs.example/1"),
        ("/jobs/1", "https://bellhop.example/jobs/1"),
        ("//evil.example", "https://bellhop.example/notifications/"),
        ("javascript:alert(1)", "https://bellhop.example/notifications/"),
        ("", "https://bellhop.example/notifications/"),
    ],
)
def test_the_button_leads_only_where_a_link_may(
    app: Flask, alice: User, action_url: str, expected: str
) -> None:
    mail = letter(alice, action_url=action_url)
    (button,) = re.findall(r'class="btn".*?href="([^"]*)"', mail.html)
    assert button.startswith(expected)


def test_nobody_is_sent_to_the_meeting_of_a_cancelled_interview(app: Flask, alice: User) -> None:
    meeting = "https://meet.example.com/1"
    assert f'href="{meeting}"' in told(alice, "interview.scheduled", meeting_url=meeting).html
    cancelled = told(alice, "interview.cancelled", meeting_url=meeting)
    assert f'href="{meeting}"' not in cancelled.html
    (button,) = re.findall(r'class="btn".*?href="([^"]*)"', cancelled.html)
    assert button.startswith("https://bellhop.example/notifications/")


def test_an_interview_shows_on_the_readers_clock(app: Flask) -> None:
    alice = factories.user("alice@example.test", time_zone="Asia/Kathmandu")
    mail = told(alice, "interview.scheduled", location="Room Birch")
    for part in (mail.text, mail.html):
        assert "Tuesday 12 March 2030, 18:45 to 19:45 (Kathmandu time)" in part
        assert "Room Birch" in part


def test_one_interview_keeps_its_uid_while_its_sequence_rises(app: Flask, alice: User) -> None:
    first = invitation(told(alice, "interview.scheduled"))
    moved = invitation(told(alice, "interview.rescheduled", hours=2))
    ended = invitation(told(alice, "interview.cancelled", hours=2))
    events = [next(iter(calendar.walk("VEVENT"))) for calendar in (first, moved, ended)]
    assert [str(calendar["METHOD"]) for calendar in (first, moved, ended)] == ["REQUEST", "REQUEST", "CANCEL"]
    assert len({str(event["UID"]) for event in events}) == 1
    sequences = [int(event["SEQUENCE"]) for event in events]
    assert sequences == sorted(set(sequences))
    assert events[0].start == datetime(2030, 3, 12, 13, tzinfo=UTC)
    assert events[1].start == datetime(2030, 3, 12, 15, tzinfo=UTC)
    assert [str(event["STATUS"]) for event in events] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert str(events[0]["ATTENDEE"]) == "mailto:alice@example.test"
    assert str(events[0]["ORGANIZER"]) == "mailto:bellhop@example.test"


def test_a_mail_sent_late_still_speaks_of_what_its_notification_said(app: Flask, alice: User) -> None:
    told(alice, "interview.scheduled")
    early = db.session.query(Delivery).filter_by(channel="email").one()
    told(alice, "interview.rescheduled", hours=2)
    db.session.expire_all()
    late = sending_email.compose_email(early, SENDER, utc_now())
    (event,) = invitation(late).walk("VEVENT")
    assert (event.start, int(event["SEQUENCE"])) == (datetime(2030, 3, 12, 13, tzinfo=UTC), 0)
    assert "13:00 to 14:00" in late.text


def test_a_calendar_file_holds_only_its_own_lines(app: Flask, alice: User) -> None:
    name = 'Priya\r\nATTENDEE:mailto:x@example.test\n"Raman"; Dr, \\ PhD'
    mail = told(alice, "interview.scheduled", candidate_name=name, location=f"{name}\x00")
    assert mail.attachments[0].content_type == "text/calendar; charset=utf-8; method=REQUEST"
    (event,) = invitation(mail).walk("VEVENT")
    assert str(event["ATTENDEE"]) == "mailto:alice@example.test"
    assert 'Priya ATTENDEE:mailto:x@example.test "Raman"; Dr, \\ PhD' in str(event["SUMMARY"])


def test_other_mail_carries_no_invitation(app: Flask, alice: User) -> None:
    assert letter(alice).attachments == ()


@pytest.mark.parametrize("kind", ["invitation", "password_reset"])
def test_an_account_mail_has_its_link_and_no_unsubscribe(app: Flask, alice: User, kind: str) -> None:
    row = Delivery(kind=kind, recipient_id=alice.id, channel="email", address=alice.email)
    db.session.add(row)
    db.session.commit()
    mail = sending_email.compose_email(row, SENDER, utc_now())
    assert "https://bellhop.example/password/reset/" in mail.text
    assert "https://bellhop.example/password/reset/" in mail.html
    assert "List-Unsubscribe" not in mail.headers
    assert mail.headers["Auto-Submitted"] == "auto-generated"
