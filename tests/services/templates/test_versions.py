"""Versions are compared field by field, and recent notifications before and after a change."""

from __future__ import annotations

from dataclasses import replace

from app.models import NotificationTemplate, User
from app.services.templates import versions as template_versions
from app.services.templates.drafts import TemplateContent
from tests.support.templates import edited, publish_event


def test_recent_notifications_are_shown_before_and_after(
    template: NotificationTemplate, alice: User, bob: User
) -> None:
    for number in range(22):
        publish_event("job.created", alice, job_title=f"Job {number}")
    (newest, *rest) = template_versions.rerender_recent(
        template, edited(template, title_template="Open: {{job_title}}")
    )
    assert len(rest) == 19
    assert [(piece.kind, piece.text) for piece in newest.title] == [
        ("del", "New job"),
        ("ins", "Open"),
        ("same", ": Job 21"),
    ]
    assert {piece.kind for piece in newest.message} == {"same"}
    broken = template_versions.rerender_recent(template, edited(template, title_template="{{ nope }}"))
    assert "nope" in broken[0].problem


def test_two_versions_are_compared_field_by_field(template: NotificationTemplate, bob: User) -> None:
    old = TemplateContent.from_row(template)
    new = replace(old, title_template="Open Job: {{job_title}}", channels=("in_app",), priority="low")
    changed = {field.label for field in template_versions.compare(old, new) if field.is_changed}
    assert changed == {"Title", "Channels", "Priority"}
