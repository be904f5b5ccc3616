"""Admin pages for the list of templates, the editor and its preview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from app import catalog
from app.forms.templates import PreviewOptions, TemplateForm
from app.services.base.errors import Invalid, LimitReached, NotFound
from app.services.sending.email import SiteIdentity
from app.services.templates import drafts as template_drafts
from app.services.templates import management as template_management
from app.services.templates import preview as template_preview
from app.services.templates import samples as template_samples
from app.services.templates import test_send
from app.services.templates import validation as template_validation
from app.services.templates import versions as template_versions
from app.services.templates.drafts import TemplateContent
from app.views.web import htmx
from app.views.web.auth import admin_required, current_user
from app.views.web.mail_frame import frame_email

if TYPE_CHECKING:
    from app.models import NotificationTemplate

bp = Blueprint("templates", __name__, url_prefix="/admin/templates")

TEMPLATE = "/<row_id:template_id>"


@bp.get("")
@admin_required
def index(**context: Any) -> str:
    search = request.args.get("q", "").strip()[:100]
    defaults = {
        "templates": template_management.list_templates(search),
        "drafts": template_management.ids_with_drafts(current_user),
        "search": search,
        "types": {name: notification_type.label for name, notification_type in catalog.TYPES.items()},
        "is_creating": "new" in request.args,
        "errors": {},
        "name": "",
        "type": "system_alert",
    }
    return render_template("templates/index.html", **(defaults | context))


@bp.post("")
@admin_required
def create() -> Redirect | tuple[str, int]:
    name, notification_type = request.form.get("name", ""), request.form.get("notification_type", "")
    try:
        template = template_management.create(name, notification_type, actor=current_user)
    except Invalid as error:
        return index(is_creating=True, errors=error.errors, name=name, type=notification_type), 422
    return redirect(url_for(".show", template_id=template.id))


@bp.get(TEMPLATE)
@admin_required
def show(template_id: int) -> str:
    return render_template("templates/show.html", **_editor(template_id, PreviewOptions.read(request.args)))


@bp.post(f"{TEMPLATE}/draft")
@admin_required
def draft(template_id: int) -> Response | Redirect:
    form, options, errors = TemplateForm.read(request.form), PreviewOptions.read(request.form), {}
    try:
        template_drafts.save(template_id, form.content, form.base_version, author=current_user)
    except Invalid as error:
        errors = error.errors
    if errors or htmx.is_partial():
        context = _editor(template_id, options, typed=form if errors else None, errors=errors)
        page = "templates/draft.hx.html" if htmx.is_partial() else "templates/show.html"
        return htmx.vary(render_template(page, **context), 422 if errors else 200)
    if "review" in request.form:
        return redirect(url_for("template_versions.review", template_id=template_id))
    flash(_("Your draft is saved."))
    return _back(template_id, options)


@bp.post(f"{TEMPLATE}/test")
@admin_required
def test(template_id: int) -> Redirect:
    form, options = TemplateForm.read(request.form), PreviewOptions.read(request.form)
    template = template_management.get(template_id)
    try:
        template_drafts.save(template_id, form.content, form.base_version, author=current_user)
        test_send.send_test(template, form.content, _data(template, options), actor=current_user)
        flash(_("Your test is queued."))
    except Invalid as error:
        flash(_("Couldn't send a test: %(reason)s", reason=" ".join(error.errors.values())), "error")
    except LimitReached as error:
        flash(str(error), "error")
    return _back(template_id, options)


@bp.get(f"{TEMPLATE}/mail")
@admin_required
def mail(template_id: int) -> Response:
    template, options = template_management.get(template_id), PreviewOptions.read(request.args)
    draft = template_drafts.find(template_id, current_user)
    html = template_preview.email_html(
        template,
        TemplateContent.from_row(draft or template),
        _data(template, options),
        current_user,
        SiteIdentity.from_config(current_app.config),
        is_dark=options.is_dark,
    )
    return frame_email(html)


def _editor(
    template_id: int,
    options: PreviewOptions,
    *,
    typed: TemplateForm | None = None,
    errors: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Build the editor's context: the content as typed, else of the draft, else of the live version."""
    template = template_management.get(template_id)
    draft = template_drafts.find(template_id, current_user)
    if typed:
        content, base_version = typed.content, typed.base_version
    elif draft:
        content, base_version = TemplateContent.from_row(draft), draft.base_version
    else:
        content, base_version = TemplateContent.from_row(template), template.version
    return {
        "template": template,
        "draft": draft,
        "base_version": base_version,
        "content": content,
        "errors": template_validation.find_errors(template, content) | (errors or {}),
        "is_unsaved": bool(errors),
        "preview_options": options,
        "samples": template_samples.list_choices(
            template.notification_type, time_zone=current_user.time_zone, locale=current_user.locale
        ),
        "preview": template_preview.preview(
            template,
            content,
            _data(template, options),
            current_user,
            SiteIdentity.from_config(current_app.config),
        ),
        "variables": template_validation.variables(template),
        "used": template_validation.variables_used(content),
        "versions": template_versions.list_versions(template),
        "labels": template_versions.LABELS,
        "others": template_drafts.drafts_of_others(template_id, current_user),
        "sender": current_app.config["MAIL_DEFAULT_SENDER"],
    }


def _data(template: NotificationTemplate, options: PreviewOptions) -> dict[str, Any]:
    """Load the chosen sample's values; the default sample when its event has been deleted."""
    try:
        return template_samples.sample_data(template.notification_type, options.sample)
    except NotFound:
        return template_samples.sample_data(template.notification_type, "sample")


def _back(template_id: int, options: PreviewOptions) -> Redirect:
    return redirect(url_for(".show", template_id=template_id, **options.params()))
