"""Templates are validated before they are published."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from app import catalog
from app.models import User
from app.services.base.errors import Invalid
from app.services.events import python_api
from app.services.routing import wording
from app.services.templates import management as template_management
from app.services.templates import publishing as template_publishing
from app.services.templates import validation as template_validation
from app.services.templates.drafts import TemplateContent
from tests.support.templates import published


def test_every_type_has_a_built_in_template_that_can_be_published(app: Flask, bob: User) -> None:
    for kind in catalog.TYPES:
        row = wording.by_name(kind)
        assert row.is_builtin
        assert template_validation.find_errors(row, TemplateContent.from_row(row)) == {}
        assert TemplateContent.from_row(row) == TemplateContent.built_in(kind)


def test_a_custom_template_takes_declared_variables_of_its_callers(alice: User, bob: User) -> None:
    custom = template_management.create("Maintenance", "system_alert", actor=bob)
    with pytest.raises(Invalid) as caught:
        published(custom, bob, title_template="Down: {{ service }}", message_template="{{ message }}")
    assert "service" in caught.value.errors["brings"]
    template_publishing.publish(custom.id, actor=bob, declared=["service"])
    row = python_api.create_notification_from_template(
        alice, "Maintenance", {"service": "CI", "message": "Until 9"}
    )
    assert (row.title, row.message) == ("Down: CI", "Until 9")


def test_all_that_is_wrong_with_a_text_is_said_at_once(app: Flask) -> None:
    row = wording.by_name("interview_scheduled")
    content = replace(
        TemplateContent.from_row(row), title_template="{{candidat_name}} {{jobtitle}} {{nope}} {{#"
    )
    assert template_validation.find_errors(row, content) == {
        "title_template": "Fix line 1: “{{#” is not valid here. "
        "Unknown variable “candidat_name”. Did you mean “candidate_name”? "
        "Unknown variable “jobtitle”. Did you mean “job_title”? "
        "Unknown variable “nope”."
    }
