"""Tests of a template are sent to the admin alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.base.errors import Invalid, LimitReached
from app.services.routing import wording
from app.services.sending import email as sending_email
from app.services.templates import samples as template_samples
from app.services.templates import test_send
from app.services.templates.drafts import TemplateContent
from tests.support import factories

SITE = sending_email.SiteIdentity("http://bellhop.test", "Bellhop <bellhop@example.test>", "secret")


def data(kind: str, key: str = "sample") -> dict[str, object]:
    return template_samples.sample_data(kind, key)


def test_a_test_goes_to_the_admin_alone_regardless_of_preferences(app: Flask, alice: User) -> None:
    admin = factories.user(
        "q@example.test", role="admin", preference={"job_notifications": False, "quiet_enabled": True}
    )
    row = wording.by_name("job_created")
    edited = replace(
        TemplateContent.from_row(row),
        title_template="Draft: {{job_title}}",
        email_html="<p>{{company_name}}</p>",
        email_preheader="Opened by {{company_name}}",
        email_button="See {{job_title}}",
    )
    made = test_send.send_test(row, edited, data("job_created"), actor=admin)
    assert (made.recipient_id, made.title) == (admin.id, "Test: Draft: Staff Data Engineer")
    states = {delivery.channel: delivery.state for delivery in made.deliveries}
    assert states == {"in_app": "sent", "email": "pending"}
    (mail,) = [delivery for delivery in made.deliveries if delivery.channel == "email"]
    message = sending_email.compose_email(mail, SITE, made.created_at)
    assert message.subject == "Test: Draft: Staff Data Engineer"
    assert "Alder Robotics" in message.html
    assert ">Opened by Alder Robotics&#847;" in message.html
    assert "See Staff Data Engineer:\nhttp://" in message.text
    assert db.session.scalar(select(func.count(Notification.id))) == 1


def test_a_test_of_an_interview_has_its_facts_and_no_calendar_file(app: Flask, bob: User) -> None:
    row = wording.by_name("interview_scheduled")
    made = test_send.send_test(row, TemplateContent.from_row(row), data("interview_scheduled"), actor=bob)
    (mail,) = [delivery for delivery in made.deliveries if delivery.channel == "email"]
    message = sending_email.compose_email(mail, SITE, made.created_at)
    assert "Room Birch" in message.html
    assert message.attachments == ()


def test_a_test_without_a_reachable_channel_is_refused(app: Flask, bob: User) -> None:
    row = wording.by_name("job_created")
    for edited in (
        replace(TemplateContent.from_row(row), channels=("webhook",)),
        replace(TemplateContent.from_row(row), title_template="{{ nobody }}"),
    ):
        with pytest.raises(Invalid) as caught:
            test_send.send_test(row, edited, data("job_created"), actor=bob)
        assert list(caught.value.errors) == ["general"]


def test_an_admin_can_send_ten_tests_in_ten_minutes(app: Flask, bob: User, alice: User) -> None:
    row, now = wording.by_name("job_created"), utc_now()

    def send(actor: User, minutes: int) -> None:
        at = now + timedelta(minutes=minutes)
        test_send.send_test(row, TemplateContent.from_row(row), data("job_created"), actor=actor, now=at)

    for minute in range(10):
        send(bob, minute)
    with pytest.raises(LimitReached, match="at most 10 tests in ten minutes") as refused:
        send(bob, 9)
    assert refused.value.retry_after == 60
    send(alice, 9)
    send(bob, 10)
