"""Admin pages to write, preview, send, follow and cancel announcements."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from app import catalog
from app.clock import utc_now
from app.forms.announcements import AnnouncementForm, AnnouncementsQuery
from app.forms.integers import parse_integer
from app.rendering.dates import zone
from app.services.announcements import drafts as announcement_drafts
from app.services.announcements import management as announcement_management
from app.services.announcements import preview as announcement_preview
from app.services.announcements import progress as announcement_progress
from app.services.announcements import validation as announcement_validation
from app.services.base.errors import Conflict, Invalid, LimitReached, NotFound
from app.services.deliveries import delivery_log
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

    from app.models import Announcement, AnnouncementDraft

bp = Blueprint("announcements", __name__, url_prefix="/admin/announcements")

ANNOUNCEMENT = "/<row_id:announcement_id>"


@bp.get("")
@admin_required
def index() -> str:
    query = AnnouncementsQuery.read(request.args)
    page = announcement_management.page(query.search, query.states, before=query.before)
    return render_template(
        "announcements/index.html",
        query=query,
        states={name: label for name, (_tone, label) in announcement_rows.STATES.items()},
        drafts=announcement_drafts.list_for(current_user),
        rows=[announcement_rows.build_row(announcement) for announcement in page.rows],
        older=page.older,
    )


@bp.get("/new")
@admin_required
def new() -> str:
    if draft_id := request.args.get("draft", type=parse_integer):
        draft = announcement_drafts.get(current_user, draft_id)
        return _form_page(_keep_usable(AnnouncementForm.from_draft(draft.id, draft.form)))
    if copied_id := request.args.get("copy", type=parse_integer):
        copied = announcement_management.get(copied_id)
        return _form_page(replace(_keep_usable(_form_of(copied)), when="now", deliver_at="", revision=None))
    name = request.args.get("template_name", "")
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
    page = _form_page(
        form, errors=preview.errors, edited_id=request.form.get("edited_id", type=parse_integer)
    )
    return htmx.vary(page, 422 if preview.errors else 200)


@bp.post("/drafts")
@admin_required
def save_draft() -> Redirect | Response | tuple[str, int]:
    """Save the form as a draft; for htmx, which saves it as it is filled in, render the preview."""
    form = AnnouncementForm.read(request.form)
    if htmx.is_partial():
        return _save_quietly(form)
    try:
        _save(form)
    except Invalid as error:
        return _form_page(form, errors=error.errors), 422
    flash(_("Draft saved."))
    return redirect(url_for(".index"), 303)


@bp.post("/drafts/<row_id:draft_id>/removal")
@admin_required
def delete_draft(draft_id: int) -> Redirect:
    announcement_drafts.delete(current_user, draft_id)
    flash(_("Draft deleted."))
    return redirect(url_for(".index"), 303)


@bp.post("/test")
@admin_required
def test() -> str | tuple[str, int]:
    """Send a test to the admin, and show the form again, which is saved as a draft."""
    form = AnnouncementForm.read(request.form)
    edited_id = request.form.get("edited_id", type=parse_integer)
    if edited_id is None:
        with suppress(Invalid):
            form = replace(form, draft_id=_save(form).id)
    try:
        announcement_management.send_test(current_user, _to_request(form))
    except Invalid as error:
        return _form_page(form, errors=error.errors, edited_id=edited_id), 422
    except LimitReached as error:
        return _form_page(form, errors={"general": str(error)}, edited_id=edited_id), 429
    flash(_("A test is queued. Only you get it."))
    return _form_page(form, edited_id=edited_id)


@bp.get(f"{ANNOUNCEMENT}/edit")
@admin_required
def edit(announcement_id: int) -> str | Redirect:
    announcement = announcement_management.get(announcement_id)
    if not announcement_rows.build_row(announcement).is_editable:
        return redirect(url_for(".show", announcement_id=announcement_id))
    return _form_page(_form_of(announcement), edited_id=announcement_id)


@bp.post(ANNOUNCEMENT)
@admin_required
def replace_scheduled(announcement_id: int) -> Redirect | tuple[str, int]:
    return _send(announcement_id)


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
    return _send()


def _send(edited_id: int | None = None) -> Redirect | tuple[str, int]:
    """Create an announcement, or replace a scheduled one."""
    form = AnnouncementForm.read(request.form)
    requested = _to_request(form)
    # An admin only sends to the number of people that the preview showed; -1 matches no audience.
    expected = -1 if form.seen is None else form.seen
    try:
        if edited_id is None:
            announcement = announcement_management.create(
                current_user, requested, key=form.key, expected=expected
            )
        else:
            announcement = announcement_management.edit(
                current_user,
                edited_id,
                requested,
                key=form.key,
                revision=form.revision,
                expected=expected,
            )
    except Invalid as error:
        return _form_page(form, errors=error.errors, edited_id=edited_id), 422
    except Conflict as error:
        if edited_id is not None and (page := _edit_conflict(form, edited_id)):
            return page, 409
        errors = {"general": str(error)}
        return _form_page(form.with_new_key(), errors=errors, edited_id=edited_id), 409
    if form.draft_id is not None:
        with suppress(NotFound):
            announcement_drafts.delete(current_user, form.draft_id)
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


def _save(form: AnnouncementForm) -> AnnouncementDraft:
    """Save the form; as a new draft if its own was deleted or sent in another tab. Raises Invalid."""
    with suppress(NotFound):
        return announcement_drafts.save(current_user, form.to_draft(), form.draft_id)
    return announcement_drafts.save(current_user, form.to_draft())


def _save_quietly(form: AnnouncementForm) -> Response:
    draft, errors = None, {}
    if form.has_text or form.draft_id is not None:
        try:
            draft = _save(form)
            form = replace(form, draft_id=draft.id)
        except Invalid as error:
            errors = error.errors
    preview = announcement_preview.preview(_to_request(form), current_user)
    body = render_template(
        "announcements/draft.hx.html",
        form=form,
        draft=draft,
        errors=errors,
        preview=preview,
        missing=announcement_rows.describe_errors(preview.errors),
    )
    response = htmx.vary(body)
    return htmx.replace_address(response, url_for(".new", draft=draft.id)) if draft else response


def _edit_conflict(form: AnnouncementForm, edited_id: int) -> str:
    """Render the form with its differences from another admin's edit; "" if there is none or it is too late to edit."""
    announcement = announcement_management.get(edited_id)
    revision = announcement_management.revision_of(announcement)
    if revision == form.revision or not announcement_rows.build_row(announcement).is_editable:
        return ""
    editor = announcement_management.last_editor(announcement)
    return _form_page(
        replace(form.with_new_key(), revision=revision),
        edited_id=edited_id,
        changed_by=editor.name if editor else _("Another admin"),
        differences=announcement_rows.compare_forms(_form_of(announcement), form),
    )


def _to_request(form: AnnouncementForm) -> announcement_validation.AnnouncementRequest:
    return form.to_request(zone(current_user.time_zone))


def _form_of(announcement: Announcement) -> AnnouncementForm:
    """Fill the form with an announcement; its time is on the admin's clock."""
    row, at = announcement, announcement.deliver_at
    return AnnouncementForm(
        audience=next(name for name in ("everyone", "roles", "people") if name in row.audience),
        roles=tuple(row.audience.get("roles", ())),
        emails="\n".join(announcement_management.addresses_of(row)),
        template_name=row.template_name,
        context={name: str(value) for name, value in row.context.items()},
        notification_type=row.notification_type,
        title=row.title,
        message=row.message,
        priority=row.priority,
        channels=tuple(row.channels or ()),
        action_url=row.action_url,
        when="at" if at else "now",
        deliver_at=f"{at.astimezone(zone(current_user.time_zone)):%Y-%m-%dT%H:%M}" if at else "",
        revision=announcement_management.revision_of(row),
    )


def _keep_usable(form: AnnouncementForm) -> AnnouncementForm:
    """Leave out a template that was deleted since the form was saved."""
    names = {template.name for template in template_management.list_templates()}
    return form if form.template_name in names else replace(form, template_name="", context={})


def _form_page(
    form: AnnouncementForm,
    *,
    errors: Mapping[str, str] | None = None,
    edited_id: int | None = None,
    **context: Any,
) -> str:
    preview = announcement_preview.preview(_to_request(form), current_user)
    # An empty form has no errors yet.
    is_begun = bool(form.title or form.message or form.context or errors)
    variables: list[str] = []
    if form.template_name:
        template = wording.by_name(form.template_name)
        variables = template_validation.variables_in_order(template, TemplateContent.from_row(template))
    return render_template(
        "announcements/new.html",
        form=form,
        preview=preview,
        missing=announcement_rows.describe_errors(preview.errors) if is_begun else [],
        edited_id=edited_id,
        errors=announcement_rows.errors_by_field(errors or {}),
        variables=variables,
        offered_types={
            name: spec.label
            for name, spec in catalog.TYPES.items()
            if name in announcement_validation.ANNOUNCEABLE_TYPES
        },
        templates=[template for template in template_management.list_templates() if template.is_active],
        **context,
    )
