"""Admin pages that list, edit, preview and delete templates, driven as plain forms."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app import catalog
from app.database.base import db
from app.models import AuditEntry, Delivery, NotificationTemplate, TemplateDraft, User
from app.services.templates import drafts as template_drafts
from tests.views.admin.template_forms import LIST, editor_form, save_draft
from tests.views.forms import send


def type_draft(client: FlaskClient, page: str, values: dict[str, Any]) -> TestResponse:
    """Send the form as the editor does while the admin types."""
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
    assert set(db.session.scalars(select(AuditEntry.action))) <= {"csrf.refused"}


def test_a_missing_template_or_version_is_a_404(admin: FlaskClient, page: str) -> None:
    for path in (f"{LIST}/999", f"{LIST}/999/mail", f"{page}/comparison?old=9", f"{page}/comparison?old=x"):
        assert admin.get(path).status_code == 404
    assert admin.get(f"{LIST}/99999999999999999999").status_code == 404


def test_the_list_is_searched_by_name_and_text(admin: FlaskClient) -> None:
    assert admin.get(LIST).text.count('class="item"') == len(catalog.TYPES)
    assert admin.get(f"{LIST}?q=opened+a+new").text.count('class="item"') == 1
    assert "No template contains" in admin.get(f"{LIST}?q=%25%25").text


def test_an_untouched_form_makes_no_draft(admin: FlaskClient, template: NotificationTemplate) -> None:
    save_draft(admin, template)
    assert db.session.scalar(select(func.count(TemplateDraft.id))) == 0


def test_line_breaks_are_normalised(admin: FlaskClient, template: NotificationTemplate, bob: User) -> None:
    save_draft(admin, template, message_template="\r\nOne\r\n\r\nTwo", title_template="A\r\nB")
    draft = template_drafts.find(template.id, bob)
    assert (draft.message_template, draft.title_template) == ("\nOne\n\nTwo", "A B")


def test_typing_returns_the_preview_with_errors(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    answer = type_draft(
        admin, page, editor_form(template, title_template="Open {{ jobtitle }}") | {"ch": "inapp"}
    )
    assert answer.status_code == 200
    assert "HX-Request" in answer.headers["Vary"]
    assert '<section class="editor__view" id="view"' in answer.text
    assert "<html" not in answer.text
    problem = "Unknown variable “jobtitle”. Did you mean “job_title”?"
    assert answer.text.count(problem) == 1, "beside its field, and nowhere else"
    assert answer.text.index('id="title_template-error"') < answer.text.index(problem)
    assert 'id="state" hx-swap-oob' in answer.text


def test_each_field_shows_its_rendered_length_and_limit(
    admin: FlaskClient, page: str, template: NotificationTemplate
) -> None:
    def counts(html: str) -> dict[str, str]:
        found = re.findall(r'id="(\w+)-count"(.*?)>\s*(?:<span aria-hidden="true">)?([^<]*)<', html)
        return {name: text + (" over" if "data-over" in rest else "") for name, rest, text in found}

    title = len("New job: Staff Data Engineer")
    live = counts(admin.get(page).text)
    assert live["title_template"] == f"{title} / 80"
    assert live["sms_text"].endswith(" / 160")
    values = editor_form(template, title_template="x" * 81, email_subject="s" * 61, sms_text="京" * 80)
    values |= {"email_preheader": "p" * 90}
    typed = counts(type_draft(admin, page, values).text)
    assert typed["email_preheader"] == "90 / 90"
    assert (typed["title_template"], typed["email_subject"]) == ("81 / 80 over", "61 / 60 over")
    assert typed["sms_text"] == "70 / 70", "made to fit, in the costly alphabet"
    broken = type_draft(admin, page, editor_form(template, title_template="{{ nothing }}"))
    assert set(counts(broken.text).values()) == {""}


def test_a_rejected_draft_keeps_the_input(admin: FlaskClient, template: NotificationTemplate) -> None:
    answer = save_draft(admin, template, title_template="x" * 256)
    assert answer.status_code == 422
    assert "x" * 256 in answer.text
    assert "longer than 255" in answer.text
    assert "Not saved" in answer.text


def test_a_test_goes_to_the_admin_through_the_outbox(
    admin: FlaskClient, page: str, template: NotificationTemplate, bob: User
) -> None:
    values = editor_form(template, title_template="Draft: {{ job_title }}")
    assert send(admin, page, f"{page}/test", **values).location == page
    mail = db.session.scalar(select(Delivery).where(Delivery.channel == "email"))
    assert (mail.recipient_id, mail.state, mail.subject) == (
        bob.id,
        "pending",
        "Test: Draft: Staff Data Engineer",
    )
    send(admin, page, f"{page}/test", **editor_form(template, title_template="{{ nope }}"))
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


def test_a_custom_template_is_created_and_deleted(admin: FlaskClient, bob: User) -> None:
    answer = send(admin, LIST, LIST, name="Maintenance", notification_type="system_alert")
    custom = answer.location
    assert "Maintenance" in admin.get(custom).text
    again = send(admin, LIST, LIST, name="Maintenance", notification_type="system_alert")
    assert again.status_code == 422
    assert "A template with this name already exists." in again.text
    assert send(admin, custom, f"{custom}/reset").location == LIST
    assert send(admin, custom, f"{custom}/deletion").location == LIST
    assert admin.get(custom).status_code == 404


def test_markup_in_templates_is_escaped_on_every_page(
    admin: FlaskClient, page: str, template: NotificationTemplate, bob: User
) -> None:
    evil = "</textarea><script>alert(1)</script><!--"
    save_draft(
        admin,
        template,
        **dict.fromkeys(("title_template", "message_template", "sms_text", "email_html"), evil),
    )
    for path in ("", "/publication", "/comparison?old=1&new=draft", "/mail"):
        assert "<script>alert" not in admin.get(f"{page}{path}").text, path
    assert send(admin, page, f"{page}/publication", note=evil).status_code == 302
    for path in (page, LIST, f"{page}/comparison?old=1", f"{page}/mail", "/admin/audit"):
        assert "<script>alert" not in admin.get(path).text, path
