"""Previews and tests of templates go through the code that sends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import catalog
from app.database.base import db
from app.models import Delivery, Event, Notification, User
from app.services.base.errors import Invalid
from app.services.routing import wording
from app.services.sending import email as sending_email
from app.services.templates import preview as template_preview
from app.services.templates import samples as template_samples
from app.services.templates import test_send
from app.services.templates.drafts import TemplateContent
from tests.support import factories

SENDER = sending_email.SiteIdentity("http://bellhop.test", "Bellhop <bellhop@example.test>", "secret")


def data(kind: str, key: str = "sample") -> dict[str, object]:
    return template_samples.sample_data(kind, key)


@pytest.mark.parametrize("kind", catalog.TYPES)
@pytest.mark.parametrize("key", ["sample", "long", "missing"])
def test_every_built_in_template_has_a_preview_that_writes_nothing(
    app: Flask, bob: User, kind: str, key: str
) -> None:
    row = wording.by_name(kind)
    shown = template_preview.preview(row, TemplateContent.of(row), data(kind, key), bob, SENDER)
    assert shown.problem == ""
    assert shown.title
    assert not [check for found in shown.checks.values() for check in found if check.tone == "bad"]
    db.session.commit()
    assert db.session.scalar(select(func.count(Notification.id))) == 0
    assert db.session.scalar(select(func.count(Delivery.id))) == 0
    assert db.session.scalar(select(func.count(Event.id))) == 0


def test_a_preview_is_on_the_readers_clock_with_the_facts_of_the_interview(app: Flask) -> None:
    reader = factories.user("t@example.test", role="admin", time_zone="Asia/Tokyo")
    row = wording.by_name("interview_scheduled")
    shown = template_preview.preview(
        row, TemplateContent.of(row), data("interview_scheduled"), reader, SENDER
    )
    assert "22:00 (Tokyo time)" in shown.message
    html = template_preview.email_html(
        row, TemplateContent.of(row), data("interview_scheduled"), reader, SENDER, is_dark=False
    )
    assert "Room Birch, 3rd floor" in html
    assert "22:00 to 23:00" in html


def test_the_theme_of_a_preview_is_chosen_and_not_the_browsers(app: Flask, bob: User) -> None:
    row = wording.by_name("job_created")
    pages = {
        is_dark: template_preview.email_html(
            row, TemplateContent.of(row), data("job_created"), bob, SENDER, is_dark=is_dark
        )
        for is_dark in (True, False)
    }
    assert "@media all" in pages[True]
    assert "@media not all" in pages[False]
    assert not [html for html in pages.values() if "prefers-color-scheme" in html]


def test_admins_html_is_cleaned_in_the_mail_and_the_text_part_keeps_the_message(
    app: Flask, bob: User
) -> None:
    row = wording.by_name("job_created")
    edited = replace(
        TemplateContent.of(row),
        email_html="<p>Designed for {{job_title}}<script>alert(1)</script></p><img src=x>",
    )
    html = template_preview.email_html(row, edited, data("job_created"), bob, SENDER, is_dark=False)
    assert "Designed for Staff Data Engineer" in html
    assert "alert(1)" not in html
    assert "<img" not in html
    assert "has opened a new job" not in html.split("</h1>")[1]


def test_the_checks_say_what_could_be_better(app: Flask, bob: User) -> None:
    row = wording.by_name("job_created")
    edited = replace(
        TemplateContent.of(row),
        email_subject="A subject that is rather longer than what a phone shows of it",
        email_html="<p style='color:red'>Hi</p>",
        sms_text="Ж" * 80,
    )
    shown = template_preview.preview(row, edited, data("job_created"), bob, SENDER)
    warnings = [check.text for found in shown.checks.values() for check in found if check.tone == "warn"]
    assert any("61 characters" in text for text in warnings)
    assert any("style: color" in text for text in warnings)
    assert any("shortened to fit" in text for text in warnings)
    shown = template_preview.preview(row, replace(edited, sms_text="Ж"), data("job_created"), bob, SENDER)
    assert [check.tone for check in shown.checks["sms"]] == ["ok", "warn"]
    assert "Ж" in shown.checks["sms"][1].text
    assert shown.sms_text == "Ж http://bellhop.test/n/123456"


def test_a_text_that_cannot_be_filled_in_says_why(app: Flask, bob: User) -> None:
    row = wording.by_name("job_created")
    edited = replace(TemplateContent.of(row), message_template="{{ nobody }}")
    shown = template_preview.preview(row, edited, data("job_created"), bob, SENDER)
    assert "nobody" in shown.problem
    html = template_preview.email_html(row, edited, data("job_created"), bob, SENDER, is_dark=False)
    assert "nobody" in html


def test_a_test_goes_to_the_admin_alone_past_all_preferences(app: Flask, alice: User) -> None:
    admin = factories.user(
        "q@example.test", role="admin", preference={"job_notifications": False, "quiet_enabled": True}
    )
    row = wording.by_name("job_created")
    edited = replace(
        TemplateContent.of(row), title_template="Draft: {{job_title}}", email_html="<p>{{company_name}}</p>"
    )
    made = test_send.send_test(row, edited, data("job_created"), actor=admin)
    assert (made.recipient_id, made.title) == (admin.id, "Test: Draft: Staff Data Engineer")
    states = {delivery.channel: delivery.state for delivery in made.deliveries}
    assert states == {"in_app": "sent", "email": "pending"}
    (mail,) = [delivery for delivery in made.deliveries if delivery.channel == "email"]
    message = sending_email.compose_email(mail, SENDER, made.created_at)
    assert message.subject == "Test: Draft: Staff Data Engineer"
    assert "Alder Robotics" in message.html
    assert db.session.scalar(select(func.count(Notification.id))) == 1


def test_a_test_of_an_interview_carries_its_facts_and_enters_no_calendar(app: Flask, bob: User) -> None:
    row = wording.by_name("interview_scheduled")
    made = test_send.send_test(row, TemplateContent.of(row), data("interview_scheduled"), actor=bob)
    (mail,) = [delivery for delivery in made.deliveries if delivery.channel == "email"]
    message = sending_email.compose_email(mail, SENDER, made.created_at)
    assert "Room Birch" in message.html
    assert message.attachments == ()


def test_a_test_that_reaches_nobody_says_so(app: Flask, bob: User) -> None:
    row = wording.by_name("job_created")
    for edited in (
        replace(TemplateContent.of(row), channels=("webhook",)),
        replace(TemplateContent.of(row), title_template="{{ nobody }}"),
    ):
        with pytest.raises(Invalid) as caught:
            test_send.send_test(row, edited, data("job_created"), actor=bob)
        assert list(caught.value.errors) == ["general"]


def test_values_of_ones_own_need_not_be_whole(app: Flask, bob: User) -> None:
    row = wording.by_name("interview_scheduled")
    for given in ({"starts_at": "2026-03-12T14:00:00Z"}, {"candidate_name": 5, "meeting_url": ["x"]}, {}):
        values = template_samples.validate_context(given)
        assert template_preview.preview(row, TemplateContent.of(row), values, bob, SENDER).problem == ""
