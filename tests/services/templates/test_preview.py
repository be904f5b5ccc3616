"""Previews of templates are rendered by the code that sends."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import catalog
from app.database.base import db
from app.models import Delivery, Event, Notification, User
from app.services.routing import wording
from app.services.sending import email as sending_email
from app.services.templates import preview as template_preview
from app.services.templates import samples as template_samples
from app.services.templates.drafts import TemplateContent
from tests.support import factories

SITE = sending_email.SiteIdentity("http://bellhop.test", "Bellhop <bellhop@example.test>", "secret")


def data(kind: str, key: str = "sample") -> dict[str, object]:
    return template_samples.sample_data(kind, key)


@pytest.mark.parametrize("kind", catalog.TYPES)
@pytest.mark.parametrize("key", ["sample", "long", "missing"])
def test_every_built_in_template_has_a_preview_that_writes_nothing(
    app: Flask, bob: User, kind: str, key: str
) -> None:
    row = wording.by_name(kind)
    shown = template_preview.preview(row, TemplateContent.from_row(row), data(kind, key), bob, SITE)
    assert shown.problem == ""
    assert shown.title
    assert not [check for found in shown.checks.values() for check in found if check.tone == "bad"]
    db.session.commit()
    assert db.session.scalar(select(func.count(Notification.id))) == 0
    assert db.session.scalar(select(func.count(Delivery.id))) == 0
    assert db.session.scalar(select(func.count(Event.id))) == 0


def test_a_preview_is_in_the_readers_time_zone_with_the_interviews_facts(app: Flask) -> None:
    reader = factories.user("t@example.test", role="admin", time_zone="Asia/Tokyo")
    row = wording.by_name("interview_scheduled")
    shown = template_preview.preview(
        row, TemplateContent.from_row(row), data("interview_scheduled"), reader, SITE
    )
    assert "22:00 (Tokyo time)" in shown.message
    html = template_preview.email_html(
        row, TemplateContent.from_row(row), data("interview_scheduled"), reader, SITE, is_dark=False
    )
    assert "Room Birch, 3rd floor" in html
    assert "22:00\N{EN DASH}23:00" in html


def test_the_theme_of_a_preview_is_independent_of_the_browser(app: Flask, bob: User) -> None:
    row = wording.by_name("job_created")
    pages = {
        is_dark: template_preview.email_html(
            row, TemplateContent.from_row(row), data("job_created"), bob, SITE, is_dark=is_dark
        )
        for is_dark in (True, False)
    }
    assert "@media all" in pages[True]
    assert "@media not all" in pages[False]
    assert not [html for html in pages.values() if "prefers-color-scheme" in html]


def test_the_preview_of_an_interview_has_the_button_to_join(app: Flask, bob: User) -> None:
    row = wording.by_name("interview_scheduled")
    content = TemplateContent.from_row(row)
    for edited, label in ((content, "Join the interview"), (replace(content, email_button="Meet"), "Meet")):
        html = template_preview.email_html(row, edited, data("interview_scheduled"), bob, SITE, is_dark=False)
        assert re.search(rf'class="btn".*?href="https://meet.example.com[^"]*"[^>]*>{label}<', html)


def test_email_html_is_sanitized_and_the_text_part_keeps_the_message(app: Flask, bob: User) -> None:
    row = wording.by_name("job_created")
    edited = replace(
        TemplateContent.from_row(row),
        email_html="<p>Designed for {{job_title}}<script>alert(1)</script></p><img src=x>",
    )
    html = template_preview.email_html(row, edited, data("job_created"), bob, SITE, is_dark=False)
    assert "Designed for Staff Data Engineer" in html
    assert "alert(1)" not in html
    assert "<img" not in html
    assert "has opened a new job" not in html.split("</h1>")[1]


def test_the_checks_report_possible_improvements(app: Flask, bob: User) -> None:
    row = wording.by_name("job_created")
    edited = replace(
        TemplateContent.from_row(row),
        email_subject="A subject that is rather longer than what a phone shows of it",
        email_html="<p style='color:red'>Hi</p>",
        email_preheader="p" * 91,
        sms_text="Ж" * 80,
    )
    shown = template_preview.preview(row, edited, data("job_created"), bob, SITE)
    warnings = [check.text for found in shown.checks.values() for check in found if check.tone == "warn"]
    assert any("61 characters" in text for text in warnings)
    assert any("style: color" in text for text in warnings)
    assert any("91 characters" in text for text in warnings)
    assert any("shortened to fit" in text for text in warnings)
    shown = template_preview.preview(row, replace(edited, sms_text="Ж"), data("job_created"), bob, SITE)
    assert [check.tone for check in shown.checks["sms"]] == ["ok", "warn"]
    assert "Ж" in shown.checks["sms"][1].text
    assert shown.sms_text == "Ж http://bellhop.test/n/123456"


def test_a_preview_that_cannot_be_rendered_says_why(app: Flask, bob: User) -> None:
    row = wording.by_name("job_created")
    edited = replace(TemplateContent.from_row(row), message_template="{{ nobody }}")
    shown = template_preview.preview(row, edited, data("job_created"), bob, SITE)
    assert "nobody" in shown.problem
    html = template_preview.email_html(row, edited, data("job_created"), bob, SITE, is_dark=False)
    assert "nobody" in html


def test_a_preview_with_own_values_reports_missing_ones(app: Flask, bob: User) -> None:
    row = wording.by_name("interview_scheduled")
    for given in ({"starts_at": "2026-03-12T14:00:00Z"}, {"candidate_name": 5, "meeting_url": ["x"]}, {}):
        values = template_samples.validate_context(given)
        assert template_preview.preview(row, TemplateContent.from_row(row), values, bob, SITE).problem == ""
