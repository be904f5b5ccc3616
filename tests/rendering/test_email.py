"""Emails: both parts, links, interviews and calendar files."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape

import pytest
from flask import Flask
from icalendar import Calendar

from app import catalog
from app.channels.base import Message
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, NotificationTemplate, User
from app.services.events import publish as event_publish
from app.services.sending import email as sending_email
from app.services.sending.email import SiteIdentity
from tests.support import factories

SITE = SiteIdentity("https://bellhop.example", "Bellhop <bellhop@example.test>", "a key for tests only")
HOSTILE = "<script>alert('x')</script>\"&"


def email_about(user: User, kind: str = "resume_processed", **fields: object) -> Message:
    row = factories.notification(user, notification_type=kind, **fields)  # type: ignore[arg-type]
    return sending_email.compose_email(factories.delivery(row, address=user.email), SITE, utc_now())


def email_of_event(user: User, kind: str, hours: int = 0, **data: object) -> Message:
    """Publish an event and compose the email about it."""
    starts = datetime(2030, 3, 12, 13 + hours, tzinfo=UTC)
    facts = {"id": "iv-1", "starts_at": starts, "ends_at": starts.replace(hour=14 + hours)}
    facts |= {"candidate_name": "Priya Raman", "job_title": "Engineer", "company_name": "Alder"}
    event = event_publish.IncomingEvent(
        "/tests", factories.unique(), kind, utc_now(), facts | data, [user.email]
    )
    published = event_publish.publish(event)
    found = next(v for v in published.describe_verdicts() if v.channel == "email")
    row = db.session.query(Delivery).filter_by(notification_id=found.notification_id, channel="email").one()
    return sending_email.compose_email(row, SITE, utc_now())


def calendar_of(mail: Message) -> Calendar:
    (file,) = mail.attachments
    return Calendar.from_ical(file.body)


@pytest.mark.parametrize("kind", sorted(catalog.TYPES))
def test_every_type_has_both_parts_a_reason_and_an_unsubscribe_link(
    app: Flask, alice: User, kind: str
) -> None:
    mail = email_about(alice, kind)
    reason = str(catalog.TYPES[kind].reason)
    for part in (mail.text, unescape(mail.html)):
        assert "Interview Scheduled for Priya Raman" in part
        assert reason in part
        assert "https://bellhop.example/notifications" in part
        assert mail.headers["List-Unsubscribe"].strip("<>") in part
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.search(r"<\S+\.\S+>$", mail.headers["List-Id"])


def test_html_has_no_scripts_forms_or_remote_files_and_escapes_texts(app: Flask, alice: User) -> None:
    mail = email_about(
        alice, title=f"Title {HOSTILE}", message=f"Message {HOSTILE}", action_url="javascript:alert(1)"
    )
    assert HOSTILE not in mail.html
    assert HOSTILE in mail.text
    assert not re.search(
        r"<(script|form|img|link|iframe|object)\b|javascript:|url\(", mail.html, re.IGNORECASE
    )


def test_a_long_message_is_truncated(app: Flask, alice: User) -> None:
    mail = email_about(alice, message='"quoted" ' * 20_000)
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
def test_the_button_links_only_to_safe_urls(app: Flask, alice: User, action_url: str, expected: str) -> None:
    mail = email_about(alice, action_url=action_url)
    (button,) = re.findall(r'class="btn".*?href="([^"]*)"', mail.html)
    assert button.startswith(expected)


def test_an_email_about_a_cancelled_interview_does_not_link_to_the_meeting(app: Flask, alice: User) -> None:
    meeting = "https://meet.example.com/1"
    assert f'href="{meeting}"' in email_of_event(alice, "interview.scheduled", meeting_url=meeting).html
    cancelled = email_of_event(alice, "interview.cancelled", meeting_url=meeting)
    assert f'href="{meeting}"' not in cancelled.html
    (button,) = re.findall(r'class="btn".*?href="([^"]*)"', cancelled.html)
    assert button.startswith("https://bellhop.example/notifications/")


def test_the_first_button_says_what_happens_and_a_second_opens_the_page(app: Flask, alice: User) -> None:
    meeting, page = "https://www.meet.example.com/1", "https://platform.example/iv-1"
    mail = email_of_event(alice, "interview.scheduled", meeting_url=meeting, action_url=page)
    buttons = re.findall(r'href="([^"]*)"[^>]*>(Join the interview|Open interview)<', mail.html)
    assert buttons == [(meeting, "Join the interview"), (page, "Open interview")]
    assert mail.text.index(f"Join the interview:\n{meeting}") < mail.text.index(f"Open interview:\n{page}")


def test_a_template_has_its_own_preview_line_and_button(app: Flask, alice: User) -> None:
    meeting = "https://meet.example.com/1"
    template = db.session.query(NotificationTemplate).filter_by(name="interview_scheduled").one()
    template.email_preheader, template.email_button = "With {{company_name}}", "Meet {{candidate_name}}"
    db.session.commit()
    mail = email_of_event(alice, "interview.scheduled", meeting_url=meeting)
    assert re.search(r"display:none[^>]*>With Alder&#847;", mail.html)
    assert re.search(rf'class="btn".*?href="{meeting}"[^>]*>Meet Priya Raman<', mail.html)
    assert f"Meet Priya Raman:\n{meeting}" in mail.text
    rendered = db.session.query(Delivery).filter_by(channel="email").one()
    assert (rendered.preheader, rendered.button) == ("With Alder", "Meet Priya Raman")


def test_an_email_is_signed_with_the_senders_name(app: Flask, alice: User) -> None:
    row = factories.delivery(factories.notification(alice), address=alice.email)
    for address, name in (("Alder Talent <a@example.test>", "Alder Talent"), ("a@example.test", "Bellhop")):
        mail = sending_email.compose_email(row, replace(SITE, address=address), utc_now())
        assert f"Best regards,\n{name}\n\n-- \n" in mail.text
        assert f"Best regards,<br>{name}<" in mail.html


def test_a_video_call_is_a_link_named_by_its_host(app: Flask, alice: User) -> None:
    meeting = "https://www.meet.example.com/1"
    mail = email_of_event(alice, "interview.scheduled", meeting_url=meeting)
    assert re.search(rf'Video call</td>.*?<a [^>]*href="{meeting}"[^>]*>meet\.example\.com</a>', mail.html)
    assert f"Video call: {meeting}" in mail.text


def test_an_email_says_the_old_time_struck_through_and_in_words(app: Flask, alice: User) -> None:
    email_of_event(alice, "interview.scheduled")
    moved = email_of_event(alice, "interview.rescheduled", hours=2)
    assert "Was: Tue 12 Mar 2030, 13:00" in moved.text
    assert "<s>Tue 12 Mar 2030, 13:00</s>" in moved.html
    cancelled = email_of_event(alice, "interview.cancelled", hours=2)
    assert "When: Tue 12 Mar 2030, 15:00\N{EN DASH}16:00 (UTC), cancelled" in cancelled.text
    assert "<s>Tue 12 Mar 2030, 15:00\N{EN DASH}16:00 (UTC)</s>" in cancelled.html


def test_facts_do_not_repeat_what_the_message_says(app: Flask, alice: User) -> None:
    mail = email_of_event(
        alice, "interview.scheduled", interviewer="Daniel Osei", candidate_name="Priya Raman"
    )
    assert "Interviewer: Daniel Osei" in mail.text
    assert "Candidate:" not in mail.text
    own_html = db.session.query(NotificationTemplate).filter_by(name="interview_scheduled").one()
    own_html.email_html = "<p>See you there.</p>"
    db.session.commit()
    assert (
        "Candidate: Omar Haddad"
        in email_of_event(alice, "interview.scheduled", candidate_name="Omar Haddad").text
    )


def test_interview_times_are_in_the_readers_time_zone(app: Flask) -> None:
    alice = factories.user("alice@example.test", time_zone="Asia/Kathmandu")
    mail = email_of_event(alice, "interview.scheduled", location="Room Birch")
    for part in (mail.text, mail.html):
        assert "Tue 12 Mar 2030, 18:45\N{EN DASH}19:45 (Kathmandu time)" in part
        assert "Room Birch" in part


def test_calendar_files_of_an_interview_keep_its_uid_and_raise_the_sequence(app: Flask, alice: User) -> None:
    first = calendar_of(email_of_event(alice, "interview.scheduled"))
    moved = calendar_of(email_of_event(alice, "interview.rescheduled", hours=2))
    ended = calendar_of(email_of_event(alice, "interview.cancelled", hours=2))
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


def test_an_email_sent_late_shows_the_interview_as_it_was(app: Flask, alice: User) -> None:
    email_of_event(alice, "interview.scheduled")
    early = db.session.query(Delivery).filter_by(channel="email").one()
    email_of_event(alice, "interview.rescheduled", hours=2)
    db.session.expire_all()
    late = sending_email.compose_email(early, SITE, utc_now())
    (event,) = calendar_of(late).walk("VEVENT")
    assert (event.start, int(event["SEQUENCE"])) == (datetime(2030, 3, 12, 13, tzinfo=UTC), 0)
    assert "13:00\N{EN DASH}14:00" in late.text


def test_texts_cannot_inject_lines_into_a_calendar_file(app: Flask, alice: User) -> None:
    name = 'Priya\r\nATTENDEE:mailto:x@example.test\n"Raman"; Dr, \\ PhD'
    mail = email_of_event(alice, "interview.scheduled", candidate_name=name, location=f"{name}\x00")
    assert mail.attachments[0].content_type == "text/calendar; charset=utf-8; method=REQUEST"
    (event,) = calendar_of(mail).walk("VEVENT")
    assert str(event["ATTENDEE"]) == "mailto:alice@example.test"
    assert 'Priya ATTENDEE:mailto:x@example.test "Raman"; Dr, \\ PhD' in str(event["SUMMARY"])


def test_emails_about_other_types_have_no_calendar_file(app: Flask, alice: User) -> None:
    assert email_about(alice).attachments == ()


@pytest.mark.parametrize("kind", ["invitation", "password_reset"])
def test_account_emails_have_their_link_and_no_unsubscribe(app: Flask, alice: User, kind: str) -> None:
    row = Delivery(kind=kind, recipient_id=alice.id, channel="email", address=alice.email)
    db.session.add(row)
    db.session.commit()
    mail = sending_email.compose_email(row, SITE, utc_now())
    assert "https://bellhop.example/password/reset/" in mail.text
    assert "https://bellhop.example/password/reset/" in mail.html
    assert "List-Unsubscribe" not in mail.headers
    assert mail.headers["Auto-Submitted"] == "auto-generated"
