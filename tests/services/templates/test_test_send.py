"""Tests of a template are sent to the admin alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database.base import db
from app.models import Notification, User
from app.services.base.errors import Invalid
from app.services.routing import wording
from app.services.sending import email as sending_email
from app.services.templates import samples as template_samples
from app.services.templates import test_send
from app.services.templates.drafts import TemplateContent
from tests.support import factories

SENDER = sending_email.SiteIdentity("http://bellhop.test", "Bellhop <bellhop@example.test>", "secret")


def data(kind: str, key: str = "sample") -> dict[str, object]:
    return template_samples.sample_data(kind, key)


def test_a_test_goes_to_the_admin_alone_regardless_of_preferences(app: Flask, alice: User) -> None:
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


def test_a_test_of_an_interview_has_its_facts_and_no_calendar_file(app: Flask, bob: User) -> None:
    row = wording.by_name("interview_scheduled")
    made = test_send.send_test(row, TemplateContent.of(row), data("interview_scheduled"), actor=bob)
    (mail,) = [delivery for delivery in made.deliveries if delivery.channel == "email"]
    message = sending_email.compose_email(mail, SENDER, made.created_at)
    assert "Room Birch" in message.html
    assert message.attachments == ()


def test_a_test_without_a_reachable_channel_is_refused(app: Flask, bob: User) -> None:
    row = wording.by_name("job_created")
    for edited in (
        replace(TemplateContent.of(row), channels=("webhook",)),
        replace(TemplateContent.of(row), title_template="{{ nobody }}"),
    ):
        with pytest.raises(Invalid) as caught:
            test_send.send_test(row, edited, data("job_created"), actor=bob)
        assert list(caught.value.errors) == ["general"]
