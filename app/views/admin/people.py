"""Admin pages for accounts and for the audit log."""

from __future__ import annotations

import json
from datetime import tzinfo
from itertools import repeat
from typing import TYPE_CHECKING, Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app import catalog
from app.forms.accounts import InvitationForm, PersonForm
from app.forms.people import AuditQuery, PeopleQuery, SimulationQuery
from app.rendering.dates import zone
from app.services.accounts import administration
from app.services.base import audit
from app.services.base.errors import Conflict, Forbidden, Invalid
from app.services.overview import person
from app.services.preferences import editing as preference_editing
from app.services.routing import required_channels
from app.views.presenters import audit_sentences, preference_labels
from app.views.web.auth import admin_required, current_user
from app.views.web.confirmation import password_required
from app.views.web.csv_download import csv_response
from app.views.web.datetime_filters import local

if TYPE_CHECKING:
    from app.models import AuditEntry, User

bp = Blueprint("people", __name__, url_prefix="/admin")

PERSON = "/users/<row_id:user_id>"


@bp.get("/users")
@admin_required
def index(**context: Any) -> str:
    query = PeopleQuery.read(request.args)
    wanted: dict[str, Any] = {"search": query.search, "roles": query.roles, "states": query.states}
    try:
        page = administration.page_for(**wanted, after=query.after, before=query.before)
    except Invalid:
        page = administration.page_for(**wanted)
    defaults = {
        "query": query,
        "page": page,
        "form": InvitationForm(),
        "errors": {},
        "is_inviting": "invite" in request.args,
    }
    return render_template("people/index.html", **(defaults | context))


@bp.get("/users.csv")
@admin_required
def download_people() -> Response:
    query = PeopleQuery.read(request.args)
    header = (_("Name"), _("Email"), _("Role"), _("State"), _("Created"), _("Last sign-in"))
    users = administration.iterate(query.search, roles=query.roles, states=query.states)
    return csv_response("people.csv", header, map(_person_csv_row, users))


@bp.post("/users")
@admin_required
def invite() -> str | tuple[str, int]:
    form = InvitationForm.read(request.form)
    try:
        user = administration.invite(form.email, form.name, form.role, actor=current_user)
    except Invalid as error:
        return index(form=form, errors=error.errors, is_inviting=True), 422
    # Not a redirect: the link must not pass through the session cookie.
    return index(**_invite_link(user.id, is_queued=True))


@bp.get(PERSON)
@admin_required
def show(user_id: int, **context: Any) -> str:
    """Render a person's page; the context may bring back rejected input with its errors."""
    user = administration.get(user_id)
    values = preference_editing.preferences_of(user)
    defaults = {
        "person": user,
        "form": user,
        "errors": {},
        "channels": person.channel_states(user),
        "p": values,
        "rules": preference_labels.describe_rules(values),
        "locks": required_channels.current_requirements(),
        "deliveries": person.recent_deliveries(user, current_user),
        "simulated": _simulate(user),
    }
    return render_template("people/show.html", **(defaults | context))


@bp.post(PERSON)
@admin_required
def update(user_id: int) -> Response | tuple[str, int]:
    form = PersonForm.read(request.form)
    try:
        administration.update_person(user_id, name=form.name, email=form.email, actor=current_user)
    except Invalid as error:
        return show(user_id, form=form, errors=error.errors), 422
    return _back(user_id, _("Saved."))


@bp.post(f"{PERSON}/invitation")
@admin_required
def resend_invitation(user_id: int) -> str:
    administration.resend_invitation(user_id, actor=current_user)
    return show(user_id, **_invite_link(user_id, is_queued=True))


@bp.post(f"{PERSON}/invitation/link")
@admin_required
def show_invite_link(user_id: int) -> str:
    return show(user_id, **_invite_link(user_id))


@bp.post(f"{PERSON}/role")
@admin_required
def set_role(user_id: int) -> Response:
    user = administration.change(user_id, role=request.values.get("role", ""), actor=current_user)
    if user.is_admin:
        undo = url_for(".set_role", user_id=user_id, role="recruiter")
        return _back(user_id, _("%(name)s is now an admin.", name=user.name), undo)
    undo = url_for(".set_role", user_id=user_id, role="admin")
    return _back(user_id, _("%(name)s is now a recruiter.", name=user.name), undo)


@bp.post(f"{PERSON}/sessions/removal")
@admin_required
def end_sessions(user_id: int) -> Response:
    user = administration.end_sessions(user_id, actor=current_user)
    return _back(user_id, _("%(name)s is signed out everywhere.", name=user.name))


@bp.post(f"{PERSON}/second-factor/removal")
@admin_required
@password_required
def reset_second_factor(user_id: int) -> Response:
    user = administration.reset_second_factor(user_id, actor=current_user)
    return _back(user_id, _("%(name)s signs in with only the password now.", name=user.name))


@bp.post(f"{PERSON}/deactivation")
@admin_required
def deactivate(user_id: int) -> Response:
    user = administration.change(user_id, is_enabled=False, actor=current_user)
    undo = url_for(".reactivate", user_id=user_id)
    return _back(user_id, _("%(name)s is deactivated and signed out everywhere.", name=user.name), undo)


@bp.post(f"{PERSON}/reactivation")
@admin_required
def reactivate(user_id: int) -> Response:
    user = administration.change(user_id, is_enabled=True, actor=current_user)
    return _back(user_id, _("%(name)s can sign in again.", name=user.name))


@bp.get("/audit")
@admin_required
def audit_log() -> str:
    query = AuditQuery.read(request.args)
    filters = query.filters(audit_sentences.CODES, zone(current_user.time_zone))
    page = audit.page_for(filters, before=query.before)
    return render_template(
        "people/audit.html",
        query=query,
        rows=[audit_sentences.describe(entry) for entry in page.rows],
        older=page.older,
        areas=audit_sentences.AREAS,
    )


@bp.get("/audit.csv")
@admin_required
def download_audit_log() -> Response:
    """Stream the filtered log; times are in the reader's time zone."""
    reader_zone = zone(current_user.time_zone)
    filters = AuditQuery.read(request.args).filters(audit_sentences.CODES, reader_zone)
    header = (_("When"), _("Who"), _("Action"), _("What"), _("Subject"), _("Detail"))
    return csv_response("audit-log.csv", header, map(_csv_row, audit.iterate(filters), repeat(reader_zone)))


@bp.errorhandler(Forbidden)
@bp.errorhandler(Conflict)
def declined(error: Forbidden | Conflict) -> Response:
    """Show the reason on the person's page, which has their current state."""
    return _back((request.view_args or {})["user_id"], str(error), category="error")


def _person_csv_row(user: User) -> tuple[str, ...]:
    states = {"active": _("Active"), "invited": _("Invited"), "deactivated": _("Deactivated")}
    times = (user.created_at, user.last_signed_in_at)
    return (
        user.name,
        user.email,
        str(catalog.ROLE_LABELS[user.role]),
        states[administration.state_of(user)],
        *(local(at).isoformat(timespec="seconds") if at else "" for at in times),
    )


def _csv_row(entry: AuditEntry, reader_zone: tzinfo) -> tuple[str, ...]:
    return (
        entry.at.astimezone(reader_zone).isoformat(timespec="seconds"),
        entry.actor.email if entry.actor else "",
        entry.action,
        audit_sentences.describe(entry).sentence,
        entry.subject,
        json.dumps(entry.detail, ensure_ascii=False) if entry.detail else "",
    )


def _invite_link(user_id: int, *, is_queued: bool = False) -> dict[str, Any]:
    """Return what a page needs to show an invite link.

    Args:
        is_queued: whether an email with the link was queued, too.
    """
    config = current_app.config
    user, link = administration.make_invite_link(
        user_id, secret=config["SECRET_KEY"], base_url=config["BASE_URL"], actor=current_user
    )
    return {"invited": user, "invite_link": link, "is_queued": is_queued}


def _simulate(user: User) -> dict[str, Any]:
    """Simulate the event that the query string names, if it names one."""
    query = SimulationQuery.read(request.args)
    found: dict[str, Any] = {"event": query.event, "priority": query.priority}
    if query.event:
        try:
            found["verdicts"] = person.simulate_event(
                user, query.event, reader=current_user, priority=query.priority
            )
        except Invalid as error:
            found["error"] = " ".join(error.errors.values())
    return found


def _back(user_id: int, text: str, undo: str | None = None, category: str = "message") -> Response:
    """Return to a person's page, with a toast.

    Args:
        undo: where the toast's undo posts to.
    """
    message: Any = {"text": text, "undo": {"url": undo}} if undo else text
    flash(message, category)
    return redirect(url_for(".show", user_id=user_id))
