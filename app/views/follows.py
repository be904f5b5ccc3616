"""Following and muting what a notification is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.clock import to_rfc3339, utc_now
from app.services.base import local_time
from app.services.base.errors import Invalid, NotFound
from app.services.follows import management as follows
from app.services.follows.lookup import list_subjects
from app.services.notifications import inbox
from app.views.web import htmx
from app.views.web.auth import current_user, login_required
from app.views.web.datetime_filters import local, long_time
from app.views.web.selection import first_selected

if TYPE_CHECKING:
    from app.models import Follow, Notification

bp = Blueprint("follows", __name__)


@bp.post("/notifications/follow")
@login_required
def choose() -> Response:
    """Ask about the first of the selected rows of a list."""
    notification_id = first_selected()
    if htmx.is_partial():
        return edit(notification_id)
    return redirect(url_for(".edit", notification_id=notification_id, mode=request.args.get("mode")), 303)


@bp.get("/notifications/<row_id:notification_id>/follow")
@login_required
def edit(notification_id: int) -> Response:
    """Ask what to follow or to mute of what a notification is about, and for how long."""
    mode = "mute" if request.args.get("mode") == "mute" else "follow"
    return _ask(inbox.get(current_user, notification_id), mode)


@bp.post("/notifications/<row_id:notification_id>/follow")
@login_required
def save(notification_id: int) -> Response:
    row = inbox.get(current_user, notification_id)
    subject, mode = request.form.get("subject", ""), request.form.get("mode", "")
    if mode not in follows.MODES:
        abort(400)
    before = follows.find_current(current_user, subject)
    undo: dict[str, Any] = {"subject": subject}
    if before is not None:
        undo |= {"mode": before.mode, "until": to_rfc3339(before.until) if before.until else ""}
    try:
        follows.set_mode(current_user, subject, mode, _until())
    except Invalid as error:
        return _ask(row, mode, error.errors)
    name = follows.name_of(current_user, subject)
    text = _("You follow “%(name)s”", name=name) if mode == "follow" else _("“%(name)s” is muted", name=name)
    return _confirm(text, {"url": url_for(".undo", **undo), "is_in_place": htmx.is_partial()})


@bp.post("/follows/undo")
@login_required
def undo() -> Response:
    """Put back what the reader had chosen for a subject before."""
    until, mode = request.args.get("until", ""), request.args.get("mode", "")
    try:
        ends_at = local_time.parse(until, UTC) if until else None
        follows.put_back(current_user, request.args.get("subject", ""), mode, ends_at)
    except (ValueError, OverflowError, Invalid) as error:
        raise NotFound(_("This can no longer be undone.")) from error
    return _confirm(_("Undone"))


@bp.post("/follows/<row_id:follow_id>/removal")
@login_required
def remove(follow_id: int) -> Response:
    follows.remove(current_user, follow_id)
    flash(_("Removed."))
    return redirect(url_for("preferences.show", _anchor="follows"), 303)


@bp.app_template_global()
def named_follows() -> list[tuple[Follow, str]]:
    """List what the signed-in user follows and mutes, with what each is called, for the preferences."""
    return [
        (follow, follows.name_of(current_user, follow.subject))
        for follow in follows.list_current(current_user)
    ]


@dataclass(frozen=True)
class Choice:
    """A subject that can be followed or muted, and what the reader has chosen for it."""

    subject: str
    label: str
    state: str


def _ask(row: Notification, mode: str, errors: dict[str, str] | None = None) -> Response:
    subjects = list_subjects(row.candidate_id, row.job_id, row.notification_type)
    choices = [_choice(subject) for subject in subjects if follows.is_subject(subject)]
    template = "follows/_sheet.html" if htmx.is_partial() else "follows/edit.html"
    page = render_template(
        template,
        row=row,
        choices=choices,
        mode=mode,
        today=(today := local(utc_now()).date()),
        ends={
            "": _("For good"),
            (today + timedelta(days=7)).isoformat(): _("For a week"),
            (today + timedelta(days=30)).isoformat(): _("For 30 days"),
        },
        subject=request.form.get("subject") or (choices[0].subject if choices else ""),
        until=request.form.get("until", ""),
        date=request.form.get("date", ""),
        errors=errors or {},
    )
    # A sheet is swapped only after a success.
    return htmx.vary(page, 422 if errors and not htmx.is_partial() else 200)


def _choice(subject: str) -> Choice:
    labels = {
        "candidate": lambda name: _("Candidate: %(name)s", name=name),
        "job": lambda name: _("Job: %(name)s", name=name),
        "type": lambda name: _("Type: %(name)s", name=name),
    }
    label = labels[subject.partition(":")[0]](follows.name_of(current_user, subject))
    current = follows.find_current(current_user, subject)
    return Choice(subject, label, describe_follow(current) if current else "")


@bp.app_template_global()
def describe_follow(follow: Follow) -> str:
    """Say what a person has chosen, and until when."""
    if follow.until is None:
        return _("Followed") if follow.mode == "follow" else _("Muted")
    when = long_time(follow.until)
    if follow.mode == "follow":
        return _("Followed until %(when)s", when=when)
    return _("Muted until %(when)s", when=when)


def _until() -> datetime | None:
    """Return the end of the chosen day of the reader, or None for good. A date that was typed comes first."""
    text = request.form.get("date") or request.form.get("until", "")
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise Invalid({"until": _("Choose a date.")}) from error
    return local_time.at_hour(day, 0, current_user.time_zone)


def _confirm(text: str, undo: dict[str, Any] | None = None) -> Response:
    if htmx.is_partial():
        return htmx.vary(render_template("follows/done.hx.html", text=text, undo=undo))
    flash({"text": text, "undo": undo})  # type: ignore[arg-type]  # kept as JSON; the layout reads both
    return redirect(url_for("notifications.index"), 303)
