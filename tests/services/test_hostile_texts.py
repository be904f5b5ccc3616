"""Markup, line breaks, direction marks and invisible characters in any field are harmless when sent."""

from __future__ import annotations

import json
import re
from email import message_from_bytes, policy
from html.parser import HTMLParser

import pytest
from flask import Flask
from icalendar import Calendar
from sqlalchemy import select

from app.channels import mime
from app.channels.base import Message, PermanentFailure, Receipt, TemporaryFailure
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, DeliveryAttempt, Notification, PhoneCode, PushSubscription, User, Webhook
from app.rendering.invisible_characters import strip_invisible
from app.services.announcements import management as announcement_management
from app.services.announcements.validation import AnnouncementRequest
from app.services.base import validation
from app.services.events import data as event_data
from app.services.events import publish as event_publish
from app.services.events import python_api
from app.services.routing import wording
from app.services.sending import payloads, worker
from app.services.sending.email import SiteIdentity
from app.services.templates import drafts as template_drafts
from app.services.templates import publishing as template_publishing
from app.services.templates.drafts import TemplateContent
from tests.support import factories

SITE = SiteIdentity("http://bellhop.test", "Bellhop <a@bellhop.test>", "a key for tests only")
INVISIBLE = "\u202e\u2066\u200b\u200d\u2060\ufeff\u00ad"
HOSTILE = f"</td><script>x</script><b>B{INVISIBLE}cc: evil@example.com"
CHANNELS = ("email", "sms", "push", "webhook", "in_app")


@pytest.fixture
def alice(app: Flask) -> User:
    """Reachable over every channel, with a hostile name."""
    name = validation.name(f"Al{INVISIBLE}ice <b> \r\nBcc: x@example.com")
    on = {"sms_enabled": True, "push_enabled": True, "webhook_enabled": True}
    user = factories.user("alice@example.test", name, phone="+442079460958", preference=on)
    db.session.add(PhoneCode(user_id=user.id, phone=user.phone, salt="s", verified_at=utc_now()))
    endpoint = "https://push.example.com/1"
    db.session.add(PushSubscription(user_id=user.id, endpoint=endpoint, p256dh="p", auth="a", label="x"))
    db.session.add(Webhook(user_id=user.id, url="https://hooks.example.com/", secret_salt="s"))
    db.session.commit()
    return user


def by_event(alice: User) -> None:
    names = ("candidate_name", "job_title", "company_name", "interviewer", "location", "id")
    kind = "interview.scheduled"
    data = factories.event_body(kind, [alice.email], **dict.fromkeys(names, HOSTILE))["data"]
    usable = event_data.validate(kind, data)
    event_publish.publish(
        event_publish.IncomingEvent("/tests", "1", kind, utc_now(), usable, recipients=usable["recipients"])
    )


def by_python(alice: User) -> None:
    many = f"{HOSTILE}\r\nSubject: x"
    python_api.create_notification(alice, "job_created", many, many, channels=CHANNELS)


def by_context(alice: User) -> None:
    many = f"{HOSTILE}\r\nSubject: x"
    context = {"filename": many, "extracted_data": {many: [many]}, "candidate_name": many}
    python_api.create_notification_from_template(alice, "resume_processed", context, channels=CHANNELS)


def by_announcement(alice: User) -> None:
    admin = factories.user("bob@example.test", role="admin")
    wanted = AnnouncementRequest(
        recipients=[alice.email], title=HOSTILE, message=f"{HOSTILE}\r\n{HOSTILE}", channels=CHANNELS
    )
    announcement_management.create(admin, wanted)


def by_template(alice: User) -> None:
    admin = factories.user("bob@example.test", role="admin")
    live = wording.by_name("job_created")
    html = f"<p>{HOSTILE} &#8238;&#8203;</p><img src=http://x><form>"
    words = TemplateContent(HOSTILE, f"{HOSTILE}\n{HOSTILE}", HOSTILE, html, HOSTILE, channels=CHANNELS)
    template_drafts.save(live.id, words, live.version, author=admin)
    kept = template_drafts.find(live.id, admin)
    assert kept is not None
    assert all(
        strip_invisible(text) == text for text in (kept.title_template, kept.email_html, kept.sms_text)
    )
    template_publishing.publish(live.id, actor=admin, note=f"{HOSTILE}\r\n")
    context = {"job_title": HOSTILE, "company_name": HOSTILE}
    python_api.create_notification_from_template(alice, "job_created", context)


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)


def harmless(text: str, *, lines: int | None = 1) -> None:
    assert strip_invisible(text) == text
    assert "evil" in text, "the words themselves arrive"
    if lines:
        assert len(text.splitlines()) == lines


def check_mail(message: Message) -> None:
    raw = mime.build(message, SITE.address)
    mail = message_from_bytes(raw, policy=policy.default)
    assert set(mail.keys()) >= {"From", "To", "Subject", "Date", "Message-ID", "List-Id"}
    assert "Bcc" not in mail
    assert len(mail.get_all("Subject")) == len(mail.get_all("To")) == 1
    assert mail["To"].addresses[0].addr_spec == "alice@example.test"
    harmless(mail["Subject"])
    assert strip_invisible(str(mail["To"])) == str(mail["To"])
    harmless(message.text, lines=None)
    # The layout pads the line that lists show beside the subject with such characters, written as entities.
    harmless(message.html, lines=None)
    assert not {"script", "form", "img", "iframe", "object", "input"} & Tags(message.html).seen
    assert not re.search(r"""\son\w+=|javascript:|url\(""", message.html)
    for file in message.attachments:
        (entry,) = Calendar.from_ical(file.body).walk("VEVENT")
        harmless(str(entry["SUMMARY"]))
        harmless(str(entry["LOCATION"]))
        assert strip_invisible(file.body.decode()) == file.body.decode()
        assert entry["ATTENDEE"] == "mailto:alice@example.test"


def check(delivery: Delivery) -> None:
    message = payloads.build_payload(delivery, SITE, utc_now())
    match delivery.channel:
        case "email":
            check_mail(message)
        case "sms":
            harmless(message.text)
        case "push":
            content = json.loads(message.text)
            harmless(content["title"])
            harmless(content["message"])
        case "webhook":
            assert message.text.isascii()
            data = json.loads(message.text)["data"]
            harmless(data["title"])
            harmless(data["message"], lines=None)


@pytest.mark.parametrize("send", [by_event, by_python, by_context, by_announcement, by_template])
def test_hostile_texts_are_sent_harmless_over_every_channel(alice: User, send) -> None:
    send(alice)
    rows = list(db.session.scalars(select(Delivery).where(Delivery.recipient_id == alice.id)))
    assert {row.channel for row in rows if row.state != "skipped"} == set(CHANNELS)
    for row in rows:
        check(row)
    (told,) = db.session.scalars(select(Notification).where(Notification.recipient_id == alice.id))
    harmless(told.title)
    harmless(told.message, lines=None)


@pytest.mark.parametrize("failure", [PermanentFailure, TemporaryFailure, None])
def test_a_servers_reply_is_stored_as_one_harmless_line(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch, failure: type[Exception] | None
) -> None:
    answer = f"500 \x00\x1b[31m{HOSTILE}\r\nsecond"

    class Hostile:
        def send(self, _message: Message) -> Receipt:
            if failure:
                raise failure(answer)
            return Receipt(answer)

        def close(self) -> None: ...

    monkeypatch.setitem(worker.CONNECTORS, "email", Hostile)
    row = factories.delivery(factories.notification(factories.user("alice@example.test")))
    worker.DeliveryWorker(SITE).deliver_due()
    db.session.expire_all()
    (attempt,) = db.session.scalars(select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == row.id))
    harmless(attempt.response)
    assert "\x00" not in attempt.response
    assert row.state == {PermanentFailure: "failed", TemporaryFailure: "retry_wait", None: "sent"}[failure]
