"""Admin pages for accounts and for the audit log."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.forms.accounts import InvitationForm
from app.forms.people import AuditQuery, PeopleQuery
from app.services.accounts import administration
from app.services.base import audit
from app.services.base.errors import Conflict, Forbidden, Invalid
from app.views.web.auth import admin_required, current_user

bp = Blueprint("people", __name__, url_prefix="/admin")

PERSON = "/users/<int(max=9223372036854775807):user_id>"


@bp.get("/users")
@admin_required
def index(**context: Any) -> str:
    query = PeopleQuery.read(request.args)
    page = administration.page_for(query.search, after=query.after, before=query.before)
    defaults = {"query": query, "page": page, "form": InvitationForm(), "errors": {}}
    return render_template("people/index.html", **(defaults | context))


@bp.post("/users")
@admin_required
def invite() -> Response | tuple[str, int]:
    form = InvitationForm.read(request.form)
    try:
        user = administration.invite(form.email, form.name, form.role, actor=current_user)
    except Invalid as error:
        return index(form=form, errors=error.errors), 422
    flash(_("The invite to %(email)s is queued.", email=user.email))
    return redirect(url_for(".index", q=user.email))


@bp.post(f"{PERSON}/invitation")
@admin_required
def resend_invitation(user_id: int) -> Response:
    user = administration.resend_invitation(user_id, actor=current_user)
    return _back(_("Another invite to %(email)s is queued.", email=user.email))


@bp.post(f"{PERSON}/role")
@admin_required
def set_role(user_id: int) -> Response:
    user = administration.set_role(user_id, request.form.get("role", ""), actor=current_user)
    if user.is_admin:
        return _back(_("%(name)s is now an admin.", name=user.name))
    return _back(_("%(name)s is now a recruiter.", name=user.name))


@bp.post(f"{PERSON}/deactivation")
@admin_required
def deactivate(user_id: int) -> Response:
    user = administration.deactivate(user_id, actor=current_user)
    return _back(_("%(name)s is deactivated and signed out everywhere.", name=user.name))


@bp.post(f"{PERSON}/reactivation")
@admin_required
def reactivate(user_id: int) -> Response:
    user = administration.reactivate(user_id, actor=current_user)
    return _back(_("%(name)s can sign in again.", name=user.name))


@bp.get("/audit")
@admin_required
def audit_log() -> str:
    query = AuditQuery.read(request.args)
    page = audit.page_for(action=query.action, person=query.person, before=query.before)
    return render_template("people/audit.html", query=query, page=page, actions=audit.actions())


@bp.errorhandler(Forbidden)
@bp.errorhandler(Conflict)
def declined(error: Forbidden | Conflict) -> Response:
    """Show the reason on the list, which has the person's current state."""
    flash(str(error), "error")
    return redirect(url_for(".index"))


def _back(text: str) -> Response:
    """Return to the page of the list that the button was on."""
    flash(text)
    return redirect(url_for(".index", **PeopleQuery.read(request.args).params()))
