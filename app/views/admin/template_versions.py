"""From a draft to what is live, and back: review, publish, compare, restore, switch off, reset, delete."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.forms.integers import parse_integer
from app.services.base.errors import Conflict, Forbidden, Invalid, NotFound
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
    validation as template_validation,
)
from app.services.templates import (
    versions as template_versions,
)
from app.services.templates.drafts import TemplateContent
from app.views.web.auth import admin_required, current_user

bp = Blueprint("template_versions", __name__, url_prefix="/admin/templates")

TEMPLATE = "/<int(max=9223372036854775807):template_id>"


@bp.get(f"{TEMPLATE}/publication")
@admin_required
def review(template_id: int) -> str | Response | tuple[str, int]:
    template = template_management.get(template_id)
    draft = template_drafts.find(template_id, current_user)
    if draft is None:
        flash(_("There is nothing to publish: what you see is live already."), "error")
        return _editor(template_id)
    if draft.base_version != template.version:
        return _overtaken(template_id)
    return _review(template_id)


@bp.post(f"{TEMPLATE}/publication")
@admin_required
def publish(template_id: int) -> str | Response | tuple[str, int]:
    note, brings = request.form.get("note", "").replace("\0", ""), request.form.getlist("brings")
    reviewed = request.form.get("reviewed")
    try:
        version = template_publishing.publish(
            template_id, actor=current_user, note=note, brings=brings, reviewed=reviewed
        )
    except Invalid as error:
        return _review(template_id, errors=error.errors, note=note), 422
    except Conflict as error:
        draft = template_drafts.find(template_id, current_user)
        if draft and draft.base_version == template_management.get(template_id).version:
            return _review(template_id, errors={"draft": str(error)}, note=note), 409
        if draft:
            return _overtaken(template_id)
        flash(_("There is nothing to publish: what you see is live already."), "error")
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
        return _overtaken(template_id)
    if "review" in request.form:
        return redirect(url_for(".review", template_id=template_id))
    return _editor(template_id)


@bp.post(f"{TEMPLATE}/draft/removal")
@admin_required
def discard(template_id: int) -> Response:
    template_drafts.discard(template_id, author=current_user)
    flash(_("Your draft is gone; these are the words that are live."))
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
        return _in_the_way(template_id, number)
    if draft is None:
        flash(_("There is nothing to publish: these words are live already."), "error")
    else:
        flash(_("The words of version %(number)s are your draft now.", number=number))
    return _editor(template_id)


@bp.post(f"{TEMPLATE}/activation")
@admin_required
def activate(template_id: int) -> Response:
    template = template_management.set_active(template_id, is_active=True, actor=current_user)
    flash(_("“%(name)s” is switched on.", name=template.name))
    return _editor(template_id)


@bp.post(f"{TEMPLATE}/deactivation")
@admin_required
def deactivate(template_id: int) -> Response:
    template = template_management.set_active(template_id, is_active=False, actor=current_user)
    flash(_("“%(name)s” is switched off: nobody is told.", name=template.name))
    return _editor(template_id)


@bp.post(f"{TEMPLATE}/reset")
@admin_required
def reset(template_id: int) -> Response:
    template = template_publishing.reset(template_id, actor=current_user)
    flash(_("Version %(number)s has the built-in words.", number=template.version))
    return _editor(template_id)


@bp.post(f"{TEMPLATE}/deletion")
@admin_required
def delete(template_id: int) -> Response:
    template_management.delete(template_id, actor=current_user)
    flash(_("The template is gone."))
    return redirect(url_for("templates.index"))


@bp.errorhandler(Forbidden)
def declined(error: Forbidden) -> Response:
    """Say no where the template stands as it is."""
    flash(str(error), "error")
    return redirect(url_for("templates.index"))


def _review(template_id: int, *, errors: dict[str, str] | None = None, note: str = "") -> str:
    template = template_management.get(template_id)
    draft = template_drafts.find(template_id, current_user)
    if draft is None:
        raise NotFound(_("You have no draft of this template."))
    edited = TemplateContent.of(draft)
    faults = template_validation.errors(template, edited)
    return render_template(
        "templates/review.html",
        template=template,
        fields=template_versions.compare(TemplateContent.of(template), edited),
        rewordings=template_versions.rerender_recent(template, edited),
        errors=faults | (errors or {}),
        is_publishable=not faults,
        unbrought=template_validation.undeclared_variables(template, edited),
        labels=template_versions.LABELS,
        note=note,
        stamp=template_publishing.draft_revision(draft),
    )


def _overtaken(template_id: int) -> tuple[str, int]:
    """Somebody else published while this admin was typing: both texts, and three ways on."""
    template = template_management.get(template_id)
    draft = template_drafts.find(template_id, current_user)
    if draft is None:
        raise NotFound(_("You have no draft of this template."))
    live, mine = TemplateContent.of(template), TemplateContent.of(draft)
    page = render_template(
        "templates/version_conflict.html",
        template=template,
        draft=draft,
        live=live,
        mine=mine,
        version=template_versions.list_versions(template)[0],
        fields=template_versions.compare(live, mine),
        labels=template_versions.LABELS,
    )
    return page, 409


def _in_the_way(template_id: int, number: int) -> tuple[str, int]:
    """A draft says something else than the version that is to be restored: both texts, and two ways on."""
    template = template_management.get(template_id)
    old = template_versions.content_of(template, str(number), current_user)
    mine = template_versions.content_of(template, "draft", current_user)
    fields = template_versions.compare(mine, old)
    page = render_template("templates/draft_conflict.html", template=template, number=number, fields=fields)
    return page, 409


def _editor(template_id: int) -> Response:
    return redirect(url_for("templates.show", template_id=template_id))
