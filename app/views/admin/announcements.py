"""Admin pages to write, preview, send, follow and cancel announcements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from app.clock import utc_now
from app.forms.announcements import AnnouncementForm
from app.forms.integers import parse_integer
from app.rendering.dates import zone
from app.services.announcements import management as announcement_management
from app.services.announcements import preview as announcement_preview
from app.services.announcements import progress as announcement_progress
from app.services.announcements import validation as announcement_validation
from app.services.base.errors import Conflict, Invalid
from app.services.deliveries import log as delivery_log
from app.services.routing import wording
from app.services.sending.email import SiteIdentity
from app.services.templates import management as template_management
from app.services.templates import validation as template_validation
from app.services.templates.drafts import TemplateContent
from app.views.presenters import announcement_rows
from app.views.web import htmx
from app.views.web.auth import admin_required, current_user
from app.views.web.mail_frame import frame_email

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.services.announcements.preview import AnnouncementPreview

bp = Blueprint("announcements", __name__, url_prefix="/admin/announcements")

ANNOUNCEMENT = "/<int(max=9223372036854775807):announcement_id>"


@bp.get("")
@admin_required
def index() -> str:
    page = announcement_management.page(before=request.args.get("before", type=parse_integer))
    return render_template(
        "announcements/index.html",
        rows=[announcement_rows.build_row(announcement) for announcement in page.rows],
        older=page.older,
    )


@bp.get("/new")
@admin_required
def new() -> str:
    name = request.args.get("template_name", "").replace("\0", "")
    template = wording.by_name(name or "system_alert")
    form = AnnouncementForm(
        template_name=name,
        notification_type=template.notification_type,
        priority=template.priority if name else "medium",
        channels=tuple(template.channels),
    )
    return _form_page(form)


@bp.post("/preview")
@admin_required
def preview() -> Response:
    """Render the preview pane, or without scripts the whole page with form and preview."""
    form = AnnouncementForm.read(request.form)
    preview = announcement_preview.preview(_to_request(form), current_user)
    if htmx.is_partial():
        missing = announcement_rows.describe_errors(preview.errors)
        return htmx.vary(render_template("announcements/_preview.html", preview=preview, missing=missing))
    return htmx.vary(_form_page(form, preview, preview.errors), 422 if preview.errors else 200)


@bp.post("/mail")
@admin_required
def mail() -> Response:
    """Render the email for the frame in the preview."""
    announcement, site = (
        _to_request(AnnouncementForm.read(request.form)),
        SiteIdentity.from_config(current_app.config),
    )
    return frame_email(announcement_preview.email_html(announcement, current_user, site))


@bp.post("")
@admin_required
def create() -> Redirect | tuple[str, int]:
    form = AnnouncementForm.read(request.form)
    requested = _to_request(form)
    try:
        # An admin only sends to the number of people that the preview showed; -1 matches no audience.
        expected = -1 if form.seen is None else form.seen
        announcement = announcement_management.create(
            current_user, requested, key=form.key, expected=expected
        )
    except Invalid as error:
        return _form_page(form, announcement_preview.preview(requested, current_user), error.errors), 422
    except Conflict as error:
        preview = announcement_preview.preview(requested, current_user)
        return _form_page(form.with_new_key(), preview, {"general": str(error)}), 409
    flash(announcement_rows.describe_created(announcement))
    return redirect(url_for(".show", announcement_id=announcement.id), 303)


@bp.get(ANNOUNCEMENT)
@admin_required
def show(announcement_id: int) -> Response:
    announcement = announcement_management.get(announcement_id)
    counts = announcement_progress.count_deliveries(announcement)
    is_scheduled = announcement_progress.is_scheduled(announcement, utc_now())
    waiting = sum(counter["waiting"] for counter in counts.values())
    template = "announcements/_progress.html" if htmx.is_partial() else "announcements/show.html"
    return htmx.vary(
        render_template(
            template,
            row=announcement_rows.build_row(announcement),
            counts=counts,
            outcomes=delivery_log.OUTCOMES,
            texts=announcement_preview.render_texts(announcement, current_user),
            is_busy=announcement.state == "writing" or (waiting > 0 and not is_scheduled),
        )
    )


@bp.post(f"{ANNOUNCEMENT}/cancellation")
@admin_required
def cancel(announcement_id: int) -> Redirect:
    try:
        announcement = announcement_management.cancel(current_user, announcement_id)
    except Conflict as error:
        flash(str(error), "error")
    else:
        flash(announcement_rows.describe_cancelled(announcement.written))
    return redirect(url_for(".show", announcement_id=announcement_id), 303)


def _to_request(form: AnnouncementForm) -> announcement_validation.AnnouncementRequest:
    return form.to_request(zone(current_user.time_zone))


def _form_page(
    form: AnnouncementForm,
    preview: AnnouncementPreview | None = None,
    errors: Mapping[str, str] | None = None,
) -> str:
    variables: list[str] = []
    if form.template_name:
        template = wording.by_name(form.template_name)
        variables = template_validation.variables_in_order(template, TemplateContent.of(template))
    return render_template(
        "announcements/new.html",
        form=form,
        preview=preview,
        missing=announcement_rows.describe_errors(preview.errors) if preview else [],
        errors=announcement_rows.errors_by_field(errors or {}),
        variables=variables,
        offered_types=announcement_validation.ANNOUNCEABLE_TYPES,
        templates=[template for template in template_management.list_templates() if template.is_active],
    )
