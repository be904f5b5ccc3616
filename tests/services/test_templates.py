"""Templates: drafts and versions, and what happens when one fails."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app import catalog
from app.database.base import db
from app.models import (
    AuditEntry,
    Event,
    Notification,
    NotificationTemplate,
    TemplateDraft,
    TemplateVersion,
    User,
)
from app.services.base.errors import Conflict, Forbidden, Invalid, NotFound
from app.services.events import data as event_data
from app.services.events import publish as event_publish
from app.services.events import python_api
from app.services.routing import wording
from app.services.templates import (
    drafts as template_drafts,
)
from app.services.templates import (
    management as template_management,
)
from app.services.templates import (
    publishing as template_publishing,
)
from app.services.templates import (
    samples as template_samples,
)
from app.services.templates import (
    validation as template_validation,
)
from app.services.templates import (
    versions as template_versions,
)
from app.services.templates.drafts import TemplateContent
from tests.support import factories


@pytest.fixture
def template(app: Flask) -> NotificationTemplate:
    return wording.by_name("job_created")


@pytest.fixture
def dana(app: Flask) -> User:
    """Another admin."""
    return factories.user("dana@example.test", "Dana Weiss", role="admin")


def edited(template: NotificationTemplate, **changes: object) -> TemplateContent:
    return replace(TemplateContent.of(template), **changes)


def published(template: NotificationTemplate, actor: User, **changes: object) -> TemplateVersion:
    template_drafts.save(template.id, edited(template, **changes), template.version, author=actor)
    return template_publishing.publish(template.id, actor=actor)


def publish_event(kind: str, *recipients: User, **data: object) -> list[Notification]:
    body = factories.event_body(kind, [user.email for user in recipients], **data)
    usable = event_data.validate(kind, body["data"])
    event = event_publish.IncomingEvent(
        "/tests", body["id"], kind, factories.utc_now(), usable, usable["recipients"]
    )
    made = event_publish.publish(event)
    return list(db.session.scalars(select(Notification).where(Notification.event_id == made.event_id)))


def audited(action: str) -> list[AuditEntry]:
    return list(db.session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


def test_every_type_has_a_built_in_template_that_can_be_published(app: Flask, bob: User) -> None:
    for kind in catalog.TYPES:
        row = wording.by_name(kind)
        assert row.is_builtin
        assert template_validation.errors(row, TemplateContent.of(row)) == {}
        assert TemplateContent.of(row) == TemplateContent.built_in(kind)


def test_a_draft_is_kept_and_nobody_else_sees_it_until_it_is_published(
    template: NotificationTemplate, alice: User, bob: User, dana: User
) -> None:
    template_drafts.save(template.id, edited(template, title_template="Open: {{job_title}}"), 1, author=bob)
    assert template_drafts.find(template.id, bob).title_template == "Open: {{job_title}}"
    assert template_drafts.find(template.id, dana) is None
    assert publish_event("job.created", alice)[0].title == "New Job: Staff Data Engineer"
    version = template_publishing.publish(template.id, actor=bob, note="shorter")
    assert (version.number, version.author_id, version.note, version.title_template) == (
        2,
        bob.id,
        "shorter",
        "Open: {{job_title}}",
    )
    assert template_drafts.find(template.id, bob) is None
    assert publish_event("job.created", alice)[0].title == "Open: Staff Data Engineer"
    assert [(entry.actor_id, entry.subject, entry.detail) for entry in audited("template.published")] == [
        (bob.id, "job_created", {"version": 2})
    ]


def test_a_draft_that_says_what_is_live_is_none(template: NotificationTemplate, bob: User) -> None:
    template_drafts.save(template.id, edited(template, sms_text="x"), 1, author=bob)
    assert template_drafts.save(template.id, edited(template), 1, author=bob) is None
    assert template_drafts.find(template.id, bob) is None
    with pytest.raises(Conflict):
        template_publishing.publish(template.id, actor=bob)


def test_the_second_of_two_admins_who_publish_loses_nothing(
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


def test_of_admins_publishing_in_the_same_moment_one_is_first(any_app: Flask) -> None:
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
def test_what_could_break_never_goes_live(
    template: NotificationTemplate, bob: User, changes: dict[str, object], field: str
) -> None:
    template_drafts.save(template.id, edited(template, **changes), 1, author=bob)
    with pytest.raises(Invalid) as caught:
        template_publishing.publish(template.id, actor=bob)
    assert list(caught.value.errors) == [field]
    assert template_drafts.find(template.id, bob) is not None
    assert wording.by_name("job_created").version == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"title_template": "x" * 256},
        {"message_template": "x" * 50_001},
        {"priority": "x"},
        {"channels": ("fax",)},
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(
    template: NotificationTemplate, bob: User, changes: dict[str, object]
) -> None:
    with pytest.raises(Invalid) as caught:
        template_drafts.save(template.id, edited(template, **changes), 1, author=bob)
    assert list(caught.value.errors) == list(changes)


def test_html_is_cleaned_when_it_goes_live(template: NotificationTemplate, bob: User) -> None:
    version = published(template, bob, email_html="<p onclick='x()'>{{job_title}}<script>x</script></p>")
    assert version.email_html == wording.by_name("job_created").email_html == "<p>{{job_title}}</p>"


def test_restoring_makes_a_draft_and_the_history_stays(template: NotificationTemplate, bob: User) -> None:
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
    assert template_drafts.find(template.id, bob).title_template == "New Job: {{job_title}}"
    with pytest.raises(NotFound):
        template_drafts.restore(template.id, 99, author=bob)


def test_a_reset_publishes_the_built_in_words(template: NotificationTemplate, bob: User) -> None:
    published(template, bob, title_template="Mine", channels=("in_app",), priority="low")
    assert template_publishing.reset(template.id, actor=bob).version == 3
    assert TemplateContent.of(wording.by_name("job_created")) == TemplateContent.built_in("job_created")
    assert template_publishing.reset(template.id, actor=bob).version == 3


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
    assert [entry.action for entry in audited("template.created") + audited("template.deleted")] == [
        "template.created",
        "template.deleted",
    ]


@pytest.mark.parametrize("name", ["", " ", "job_created", "<b>", "a" * 101, "a\nb"])
def test_a_name_is_plain_and_free(template: NotificationTemplate, bob: User, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        template_management.create(name, "system_alert", actor=bob)
    assert list(caught.value.errors) == ["name"]


def test_a_custom_template_takes_the_variables_that_its_callers_are_said_to_bring(
    alice: User, bob: User
) -> None:
    custom = template_management.create("Maintenance", "system_alert", actor=bob)
    with pytest.raises(Invalid) as caught:
        published(custom, bob, title_template="Down: {{ service }}", message_template="{{ message }}")
    assert "service" in caught.value.errors["brings"]
    template_publishing.publish(custom.id, actor=bob, brings=["service"])
    row = python_api.create_notification_from_template(
        alice, "Maintenance", {"service": "CI", "message": "Until 9"}
    )
    assert (row.title, row.message) == ("Down: CI", "Until 9")


def test_an_alerts_own_words_count_until_the_template_is_edited(alice: User, bob: User) -> None:
    assert publish_event("system.alert", alice, title="Sync is late")[0].title == "Sync is late"
    published(wording.by_name("system_alert"), bob, title_template="Alert: {{ title }}")
    assert publish_event("system.alert", alice, title="Sync is late")[0].title == "Alert: Sync is late"


def test_who_switches_a_template_off_silences_it(
    template: NotificationTemplate, alice: User, bob: User
) -> None:
    template_management.set_active(template.id, is_active=False, actor=bob)
    (row,) = publish_event("job.created", alice)
    assert {delivery.reason for delivery in row.deliveries} == {"template_inactive"}
    template_management.set_active(template.id, is_active=True, actor=bob)
    template_management.set_active(template.id, is_active=True, actor=bob)
    assert len(audited("template.switched_off")) == len(audited("template.switched_on")) == 1


def test_a_template_that_fails_falls_back_to_the_built_in_words_and_the_admins_are_told_once(
    any_app: Flask,
) -> None:
    alice = factories.user("alice@example.test")
    bob = factories.user("bob@example.test", role="admin")
    db.session.execute(
        update(NotificationTemplate)
        .where(NotificationTemplate.name == "job_created")
        .values(title_template="{{ gone }}", version=7)
    )
    db.session.commit()
    for _ in range(3):
        (row,) = publish_event("job.created", alice)
        assert row.title == "New Job: Staff Data Engineer"
        assert {delivery.state for delivery in row.deliveries} == {"pending", "sent"}
    (alert,) = db.session.scalars(select(Notification).where(Notification.recipient_id == bob.id))
    assert alert.notification_type == "system_alert"
    assert "job_created" in alert.title
    assert "gone" in alert.message
    (entry,) = audited("template.failed")
    assert (entry.subject, entry.detail["version"]) == ("job_created", 7)
    assert "gone" in entry.detail["error"]
    template_id = wording.by_name("job_created").id
    db.session.execute(
        update(NotificationTemplate).where(NotificationTemplate.id == template_id).values(version=8)
    )
    db.session.commit()
    publish_event("job.created", alice)
    told = select(func.count(Notification.id)).where(Notification.recipient_id == bob.id)
    assert db.session.scalar(told) == 2


def test_a_failing_alert_template_does_not_fail_over_itself(alice: User, bob: User) -> None:
    db.session.execute(
        update(NotificationTemplate)
        .where(NotificationTemplate.name == "system_alert")
        .values(title_template="{{ gone }}")
    )
    db.session.commit()
    (row,) = publish_event("system.alert", alice, title="", message="")
    assert row.title == "System Alert"
    assert (
        db.session.scalar(select(func.count(Notification.id)).where(Notification.recipient_id == bob.id)) == 1
    )


@pytest.mark.parametrize("kind", catalog.TYPES)
def test_every_sample_fills_in_every_built_in_template(app: Flask, kind: str, bob: User) -> None:
    for key in ("sample", "long", "missing"):
        assert isinstance(template_samples.data(kind, key), dict)
    keys = [sample.key for sample in template_samples.choices(kind, time_zone="Europe/Paris", locale="en")]
    assert keys == ["sample", "long", "missing"]


def test_real_events_are_samples_of_their_own_type_only(alice: User, bob: User) -> None:
    publish_event("interview.scheduled", alice, bob, candidate_name="Omar Haddad")
    event = db.session.scalar(select(Event).where(Event.type == "interview.scheduled"))
    choices = template_samples.choices("interview_scheduled", time_zone="UTC", locale="en")
    assert [choice.key for choice in choices][3:] == [str(event.id)]
    assert template_samples.data("interview_scheduled", str(event.id))["candidate_name"] == "Omar Haddad"
    for kind, key in (
        ("job_created", str(event.id)),
        ("interview_scheduled", "999999"),
        ("job_created", "9" * 40),
    ):
        with pytest.raises(NotFound):
            template_samples.data(kind, key)


def test_the_last_notifications_are_shown_in_old_and_new_words(
    template: NotificationTemplate, alice: User, bob: User
) -> None:
    for number in range(22):
        publish_event("job.created", alice, job_title=f"Job {number}")
    (newest, *rest) = template_versions.rerender_recent(
        template, edited(template, title_template="Open: {{job_title}}")
    )
    assert len(rest) == 19
    assert [(piece.kind, piece.text) for piece in newest.title] == [
        ("del", "New Job"),
        ("ins", "Open"),
        ("same", ": Job 21"),
    ]
    assert {piece.kind for piece in newest.message} == {"same"}
    broken = template_versions.rerender_recent(template, edited(template, title_template="{{ nope }}"))
    assert "nope" in broken[0].problem


def test_two_versions_are_compared_field_by_field(template: NotificationTemplate, bob: User) -> None:
    old = TemplateContent.of(template)
    new = replace(old, title_template="Open Job: {{job_title}}", channels=("in_app",), priority="low")
    changed = {field.label for field in template_versions.compare(old, new) if field.is_changed}
    assert changed == {"Title", "Channels", "Priority"}
