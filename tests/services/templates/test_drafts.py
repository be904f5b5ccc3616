"""Drafts belong to one admin, and restoring a version makes one."""

from __future__ import annotations

import pytest

from app.models import NotificationTemplate, User
from app.services.base.errors import Conflict, Invalid, NotFound
from app.services.routing import wording
from app.services.templates import drafts as template_drafts
from app.services.templates import publishing as template_publishing
from app.services.templates import versions as template_versions
from tests.support.audit import audit_entries
from tests.support.templates import edited, publish_event, published


def test_a_draft_is_private_until_it_is_published(
    template: NotificationTemplate, alice: User, bob: User, dana: User
) -> None:
    template_drafts.save(template.id, edited(template, title_template="Open: {{job_title}}"), 1, author=bob)
    assert template_drafts.find(template.id, bob).title_template == "Open: {{job_title}}"
    assert template_drafts.find(template.id, dana) is None
    assert publish_event("job.created", alice)[0].title == "New job: Staff Data Engineer"
    version = template_publishing.publish(template.id, actor=bob, note="shorter")
    assert (version.number, version.author_id, version.note, version.title_template) == (
        2,
        bob.id,
        "shorter",
        "Open: {{job_title}}",
    )
    assert template_drafts.find(template.id, bob) is None
    assert publish_event("job.created", alice)[0].title == "Open: Staff Data Engineer"
    assert [
        (entry.actor_id, entry.subject, entry.detail) for entry in audit_entries("template.published")
    ] == [(bob.id, "job_created", {"version": 2})]


def test_a_draft_equal_to_the_live_template_is_removed(template: NotificationTemplate, bob: User) -> None:
    template_drafts.save(template.id, edited(template, sms_text="x"), 1, author=bob)
    assert template_drafts.save(template.id, edited(template), 1, author=bob) is None
    assert template_drafts.find(template.id, bob) is None
    with pytest.raises(Conflict):
        template_publishing.publish(template.id, actor=bob)


@pytest.mark.parametrize(
    "changes",
    [
        {"title_template": "x" * 256},
        {"message_template": "x" * 50_001},
        {"priority": "x"},
        {"channels": ("fax",)},
    ],
)
def test_content_that_cannot_be_stored_is_refused_by_field(
    template: NotificationTemplate, bob: User, changes: dict[str, object]
) -> None:
    with pytest.raises(Invalid) as caught:
        template_drafts.save(template.id, edited(template, **changes), 1, author=bob)
    assert list(caught.value.errors) == list(changes)


def test_restoring_a_version_creates_a_draft_and_keeps_the_history(
    template: NotificationTemplate, bob: User
) -> None:
    first = template.title_template
    published(template, bob, title_template="Second")
    draft = template_drafts.restore(template.id, 1, author=bob)
    assert (draft.title_template, draft.base_version) == (first, 2)
    assert wording.by_name("job_created").title_template == "Second"
    assert template_publishing.publish(template.id, actor=bob).number == 3
    assert [row.title_template for row in template_versions.list_versions(template)] == [
        first,
        "Second",
        first,
    ]


def test_restoring_does_not_silently_replace_a_draft(template: NotificationTemplate, bob: User) -> None:
    published(template, bob, title_template="Second")
    template_drafts.save(template.id, edited(template, title_template="Mine"), 2, author=bob)
    with pytest.raises(Conflict):
        template_drafts.restore(template.id, 1, author=bob)
    assert template_drafts.find(template.id, bob).title_template == "Mine"
    template_drafts.restore(template.id, 1, author=bob, replaces_draft=True)
    assert template_drafts.find(template.id, bob).title_template == "New job: {{job_title}}"
    with pytest.raises(NotFound):
        template_drafts.restore(template.id, 99, author=bob)
