"""Admin pages that list, edit, preview and delete templates, driven as plain forms."""

from __future__ import annotations

import html
import re
from dataclasses import asdict
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.database.base import db
from app.models import AuditEntry, Delivery, NotificationTemplate, TemplateDraft, User
from app.services.routing import wording
from app.services.templates import drafts as template_drafts
from app.services.templates.drafts import TemplateContent
from tests.support import factories
from tests.views.forms import send

LIST = "/admin/templates"


@pytest.fixture
def template(app: Flask) -> NotificationTemplate:
    return wording.by_name("job_created")


@pytest.fixture
def page(template: NotificationTemplate) -> str:
    return f"{LIST}/{template.id}"


@pytest.fixture
def admin(sign_in, bob: User) -> FlaskClient:
    return sign_in(bob)


def form(template: NotificationTemplate, **changes: Any) -> dict[str, Any]:
    """What the editor sends."""
    values = asdict(TemplateContent.of(template)) | {"base_version": template.version} | changes
    return values | {"channels": list(values["channels"])}


def save(client: FlaskClient, template: NotificationTemplate, **changes: Any) -> TestResponse:
    page = f"{LIST}/{template.id}"
    return send(client, page, f"{page}/draft", **form(template, **changes))


def typing(client: FlaskClient, page: str, values: dict[str, Any]) -> TestResponse:
    """What the editor gets while one types."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)[1]
    data = values | {"csrf_token": token}
    return client.post(f"{page}/draft", data=data, headers={"HX-Request": "true"})


CHANGES = ("draft", "test", "publication", "restoration", "reset", "deletion")
ACTIONS = (*CHANGES, "draft/base", "draft/removal", "activation", "deactivation")


def test_templates_are_for_admins_only(
    sign_in, client: FlaskClient, alice: User, page: str, template: NotificationTemplate
) -> None:
    before = template.version, template.is_active
    for path in (LIST, page, f"{page}/mail", f"{page}/publication", f"{page}/comparison?old=1"):
        assert client.get(path).location.startswith("/sign-in")
        assert sign_in(alice).get(path).status_code == 403
    recruiter = sign_in(alice)
    recruiter.application.config["WTF_CSRF_ENABLED"] = False
    for action in ("", *(f"/{template.id}/{name}" for name in ACTIONS)):
        assert recruiter.post(f"{LIST}{action}").status_code == 403
    db.session.refresh(template)
    assert (template.version, template.is_active) == before


@pytest.mark.parametrize("action", ACTIONS)
def test_every_change_needs_a_post_with_a_token(
    admin: FlaskClient, page: str, template: NotificationTemplate, action: str
) -> None:
    assert admin.post(f"{page}/{action}").status_code == 400
    if action != "publication":
        assert admin.get(f"{page}/{action}").status_code == 405
    assert db.session.scalar(select(func.count(AuditEntry.id))) == 0


def test_a_missing_template_or_version_is_a_404(admin: FlaskClient, page: str) -> None:
    for path in (f"{LIST}/999", f"{LIST}/999/mail", f"{page}/comparison?old=9", f"{page}/comparison?old=x"):
        assert admin.get(path).status_code == 404
    assert admin.get(f"{LIST}/99999999999999999999").status_code == 404


def test_the_list_is_searched_by_name_and_text(admin: FlaskClient) -> None:
    assert admin.get(LIST).text.count('class="item"') == 13
    assert admin.get(f"{LIST}?q=opened+a+new").text.count('class="item"') == 1
    assert "No template matches" in admin.get(f"{LIST}?q=%25").text


def test_a_draft_is_saved_with_scripts_off_and_published_after_a_review(
    admin: FlaskClient, page: str, template: NotificationTemplate, bob: User
) -> None:
    answer = save(admin, template, title_template="Open: {{ job_title }}")
    assert answer.location == page
    shown = admin.get(page).text
    assert "v2 draft" in shown
    assert "Open: {{ job_title }}" in shown
    assert (
        save(admin, template, title_template="Open: {{ job_title }}", review="1").location
        == f"{page}/publication"
    )
    review = admin.get(f"{page}/publication").text
    assert "<ins>Open</ins>" in review
    assert "<del>New Job</del>" in review
    assert send(admin, page, f"{page}/publication", note="shorter").location == page
    db.session.refresh(template)
    assert (template.version, template.title_template) == (2, "Open: {{ job_title }}")
    shown = admin.get(page).text
    assert "shorter" in shown
    assert "v3 draft" not in shown


def test_an_untouched_form_makes_no_draft(admin: FlaskClient, template: NotificationTemplate) -> None:
    save(admin, template)
    assert db.session.scalar(select(func.count(TemplateDraft.id))) == 0


def test_line_breaks_are_normalised(admin: FlaskClient, template: NotificationTemplate, bob: User) -> None:
    save(admin, template, message_template="\r\nOne\r\n\r\nTwo", title_template="A\r\nB")
    draft = template_drafts.find(template.id, bob)
    assert (draft.message_template, draft.title_template) == ("\nOne\n\nTwo", "A B")


def test_typing_returns_the_preview_with_errors(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    answer = typing(admin, page, form(template, title_template="Open {{ jobtitle }}") | {"ch": "inapp"})
    assert answer.status_code == 200
    assert "HX-Request" in answer.headers["Vary"]
    assert '<section class="editor__view" id="view"' in answer.text
    assert "<html" not in answer.text
    assert "There is no variable “jobtitle”." in answer.text
    assert 'id="state" hx-swap-oob' in answer.text


def test_each_field_shows_its_rendered_length_and_limit(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    def counts(html: str) -> dict[str, str]:
        found = re.findall(r'id="(\w+)-count"(.*?)>\s*(?:<span aria-hidden="true">)?([^<]*)<', html)
        return {name: text + (" over" if "data-over" in rest else "") for name, rest, text in found}

    title = len("New Job: Staff Data Engineer")
    live = counts(admin.get(page).text)
    assert live["title_template"] == f"{title} / 80"
    assert live["sms_text"].endswith(" / 160")
    values = form(template, title_template="x" * 81, email_subject="s" * 61, sms_text="京" * 80)
    typed = counts(typing(admin, page, values).text)
    assert (typed["title_template"], typed["email_subject"]) == ("81 / 80 over", "61 / 60 over")
    assert typed["sms_text"] == "70 / 70", "made to fit, in the costly alphabet"
    broken = typing(admin, page, form(template, title_template="{{ nothing }}"))
    assert set(counts(broken.text).values()) == {""}


def test_a_rejected_draft_keeps_the_input(admin: FlaskClient, template: NotificationTemplate) -> None:
    answer = save(admin, template, title_template="x" * 256)
    assert answer.status_code == 422
    assert "x" * 256 in answer.text
    assert "longer than 255" in answer.text
    assert "Not saved" in answer.text


def test_a_draft_with_errors_is_saved_but_cannot_be_published(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    save(admin, template, message_template="{% if %}")
    assert "This can't be published yet." in admin.get(page).text
    answer = send(admin, page, f"{page}/publication")
    assert answer.status_code == 422
    assert wording.by_name("job_created").version == 1


def test_a_draft_changed_after_review_is_not_published(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    save(admin, template, title_template="As reviewed")
    read = re.search(r'name="reviewed" value="([^"]+)"', admin.get(f"{page}/publication").text)
    assert read
    stamp = html.unescape(read[1])
    save(admin, template, title_template="Typed in another tab")
    answer = send(admin, page, f"{page}/publication", reviewed=stamp)
    assert answer.status_code == 409
    assert "changed after you reviewed it" in answer.text
    assert "<ins>Typed" in answer.text
    assert wording.by_name("job_created").version == 1


def test_a_version_conflict_shows_both_texts_and_can_be_resolved(
    app: Flask, sign_in, page: str, template: NotificationTemplate, bob: User
) -> None:
    first, second = sign_in(bob), sign_in(factories.user("dana@example.test", "Dana Weiss", role="admin"))
    save(first, template, title_template="Bob says")
    save(second, template, title_template="Dana says")
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
    old = form(template)
    save(admin, template, title_template="Second")
    send(admin, page, f"{page}/publication")
    send(admin, page, f"{page}/draft", **(old | {"title_template": "From the old page"}))
    assert send(admin, page, f"{page}/publication").status_code == 409


def test_a_draft_can_be_discarded(admin: FlaskClient, page: str, template: NotificationTemplate) -> None:
    save(admin, template, title_template="Mine")
    assert send(admin, page, f"{page}/draft/removal").location == page
    assert "Mine" not in admin.get(page).text


def test_versions_are_compared_and_restored(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    save(admin, template, title_template="Second")
    send(admin, page, f"{page}/publication")
    shown = admin.get(f"{page}/comparison?old=1").text
    assert "<del>New Job: {{job_title}}</del><ins>Second</ins>" in shown
    assert send(admin, page, f"{page}/restoration", number=1).location == page
    assert "v3 draft" in admin.get(page).text
    save(admin, template, title_template="Third", base_version=2)
    assert send(admin, page, f"{page}/restoration", number=1).status_code == 409
    assert send(admin, page, f"{page}/restoration", number=1, replaces="1").location == page
    assert send(admin, page, f"{page}/restoration", number=99).status_code == 404
    assert send(admin, page, f"{page}/restoration", number="x").status_code == 404
    send(admin, page, f"{page}/restoration", number=2, replaces="1")
    assert "This text is already live." in admin.get(page).text


def test_a_test_goes_to_the_admin_through_the_outbox(
    admin: FlaskClient, page: str, template: NotificationTemplate, bob: User
) -> None:
    values = form(template, title_template="Draft: {{ job_title }}")
    assert send(admin, page, f"{page}/test", **values).location == page
    mail = db.session.scalar(select(Delivery).where(Delivery.channel == "email"))
    assert (mail.recipient_id, mail.state, mail.subject) == (
        bob.id,
        "pending",
        "Test: Draft: Staff Data Engineer",
    )
    send(admin, page, f"{page}/test", **form(template, title_template="{{ nope }}"))
    assert db.session.scalar(select(func.count(Delivery.id)).where(Delivery.channel == "email")) == 1
    assert "Couldn&#39;t send a test" in admin.get(page).text


def test_the_email_preview_allows_styles_only(admin: FlaskClient, page: str) -> None:
    answer = admin.get(f"{page}/mail?pv=dark&sample=long")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "<script" not in answer.text


def test_a_missing_sample_falls_back_to_the_default(admin: FlaskClient, page: str) -> None:
    for sample in ("999", "nonsense", "9" * 50, ""):
        assert "Staff Data Engineer" in admin.get(f"{page}/mail?sample={sample}").text


def test_a_builtin_template_can_be_turned_off_and_reset_but_not_deleted(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    send(admin, page, f"{page}/deactivation")
    assert "v1, off" in admin.get(page).text
    send(admin, page, f"{page}/activation")
    save(admin, template, title_template="Mine")
    send(admin, page, f"{page}/publication")
    send(admin, page, f"{page}/reset")
    db.session.refresh(template)
    assert (template.is_active, template.version, template.title_template) == (
        True,
        3,
        "New Job: {{job_title}}",
    )
    assert send(admin, page, f"{page}/deletion").location == LIST
    assert db.session.get(NotificationTemplate, template.id) is not None


def test_a_custom_template_is_created_and_deleted(admin: FlaskClient, bob: User) -> None:
    answer = send(admin, LIST, LIST, name="Maintenance", notification_type="system_alert")
    custom = answer.location
    assert "Maintenance" in admin.get(custom).text
    again = send(admin, LIST, LIST, name="Maintenance", notification_type="system_alert")
    assert again.status_code == 422
    assert "There is a template of this name already." in again.text
    assert send(admin, custom, f"{custom}/reset").location == LIST
    assert send(admin, custom, f"{custom}/deletion").location == LIST
    assert admin.get(custom).status_code == 404


def test_undeclared_variables_must_be_confirmed_before_publishing(admin: FlaskClient, bob: User) -> None:
    page = send(admin, LIST, LIST, name="Maintenance", notification_type="system_alert").location
    custom = db.session.scalars(select(NotificationTemplate).filter_by(name="Maintenance")).one()
    save(admin, custom, title_template="Down: {{ service }}")
    review = admin.get(f"{page}/publication").text
    assert "Callers will supply “service”" in review
    refused = send(admin, page, f"{page}/publication")
    assert (refused.status_code, "Nobody brings a value for: service." in refused.text) == (422, True)
    assert send(admin, page, f"{page}/publication", brings="service").status_code == 302
    save(admin, custom, title_template="Down now: {{ service }}")
    assert "Callers will supply" not in admin.get(f"{page}/publication").text, "confirmed once is enough"


def test_markup_in_templates_is_escaped_on_every_page(
    admin: FlaskClient, page: str, template: NotificationTemplate, bob: User
) -> None:
    evil = "</textarea><script>alert(1)</script><!--"
    save(
        admin,
        template,
        **dict.fromkeys(("title_template", "message_template", "sms_text", "email_html"), evil),
    )
    for path in ("", "/publication", "/comparison?old=1&new=draft", "/mail"):
        assert "<script>alert" not in admin.get(f"{page}{path}").text, path
    assert send(admin, page, f"{page}/publication", note=evil).status_code == 302
    for path in (page, LIST, f"{page}/comparison?old=1", f"{page}/mail", "/admin/audit"):
        assert "<script>alert" not in admin.get(path).text, path
