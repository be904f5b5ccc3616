"""Publishing a draft creates the next version, once, and refuses invalid content."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database.base import db
from app.models import NotificationTemplate, TemplateDraft, TemplateVersion, User
from app.services.base.errors import Conflict, Invalid
from app.services.routing import wording
from app.services.templates import drafts as template_drafts
from app.services.templates import publishing as template_publishing
from app.services.templates import versions as template_versions
from app.services.templates.drafts import TemplateContent
from tests.support import factories
from tests.support.templates import edited, published


def test_publishing_over_a_newer_version_is_a_conflict_and_keeps_the_draft(
    template: NotificationTemplate, bob: User, dana: User
) -> None:
    template_drafts.save(template.id, edited(template, title_template="Bob's"), 1, author=bob)
    template_drafts.save(template.id, edited(template, title_template="Dana's"), 1, author=dana)
    template_publishing.publish(template.id, actor=bob)
    with pytest.raises(Conflict):
        template_publishing.publish(template.id, actor=dana)
    assert template_drafts.find(template.id, dana).title_template == "Dana's"
    assert wording.by_name("job_created").title_template == "Bob's"
    template_drafts.rebase(template.id, 2, author=dana)
    assert template_publishing.publish(template.id, actor=dana).number == 3
    assert [row.title_template for row in template_versions.list_versions(template)][:2] == [
        "Dana's",
        "Bob's",
    ]


def test_only_one_of_several_simultaneous_publications_succeeds(any_app: Flask) -> None:
    people = [factories.user(f"a{n}@example.test", role="admin") for n in range(4)]
    row = wording.by_name("job_created")
    for person in people:
        template_drafts.save(row.id, edited(row, title_template=person.email), 1, author=person)
    ids, row_id, outcomes = [person.id for person in people], row.id, []
    db.session.remove()
    start = threading.Barrier(len(ids))

    def publish(user_id: int) -> None:
        with any_app.app_context():
            start.wait(10)
            try:
                outcomes.append(
                    template_publishing.publish(row_id, actor=db.session.get(User, user_id)).number
                )
            except Conflict:
                outcomes.append("conflict")

    threads = [threading.Thread(target=publish, args=(user_id,)) for user_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, outcomes)) == ["2", "conflict", "conflict", "conflict"]
    assert db.session.scalar(select(func.count(TemplateDraft.id))) == 3
    assert db.session.scalar(select(func.count()).where(TemplateVersion.template_id == row_id)) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title_template": " "}, "title_template"),
        ({"message_template": ""}, "message_template"),
        ({"title_template": "{{ candidate_name }}"}, "title_template"),
        ({"message_template": "{% if job_title %}"}, "message_template"),
        ({"email_subject": "{{ now }}"}, "email_subject"),
        ({"email_html": "<p>{{ job_title | join }}</p>"}, "email_html"),
        ({"email_html": "<div>" * 2000}, "email_html"),
        ({"sms_text": "{{ (1..9) }}"}, "sms_text"),
        ({"channels": ()}, "channels"),
    ],
)
def test_invalid_content_is_not_published(
    template: NotificationTemplate, bob: User, changes: dict[str, object], field: str
) -> None:
    template_drafts.save(template.id, edited(template, **changes), 1, author=bob)
    with pytest.raises(Invalid) as caught:
        template_publishing.publish(template.id, actor=bob)
    assert list(caught.value.errors) == [field]
    assert template_drafts.find(template.id, bob) is not None
    assert wording.by_name("job_created").version == 1


def test_html_is_sanitized_on_publication(template: NotificationTemplate, bob: User) -> None:
    version = published(template, bob, email_html="<p onclick='x()'>{{job_title}}<script>x</script></p>")
    assert version.email_html == wording.by_name("job_created").email_html == "<p>{{job_title}}</p>"


def test_a_reset_publishes_the_built_in_text(template: NotificationTemplate, bob: User) -> None:
    published(template, bob, title_template="Mine", channels=("in_app",), priority="low")
    assert template_publishing.reset(template.id, actor=bob).version == 3
    assert TemplateContent.from_row(wording.by_name("job_created")) == TemplateContent.built_in("job_created")
    assert template_publishing.reset(template.id, actor=bob).version == 3
