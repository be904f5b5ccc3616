"""Admin pages to review, publish, compare, restore, turn off, reset and delete templates."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.forms.integers import parse_integer
from app.services.base.errors import Conflict, Forbidden, Invalid
from app.services.templates import drafts as template_drafts
from app.services.templates import management as template_management
from app.services.templates import publishing as template_publishing
from app.services.templates import validation as template_validation
from app.services.templates import versions as template_versions
from app.services.templates.drafts import TemplateContent
from app.views.web.auth import admin_required, current_user

bp = Blueprint("template_versions", __name__, url_prefix="/admin/templates")

TEMPLATE = "/<row_id:template_id>"


@bp.get(f"{TEMPLATE}/publication")
@admin_required
def review(template_id: int) -> str | Response | tuple[str, int]:
    template = template_management.get(template_id)
    draft = template_drafts.find(template_id, current_user)
    if draft is None:
        flash(_("Nothing to publish. This content is already live."), "error")
        return _editor(template_id)
    if draft.base_version != template.version:
        return _version_conflict(template_id)
    return _review(template_id)


@bp.post(f"{TEMPLATE}/publication")
@admin_required
def publish(template_id: int) -> str | Response | tuple[str, int]:
    note = request.form.get("note", "")
    try:
        version = template_publishing.publish(
            template_id,
            actor=current_user,
            note=note,
            declared=request.form.getlist("brings"),
            reviewed=request.form.get("reviewed"),
        )
    except Invalid as error:
        return _review(template_id, errors=error.errors, note=note), 422
    except Conflict as error:
        draft = template_drafts.find(template_id, current_user)
        if draft and draft.base_version == template_management.get(template_id).version:
            return _review(template_id, errors={"draft": str(error)}, note=note), 409
        if draft:
            return _version_conflict(template_id)
        flash(_("Nothing to publish. This content is already live."), "error")
        return _editor(template_id)
    flash(_("Version %(number)s is live.", number=version.number))
    return _editor(template_id)


@bp.post(f"{TEMPLATE}/draft/base")
@admin_required
def rebase(template_id: int) -> Response | tuple[str, int]:
    try:
        template_drafts.rebase(
            template_id, request.form.get("version", 0, type=parse_integer), author=current_user
        )
    except Conflict:
        return _version_conflict(template_id)
    if "review" in request.form:
        return redirect(url_for(".review", template_id=template_id))
    return _editor(template_id)


@bp.post(f"{TEMPLATE}/draft/removal")
@admin_required
def discard(template_id: int) -> Response:
    template_drafts.discard(template_id, author=current_user)
    flash(_("Draft discarded. This is the live version."))
    return _editor(template_id)


@bp.get(f"{TEMPLATE}/comparison")
@admin_required
def compare(template_id: int) -> str:
    template = template_management.get(template_id)
    old, new = request.args.get("old", ""), request.args.get("new", str(template.version))
    fields = template_versions.compare(
        template_versions.content_of(template, old, current_user),
        template_versions.content_of(template, new, current_user),
    )
    return render_template("templates/compare.html", template=template, old=old, new=new, fields=fields)


@bp.post(f"{TEMPLATE}/restoration")
@admin_required
def restore(template_id: int) -> Response | tuple[str, int]:
    number, replaces = request.form.get("number", 0, type=parse_integer), "replaces" in request.form
    try:
        draft = template_drafts.restore(template_id, number, author=current_user, replaces_draft=replaces)
    except Conflict:
        return _draft_conflict(template_id, number)
    if draft is None:
        flash(_("Nothing to restore. This content is already live."), "error")
    else:
        flash(_("Version %(number)s copied to your draft. Publish to make it live.", number=number))
    return _editor(template_id)


@bp.post(f"{TEMPLATE}/activation")
@admin_required
def activate(template_id: int) -> Response:
    template = template_publishing.set_active(template_id, is_active=True, actor=current_user)
    flash(_("“%(name)s” is on.", name=template.name))
    return _editor(template_id)


@bp.post(f"{TEMPLATE}/deactivation")
@admin_required
def deactivate(template_id: int) -> Response:
    template = template_publishing.set_active(template_id, is_active=False, actor=current_user)
    flash(_("“%(name)s” is off. No notifications of this type will be sent.", name=template.name))
    return _editor(template_id)


@bp.post(f"{TEMPLATE}/reset")
@admin_required
def reset(template_id: int) -> Response:
    template = template_publishing.reset(template_id, actor=current_user)
    flash(_("Version %(number)s restores the built-in text.", number=template.version))
    return _editor(template_id)


@bp.post(f"{TEMPLATE}/deletion")
@admin_required
def delete(template_id: int) -> Response:
    template_management.delete(template_id, actor=current_user)
    flash(_("Template deleted."))
    return redirect(url_for("templates.index"))


@bp.errorhandler(Forbidden)
def declined(error: Forbidden) -> Response:
    """Show the reason on the list of templates."""
    flash(str(error), "error")
    return redirect(url_for("templates.index"))


def _review(template_id: int, *, errors: dict[str, str] | None = None, note: str = "") -> str:
    template = template_management.get(template_id)
    draft = template_drafts.get(template_id, current_user)
    edited = TemplateContent.from_row(draft)
    draft_errors = template_validation.find_errors(template, edited)
    return render_template(
        "templates/review.html",
        template=template,
        fields=template_versions.compare(TemplateContent.from_row(template), edited),
        rewordings=template_versions.rerender_recent(template, edited),
        errors=draft_errors | (errors or {}),
        is_publishable=not draft_errors,
        undeclared_variables=template_validation.undeclared_variables(template, edited),
        labels=template_versions.LABELS,
        note=note,
        revision=template_publishing.draft_revision(draft),
    )


def _version_conflict(template_id: int) -> tuple[str, int]:
    """Show both texts and three choices when another admin has published in the meantime."""
    template = template_management.get(template_id)
    draft = template_drafts.get(template_id, current_user)
    live, draft_content = TemplateContent.from_row(template), TemplateContent.from_row(draft)
    page = render_template(
        "templates/version_conflict.html",
        template=template,
        draft=draft,
        live=live,
        draft_content=draft_content,
        version=template_versions.list_versions(template)[0],
        fields=template_versions.compare(live, draft_content),
        labels=template_versions.LABELS,
    )
    return page, 409


def _draft_conflict(template_id: int, number: int) -> tuple[str, int]:
    """Show both texts and two choices when restoring a version would replace a draft."""
    template = template_management.get(template_id)
    version_content = template_versions.content_of(template, str(number), current_user)
    draft_content = template_versions.content_of(template, "draft", current_user)
    fields = template_versions.compare(draft_content, version_content)
    page = render_template("templates/draft_conflict.html", template=template, number=number, fields=fields)
    return page, 409


def _editor(template_id: int) -> Response:
    return redirect(url_for("templates.show", template_id=template_id))
