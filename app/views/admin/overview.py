"""The admins' first page: what is left to set up, and what needs attention."""

from __future__ import annotations

import json
import shlex

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.services.accounts import tokens
from app.services.base.errors import Conflict, LimitReached
from app.services.overview import attention, checklist
from app.views.presenters import attention_rows
from app.views.web import htmx
from app.views.web.auth import admin_required, current_user
from app.views.web.confirmation import password_required

# How long the token in the command works.
TOKEN_DAYS = 7

bp = Blueprint("overview", __name__, url_prefix="/admin")


@bp.get("")
@admin_required
def show(event_token: str = "") -> Response:
    """Show the page, or the checklist alone while it waits for something.

    Args:
        event_token: a new token, shown within the command.
    """
    is_partial, steps = htmx.is_partial(), None
    if is_partial or not checklist.is_dismissed():
        steps = checklist.load_checklist(current_user, current_app.config)
    if is_partial:
        return htmx.vary(render_template("overview/_checklist.html", steps=steps, command=_command()))
    found = attention.find_problems(current_app.config, current_app.extensions["schedule"], utc_now())
    page = render_template(
        "overview/show.html",
        steps=steps,
        command=_command(event_token),
        has_token=bool(event_token),
        rows=attention_rows.build_rows(found),
        version=found.version,
    )
    return htmx.vary(page)


@bp.post("/test-email")
@admin_required
def send_test_email() -> Response:
    try:
        checklist.send_test_email(current_user)
    except LimitReached as error:
        flash(str(error), "error")
    return redirect(url_for(".show", _anchor="mail"), 303)


@bp.post("/first-event/token")
@admin_required
@password_required
def create_event_token() -> Response:
    """Create a token and show it. No redirect, because the token must not pass through the session cookie."""
    try:
        _token, secret = tokens.create(
            current_user, _("First event"), ["events"], days=TOKEN_DAYS, actor=current_user
        )
    except Conflict as error:
        flash(str(error), "error")
        return redirect(url_for(".show"), 303)
    return show(secret)


@bp.post("/checklist/dismissal")
@admin_required
def dismiss() -> Response:
    checklist.set_dismissed(is_dismissed=True, actor=current_user)
    undo = {"url": url_for(".restore")}
    flash({"text": _("Checklist hidden for all admins"), "undo": undo})  # type: ignore[arg-type]  # kept as JSON
    return redirect(url_for(".show"), 303)


@bp.post("/checklist/restoration")
@admin_required
def restore() -> Response:
    checklist.set_dismissed(is_dismissed=False, actor=current_user)
    return redirect(url_for(".show"), 303)


def _command(token: str = "") -> str:
    """Return a shell command that sends the reader an event. Without a token, it has a placeholder."""
    event = {
        "specversion": "1.0",
        "id": "first-event",
        "source": "/setup",
        "type": "system.alert",
        "data": {
            "recipients": [current_user.email],
            "title": "Hello from our platform",
            "message": "Events arrive. This was the first one.",
        },
    }
    body = json.dumps(event, ensure_ascii=False)
    for name in ("data", "title", "message"):
        body = body.replace(f', "{name}"', f',\n      "{name}"')
    return (
        f"curl {current_app.config['BASE_URL']}/api/events/ \\\n"
        f'  -H "Authorization: Bearer {token or "YOUR_TOKEN"}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(body)}"
    )
