"""Admin pages that review, publish, compare, restore, turn off and reset templates."""

from __future__ import annotations

import html
import re

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.database.base import db
from app.models import NotificationTemplate, User
from app.services.routing import wording
from tests.support import factories
from tests.views.admin.template_forms import LIST, editor_form, save_draft
from tests.views.forms import send


def test_a_draft_is_saved_with_scripts_off_and_published_after_a_review(
    admin: FlaskClient, page: str, template: NotificationTemplate, bob: User
) -> None:
    answer = save_draft(admin, template, title_template="Open: {{ job_title }}")
    assert answer.location == page
    shown = admin.get(page).text
    assert "v2 draft" in shown
    assert "Open: {{ job_title }}" in shown
    assert (
        save_draft(admin, template, title_template="Open: {{ job_title }}", review="1").location
        == f"{page}/publication"
    )
    review = admin.get(f"{page}/publication").text
    assert "<ins>Open</ins>" in review
    assert "<del>New job</del>" in review
    assert send(admin, page, f"{page}/publication", note="shorter").location == page
    db.session.refresh(template)
    assert (template.version, template.title_template) == (2, "Open: {{ job_title }}")
    shown = admin.get(page).text
    assert "shorter" in shown
    assert "v3 draft" not in shown


def test_a_draft_with_errors_is_saved_but_cannot_be_published(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    save_draft(admin, template, message_template="{% if %}")
    assert "This can't be published yet." in admin.get(page).text
    answer = send(admin, page, f"{page}/publication")
    assert answer.status_code == 422
    assert wording.by_name("job_created").version == 1


def test_a_draft_changed_after_review_is_not_published(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    save_draft(admin, template, title_template="As reviewed")
    read = re.search(r'name="reviewed" value="([^"]+)"', admin.get(f"{page}/publication").text)
    assert read
    stamp = html.unescape(read[1])
    save_draft(admin, template, title_template="Typed in another tab")
    answer = send(admin, page, f"{page}/publication", reviewed=stamp)
    assert answer.status_code == 409
    assert "changed after you reviewed it" in answer.text
    assert "<ins>Typed" in answer.text
    assert wording.by_name("job_created").version == 1


def test_a_version_conflict_shows_both_texts_and_can_be_resolved(
    app: Flask, sign_in, page: str, template: NotificationTemplate, bob: User
) -> None:
    first, second = sign_in(bob), sign_in(factories.user("dana@example.test", "Dana Weiss", role="admin"))
    save_draft(first, template, title_template="Bob says")
    save_draft(second, template, title_template="Dana says")
    assert "Bob Okafor also has a draft of this template" in second.get(page).text
    assert send(first, page, f"{page}/publication").status_code == 302
    answer = send(second, page, f"{page}/publication")
    assert answer.status_code == 409
    assert "Bob says" in answer.text
    assert "Dana says" in answer.text
    assert "Bob Okafor published version 2" in answer.text
    assert second.get(f"{page}/publication").status_code == 409
    assert send(second, page, f"{page}/draft/base", version=2, review="1").location == f"{page}/publication"
    assert send(second, page, f"{page}/publication").location == page
    db.session.refresh(template)
    assert (template.version, template.title_template) == (3, "Dana says")


def test_an_outdated_page_cannot_overwrite_a_newer_version(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    old = editor_form(template)
    save_draft(admin, template, title_template="Second")
    send(admin, page, f"{page}/publication")
    send(admin, page, f"{page}/draft", **(old | {"title_template": "From the old page"}))
    assert send(admin, page, f"{page}/publication").status_code == 409


def test_a_draft_can_be_discarded(admin: FlaskClient, page: str, template: NotificationTemplate) -> None:
    save_draft(admin, template, title_template="Mine")
    assert send(admin, page, f"{page}/draft/removal").location == page
    assert "Mine" not in admin.get(page).text


def test_versions_are_compared_and_restored(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    save_draft(admin, template, title_template="Second")
    send(admin, page, f"{page}/publication")
    shown = admin.get(f"{page}/comparison?old=1").text
    assert "<del>New job: {{job_title}}</del><ins>Second</ins>" in shown
    assert send(admin, page, f"{page}/restoration", number=1).location == page
    assert "v3 draft" in admin.get(page).text
    save_draft(admin, template, title_template="Third", base_version=2)
    assert send(admin, page, f"{page}/restoration", number=1).status_code == 409
    assert send(admin, page, f"{page}/restoration", number=1, replaces="1").location == page
    assert send(admin, page, f"{page}/restoration", number=99).status_code == 404
    assert send(admin, page, f"{page}/restoration", number="x").status_code == 404
    send(admin, page, f"{page}/restoration", number=2, replaces="1")
    assert "This content is already live." in admin.get(page).text


def test_a_builtin_template_can_be_turned_off_and_reset_but_not_deleted(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    send(admin, page, f"{page}/deactivation")
    assert "v1, off" in admin.get(page).text
    send(admin, page, f"{page}/activation")
    save_draft(admin, template, title_template="Mine")
    send(admin, page, f"{page}/publication")
    send(admin, page, f"{page}/reset")
    db.session.refresh(template)
    assert (template.is_active, template.version, template.title_template) == (
        True,
        3,
        "New job: {{job_title}}",
    )
    assert send(admin, page, f"{page}/deletion").location == LIST
    assert db.session.get(NotificationTemplate, template.id) is not None


def test_undeclared_variables_must_be_confirmed_before_publishing(admin: FlaskClient, bob: User) -> None:
    page = send(admin, LIST, LIST, name="Maintenance", notification_type="system_alert").location
    custom = db.session.scalars(select(NotificationTemplate).filter_by(name="Maintenance")).one()
    save_draft(admin, custom, title_template="Down: {{ service }}")
    review = admin.get(f"{page}/publication").text
    assert "Callers will supply “service”" in review
    refused = send(admin, page, f"{page}/publication")
    assert (refused.status_code, "No caller supplies service." in refused.text) == (422, True)
    assert send(admin, page, f"{page}/publication", brings="service").status_code == 302
    save_draft(admin, custom, title_template="Down now: {{ service }}")
    assert "Callers will supply" not in admin.get(f"{page}/publication").text, "confirmed once is enough"
