"""Admins create, delete and deactivate templates."""

from __future__ import annotations

import pytest

from app.models import NotificationTemplate, User
from app.services.base.errors import Forbidden, Invalid, NotFound
from app.services.routing import wording
from app.services.templates import management as template_management
from app.services.templates import publishing as template_publishing
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
    template_management.set_active(template.id, is_active=False, actor=bob)
    (row,) = publish_event("job.created", alice)
    assert {delivery.reason for delivery in row.deliveries} == {"template_inactive"}
    template_management.set_active(template.id, is_active=True, actor=bob)
    template_management.set_active(template.id, is_active=True, actor=bob)
    assert len(audit_entries("template.switched_off")) == len(audit_entries("template.switched_on")) == 1
