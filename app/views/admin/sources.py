"""Admin pages for sources: connect another system, see its calls, match its people."""

from __future__ import annotations

import secrets as random_secrets
from datetime import timedelta
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.forms.integers import parse_integer
from app.services.base.errors import Conflict, Invalid
from app.services.overview.attention import FAILED_WITHIN
from app.services.sources import calls, connections, people, trial
from app.views.presenters.source_steps import STEPS
from app.views.web.auth import admin_required, current_user

bp = Blueprint("admin_sources", __name__, url_prefix="/admin/sources")

SOURCE = "/<row_id:source_id>"
CALL = f"{SOURCE}/calls/<row_id:call_id>"
PERSON = f"{SOURCE}/people/<row_id:person_id>"
Page = Response | str | tuple[str, int]
# For this long after it was connected, the page waits for further calls.
NEW_FOR = timedelta(minutes=10)
# A body is shown up to here.
MAX_SHOWN = 20_000


@bp.get("")
@admin_required
def index(**context: Any) -> str:
    """Render the list; the context may bring back rejected input with its errors."""
    values: dict[str, Any] = {
        "sources": connections.all_sources(),
        "failed": calls.count_failed(utc_now() - FAILED_WITHIN),
        "unmatched": people.count_unmatched(),
        "labels": connections.LABELS,
        "errors": {},
        "form": {"secret": random_secrets.token_hex(24)},
    }
    return render_template("sources/index.html", **(values | context))


@bp.post("")
@admin_required
def create() -> Page:
    """Respond with the page instead of a redirect: the secret must not pass through the session cookie."""
    names = ("kind", "name", "secret", "company_name")
    form = {name: request.form.get(name, "") for name in names}
    try:
        source = connections.create(
            form["kind"],
            form["name"],
            form["secret"],
            form["company_name"],
            actor=current_user,
            secret=current_app.config["SECRET_KEY"],
        )
    except Invalid as error:
        return index(form=form, errors=error.errors), 422
    return show(source.id, new_secret=form["secret"].strip())


@bp.get(SOURCE)
@admin_required
def show(source_id: int, **context: Any) -> str:
    source, now = connections.get(source_id), utc_now()
    secret = current_app.config["SECRET_KEY"]
    state = request.args.get("state", "")
    state = state if state in calls.STATES else ""
    unmatched = people.unmatched(source)
    values: dict[str, Any] = {
        "source": source,
        "label": connections.LABELS[source.kind],
        "url": f"{current_app.config['BASE_URL']}{url_for('sources.receive', public_id=source.public_id)}",
        "steps": STEPS[source.kind],
        "page": calls.page_for(source.id, state, before=request.args.get("before", type=parse_integer)),
        "state": state,
        "unmatched": unmatched,
        "suggestions": people.suggestions(unmatched),
        "matched": people.matched(source),
        "can_read_secret": bool(connections.accepted_secrets(source, secret, now)),
        "overlap": connections.OVERLAP,
        "has_overlap": connections.has_overlap(source, now),
        "has_api": connections.has_api(source.kind),
        "is_new": now < source.created_at + NEW_FOR,
        "is_public": current_app.config["IS_PUBLIC"],
        "errors": {},
    }
    return render_template("sources/show.html", **(values | context))


@bp.post(f"{SOURCE}/test")
@admin_required
def send_test(source_id: int) -> Response:
    row = trial.send_test(source_id, current_user, secret=current_app.config["SECRET_KEY"])
    flash(_("Test call: %(outcome)s", outcome=row.verdict), "" if row.row.state == "mapped" else "error")
    return _back(source_id, "calls")


@bp.post(f"{SOURCE}/secret")
@admin_required
def change_secret(source_id: int) -> Page:
    return _change(
        source_id,
        _("Secret replaced. The old one still works for 24 hours."),
        signing_secret=request.form.get("secret", ""),
    )


@bp.post(f"{SOURCE}/api-key")
@admin_required
def change_api_key(source_id: int) -> Page:
    key = request.form.get("api_key", "")
    return _change(source_id, _("API key saved.") if key else _("API key removed."), api_key=key)


@bp.post(f"{SOURCE}/name")
@admin_required
def rename(source_id: int) -> Page:
    names = {name: request.form.get(name, "") for name in ("name", "company_name")}
    return _change(source_id, _("Saved."), **names)


@bp.post(f"{SOURCE}/pause")
@admin_required
def pause(source_id: int) -> Page:
    return _change(source_id, _("Paused. Calls are kept, and notify no one."), is_paused=True)


@bp.post(f"{SOURCE}/resumption")
@admin_required
def resume(source_id: int) -> Page:
    return _change(source_id, _("Resumed."), is_paused=False)


@bp.post(f"{SOURCE}/removal")
@admin_required
def remove(source_id: int) -> Response:
    connections.remove(source_id, actor=current_user)
    flash(_("Source removed."))
    return redirect(url_for(".index"), 303)


@bp.get(CALL)
@admin_required
def show_call(source_id: int, call_id: int) -> str:
    call = calls.get(source_id, call_id)
    body = calls.readable_body(call.row)
    return render_template(
        "sources/call.html",
        source=call.row.source,
        call=call,
        body=body[:MAX_SHOWN],
        is_cut=len(body) > MAX_SHOWN,
    )


@bp.post(f"{CALL}/replay")
@admin_required
def replay(source_id: int, call_id: int) -> Response:
    calls.replay(source_id, call_id, actor=current_user)
    flash(_("Queued. Nothing is notified twice."))
    return _back(source_id, "calls")


@bp.post(f"{PERSON}/match")
@admin_required
def match(source_id: int, person_id: int) -> Page:
    email = request.form.get("email", "")
    try:
        count = people.set_user(source_id, person_id, email, actor=current_user)
    except Invalid as error:
        return show(source_id, errors={person_id: error.errors["email"]}), 422
    flash(
        ngettext(
            "Matched. %(n)s call is processed again.",
            "Matched. %(n)s calls are processed again.",
            count,
            n=format_decimal(count),
        )
        if count
        else _("Matched.")
    )
    return _back(source_id, "people")


@bp.post(f"{PERSON}/separation")
@admin_required
def separate(source_id: int, person_id: int) -> Response:
    people.set_user(source_id, person_id, "", actor=current_user)
    flash(_("Match removed."))
    return _back(source_id, "people")


@bp.post(f"{PERSON}/dismissal")
@admin_required
def dismiss(source_id: int, person_id: int) -> Response:
    people.dismiss(source_id, person_id, actor=current_user)
    flash(_("Dismissed."))
    return _back(source_id, "people")


@bp.errorhandler(Conflict)
def declined(error: Conflict) -> Response:
    """Show the reason on the source's page."""
    flash(str(error), "error")
    return redirect(url_for(".show", source_id=(request.view_args or {})["source_id"]), 303)


def _change(source_id: int, done: str, **values: Any) -> Page:
    secret = current_app.config["SECRET_KEY"]
    try:
        connections.change(source_id, actor=current_user, secret=secret, **values)
    except Invalid as error:
        return show(source_id, errors=error.errors), 422
    flash(done)
    return _back(source_id, "settings")


def _back(source_id: int, section: str) -> Response:
    return redirect(url_for(".show", source_id=source_id, _anchor=section), 303)
