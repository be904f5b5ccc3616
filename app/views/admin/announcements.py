"""Announcements: written, looked at, sent to many, watched, and taken back. For admins."""

from __future__ import annotations

from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from app.clock import utc_now
from app.forms.announcements import AnnouncementForm
from app.forms.integers import parse_integer
from app.rendering.dates import zone
from app.services.announcements import (
    management as announcement_management,
)
from app.services.announcements import (
    preview as announcement_preview,
)
from app.services.announcements import (
    progress as announcement_progress,
)
from app.services.announcements import (
    validation as announcement_validation,
)
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

bp = Blueprint("announcements", __name__, url_prefix="/admin/announcements")

ANNOUNCEMENT = "/<int(max=9223372036854775807):announcement_id>"


@bp.get("")
@admin_required
def index() -> str:
    page = announcement_management.page(before=request.args.get("before", type=parse_integer))
    return render_template(
        "announcements/index.html",
        lines=[announcement_rows.build_row(row) for row in page.rows],
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
    """How it reads so far: the pane beside the form, or with scripts off the page with both."""
    form = AnnouncementForm.read(request.form)
    shown = announcement_preview.preview(_wanted(form), current_user)
    if htmx.is_partial():
        missing = announcement_rows.missing(shown.errors)
        return htmx.vary(render_template("announcements/_preview.html", preview=shown, missing=missing))
    return htmx.vary(_form_page(form, shown, shown.errors), 422 if shown.errors else 200)


@bp.post("/mail")
@admin_required
def mail() -> Response:
    """The mail as it would be read, for the frame in the preview."""
    wanted, sender = _wanted(AnnouncementForm.read(request.form)), SiteIdentity.of(current_app.config)
    return frame_email(announcement_preview.mail_html(wanted, current_user, sender))


@bp.post("")
@admin_required
def create() -> Redirect | tuple[str, int]:
    form = AnnouncementForm.read(request.form)
    wanted = _wanted(form)
    try:
        # Nobody sends to a number of people that they were not told.
        expected = -1 if form.seen is None else form.seen
        made = announcement_management.create(current_user, wanted, key=form.key, expected=expected)
    except Invalid as error:
        return _form_page(form, announcement_preview.preview(wanted, current_user), error.errors), 422
    except Conflict as error:
        shown = announcement_preview.preview(wanted, current_user)
        return _form_page(form.renewed(), shown, {"general": str(error)}), 409
    is_ahead = announcement_progress.is_ahead(made, utc_now())
    flash(_("Scheduled. It can be cancelled until then.") if is_ahead else _("It is on its way."))
    return redirect(url_for(".show", announcement_id=made.id), 303)


@bp.get(ANNOUNCEMENT)
@admin_required
def show(announcement_id: int) -> Response:
    row = announcement_management.get(announcement_id)
    counts = announcement_progress.counts(row)
    is_ahead = announcement_progress.is_ahead(row, utc_now())
    waiting = sum(counter["waiting"] for counter in counts.values())
    template = "announcements/_progress.html" if htmx.is_partial() else "announcements/show.html"
    return htmx.vary(
        render_template(
            template,
            line=announcement_rows.build_row(row),
            counts=counts,
            outcomes=delivery_log.OUTCOMES,
            texts=announcement_preview.texts_for(row, current_user),
            is_busy=row.state == "writing" or (waiting > 0 and not is_ahead),
        )
    )


@bp.post(f"{ANNOUNCEMENT}/cancellation")
@admin_required
def cancel(announcement_id: int) -> Redirect:
    try:
        row = announcement_management.cancel(current_user, announcement_id)
    except Conflict as error:
        flash(str(error), "error")
    else:
        flash(announcement_rows.cancelled(row.written))
    return redirect(url_for(".show", announcement_id=announcement_id), 303)


def _wanted(form: AnnouncementForm) -> announcement_validation.AnnouncementRequest:
    return form.wanted(zone(current_user.time_zone))


def _form_page(form: AnnouncementForm, shown: Any = None, errors: Any = None) -> str:
    template = wording.by_name(form.template_name) if form.template_name else None
    return render_template(
        "announcements/new.html",
        form=form,
        preview=shown,
        missing=announcement_rows.missing(shown.errors) if shown else [],
        errors=announcement_rows.errors_by_field(errors or {}),
        variables=template_validation.variables_in_order(template, TemplateContent.of(template))
        if template
        else [],
        offered=announcement_validation.OFFERED,
        choices=[template for template in template_management.list_templates() if template.is_active],
    )
