"""Admins create, delete and deactivate templates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.database.base import db
from app.models import NotificationTemplate, User
from app.services.base.errors import Forbidden, Invalid, NotFound
from app.services.routing import digest_coverage, wording
from app.services.templates import management as template_management
from app.services.templates import publishing as template_publishing
from app.services.templates.drafts import TemplateContent
from tests.support.audit import audit_entries
from tests.support.templates import publish_event


def test_a_built_in_template_cannot_be_deleted_and_a_custom_one_cannot_be_reset(
    template: NotificationTemplate, bob: User
) -> None:
    with pytest.raises(Forbidden):
        template_management.delete(template.id, actor=bob)
    custom = template_management.create("Maintenance", "system_alert", actor=bob)
    assert custom.title_template == "System Alert"
    with pytest.raises(Forbidden):
        template_publishing.reset(custom.id, actor=bob)
    template_management.delete(custom.id, actor=bob)
    with pytest.raises(NotFound):
        wording.by_name("Maintenance")
    assert [
        entry.action for entry in audit_entries("template.created") + audit_entries("template.deleted")
    ] == [
        "template.created",
        "template.deleted",
    ]


@pytest.mark.parametrize("name", ["", " ", "job_created", "<b>", "a" * 101, "a\nb"])
def test_unusable_and_taken_names_are_refused(template: NotificationTemplate, bob: User, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        template_management.create(name, "system_alert", actor=bob)
    assert list(caught.value.errors) == ["name"]


def test_an_inactive_template_sends_nothing(template: NotificationTemplate, alice: User, bob: User) -> None:
    template_publishing.set_active(template.id, is_active=False, actor=bob)
    (row,) = publish_event("job.created", alice)
    assert {delivery.reason for delivery in row.deliveries} == {"template_inactive"}
    template_publishing.set_active(template.id, is_active=True, actor=bob)
    template_publishing.set_active(template.id, is_active=True, actor=bob)
    assert len(audit_entries("template.switched_off")) == len(audit_entries("template.switched_on")) == 1


def test_content_and_state_are_changed_together_or_not_at_all(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise NotFound

    monkeypatch.setattr(digest_coverage, "release_uncovered", fail)
    digest = wording.by_name("daily_digest")
    content = replace(TemplateContent.from_row(digest), title_template="Your day")
    with pytest.raises(NotFound):
        template_publishing.rewrite(digest.id, content, actor=bob, is_active=False)
    db.session.refresh(digest)
    assert (digest.version, digest.is_active) == (1, True)
