"""The inbox: lists, a single notification, and the actions on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.forms.integers import parse_integer
from app.forms.notifications import ListQuery
from app.rendering import calendar
from app.services.base.errors import Invalid, NotFound
from app.services.interviews import evaluations, records
from app.services.notifications import actions, counts, inbox, snooze
from app.services.notifications import undo as notification_undo
from app.services.notifications.inbox import InboxRow
from app.services.sending.email import SiteIdentity
from app.views.presenters import inbox_heading, inbox_html, inbox_list, inbox_rows, notification_detail
from app.views.presenters.navigation import PLACES
from app.views.presenters.threads import threads_of
from app.views.web import htmx
from app.views.web.auth import current_user, login_required, note_inbox_version, this_session
from app.views.web.datetime_filters import back_at, day_range
from app.views.web.selection import first_selected

bp = Blueprint("notifications", __name__)

ROW_ID = "<row_id:notification_id>"
OPPOSITE = {"read": "unread", "done": "undone", "saved": "unsaved", "snooze": "unsnooze"}


@bp.get("/")
@login_required
def home() -> Response:
    return redirect(url_for(".index"))


@bp.get("/notifications")
@login_required
def index() -> Response:
    """Show a list and, if the URL says so, one of its notifications in the reading pane."""
    query = ListQuery.read(request.args)
    if htmx.is_partial() and "last_day" in request.args:
        return htmx.vary(str(inbox_html.render_more(query, request.args["last_day"]).html))
    if not htmx.is_partial():
        return htmx.vary(render_template("notifications/index.html", **_list_context(query)))
    # A search leads to another place, where other actions are possible.
    is_elsewhere = _place_of(htmx.page_path().partition("?")[2]) != query.place
    body = render_template(
        "notifications/responses/list.hx.html", **_list_context(query), is_elsewhere=is_elsewhere
    )
    return htmx.vary(body)


@lru_cache(maxsize=1_000)
def _place_of(query_string: str) -> str:
    # Open pages repeat theirs.
    return ListQuery.read(query_string).place


@bp.get(f"/notifications/{ROW_ID}")
@login_required
def show(notification_id: int) -> Response:
    """Show a notification as a page, or in the reading pane."""
    row = inbox.detail(this_session(), notification_id)
    template = "notifications/responses/detail.hx.html" if htmx.is_partial() else "notifications/show.html"
    query = ListQuery.read(request.args)
    return htmx.vary(
        render_template(
            template, opened=notification_detail.build_detail(row), query=query, place=PLACES[query.place]
        )
    )


@bp.get(f"/notifications/{ROW_ID}/interview.ics")
@login_required
def calendar_file(notification_id: int) -> Response:
    """Download the interview of a notification, for the reader's calendar."""
    row = inbox.detail(current_user, notification_id)
    interview = row.interview
    if interview is None or not records.is_ahead(interview, utc_now()):
        raise NotFound(_("This interview was cancelled or is over."))
    body = calendar.build_calendar_file(
        records.interview_details(interview),
        method="PUBLISH",
        sequence=interview.sequence,
        organizer=SiteIdentity.from_config(current_app.config).organizer,
        made_at=interview.changed_at,
    )
    headers = {"Content-Disposition": 'attachment; filename="interview.ics"'}
    return current_app.response_class(body, mimetype="text/calendar", headers=headers)


@bp.route(f"/notifications/{ROW_ID}/reading", methods=["POST", "DELETE"])
@login_required
def reading(notification_id: int) -> Response:
    return _change_one("read", notification_id)


@bp.route(f"/notifications/{ROW_ID}/archival", methods=["POST", "DELETE"])
@login_required
def archival(notification_id: int) -> Response:
    return _change_one("done", notification_id)


@bp.route(f"/notifications/{ROW_ID}/snoozing", methods=["POST", "DELETE"])
@login_required
def snoozing(notification_id: int) -> Response:
    return _change_one("snooze", notification_id)


@bp.route(f"/notifications/{ROW_ID}/saving", methods=["POST", "DELETE"])
@login_required
def saving(notification_id: int) -> Response:
    return _change_one("saved", notification_id)


@bp.route(f"/notifications/{ROW_ID}/absence", methods=["POST", "DELETE"])
@login_required
def absence(notification_id: int) -> Response:
    """Record that the reader did not attend the interview, so that its evaluation is no longer due."""
    was_there = _is_delete()
    evaluations.set_attendance(current_user, notification_id, was_there=was_there)
    if was_there:
        flash(_("We'll ask you for the evaluation again."))
    else:
        flash(_("We won't ask you for this evaluation again."))
    return redirect(url_for(".show", notification_id=notification_id), 303)


@bp.get("/notifications/choices")
@login_required
def choices() -> str:
    """Render the current snooze times, for a menu that opens long after its page was loaded."""
    query = ListQuery.read(request.args)
    return render_template(
        "notifications/responses/choices.hx.html",
        menu_id=request.args.get("id", type=parse_integer),
        place=PLACES[query.place],
        is_page="page" in request.args,
        event_starts_at=snooze.event_start(current_user, _ids(request.args)),
    )


@bp.get("/notifications/moment")
@login_required
def moment() -> str:
    """Say how a written or picked time is understood, before it is saved."""
    text = request.args.get("when", "").strip() or request.args.get("at", "")
    until, error = None, ""
    if text:
        try:
            until = _read_time(text, _ids(request.args))
        except Invalid as invalid:
            error = invalid.errors["until"]
    return render_template("notifications/responses/moment.hx.html", until=until, error=error)


@bp.post("/notifications/changes")
@login_required
def changes() -> Response:
    """Change the selected notifications or, with `?all=1`, all that match the filters of the list.

    With `?all=1`, `stack` and `day` narrow it to one stack or one day.
    """
    query = ListQuery.read(request.form.get("view", ""))
    action = request.values.get("action", "")
    if action not in TOASTS:
        abort(400)
    selection = _selection(query)
    until = _snooze_end(action, selection.get("ids", []))
    change = actions.change(current_user, action, **selection, until=until)
    text = _describe(action, change.count, until) if change.count else _("Nothing to change")
    return _respond_with_list(query, text, change.id)


@bp.post("/notifications/changes/<row_id:change_id>/undo")
@login_required
def undo(change_id: int) -> Response:
    change = notification_undo.undo_change(current_user, change_id)
    query = inbox_list.extend_to(
        ListQuery.read(request.form.get("view", "")), notification_undo.topmost_changed(change)
    )
    return _respond_with_list(query, _("Undone"))


@bp.post("/notifications/thread")
@login_required
def thread() -> Response:
    """Go to everything about the candidate, or with `?kind=job` the job, of the first of the selected rows."""
    row = inbox.detail(current_user, first_selected())
    kind = "job" if request.args.get("kind") == "job" else "candidate"
    url = next((thread.url for thread in threads_of(row) if thread.kind == kind), "")
    if not url:
        names_none = {"candidate": _("No candidate is named here."), "job": _("No job is named here.")}
        raise NotFound(names_none[kind])
    return htmx.go(url) if htmx.is_partial() else redirect(url, 303)


@bp.get("/notifications/total")
@login_required
def total() -> str:
    """Count the list across its pages, for the bulk bar, which asks once a row is selected."""
    number = counts.total(current_user, ListQuery.read(request.args).filters(current_user.time_zone))
    return render_template("notifications/responses/total.hx.html", total=number)


def _selection(query: ListQuery) -> dict[str, Any]:
    """Return the arguments of `actions.change` that say which notifications to change."""
    filters = query.filters(current_user.time_zone)
    if "all" in request.args or "every" in request.form:
        day = request.args.get("day", type=date.fromisoformat)
        stack = request.args.get("stack", filters.stack)
        return {"filters": replace(filters, stack=stack, during=day_range(day) if day else None)}
    keys = request.form.getlist("stacks")
    return {"ids": request.form.getlist("ids", type=parse_integer), "stack_keys": keys, "filters": filters}


TOASTS = {
    "read": lambda count, n: ngettext("Marked read", "%(n)s marked read", count, n=n),
    "unread": lambda count, n: ngettext("Marked unread", "%(n)s marked unread", count, n=n),
    "done": lambda count, n: ngettext("Marked done", "%(n)s marked done", count, n=n),
    "undone": lambda count, n: ngettext("Moved to inbox", "%(n)s moved to inbox", count, n=n),
    "snooze": lambda count, n: ngettext("Snoozed", "%(n)s snoozed", count, n=n),
    "unsnooze": lambda count, n: ngettext("Moved to inbox", "%(n)s moved to inbox", count, n=n),
    "saved": lambda count, n: ngettext("Saved", "%(n)s saved", count, n=n),
    "unsaved": lambda count, n: ngettext("Removed from Saved", "%(n)s removed from Saved", count, n=n),
}


def _describe(action: str, count: int, until: datetime | None) -> str:
    """Say what was done. For one snoozed notification, the time of its return is enough."""
    text = TOASTS[action](count, format_decimal(count) if count > 1 else "")
    if until is None:
        return text
    return back_at(until) if count == 1 else f"{text}. {back_at(until)}"


def _snooze_end(action: str, ids: Sequence[int | None]) -> datetime | None:
    """Return when a snooze ends: the chosen, written or picked time, tomorrow morning by default."""
    if action != "snooze":
        return None
    choice = request.form.get("until") or "tomorrow"
    if choice == "date":
        choice = request.form.get("when", "").strip() or request.form.get("at", "")
    return _read_time(choice, ids)


def _read_time(text: str, ids: Sequence[int | None]) -> datetime:
    """Read a time at which these notifications are to be back. Raises Invalid."""
    is_choice = text in snooze.CHOICES
    starts_at = None if is_choice else snooze.event_start(current_user, ids)
    return snooze.snooze_until(current_user, text, utc_now(), event_starts_at=starts_at)


def _ids(values: MultiDict[str, str]) -> list[int | None]:
    return [*values.getlist("ids", type=parse_integer), *values.getlist("id", type=parse_integer)]


def _change_one(action: str, notification_id: int) -> Response:
    if _is_delete():
        action = OPPOSITE[action]
    until = _snooze_end(action, [notification_id])
    reader = this_session()
    change = actions.change_one(reader, action, notification_id, until=until)
    if change.id is None:
        # Nothing to change. Raises NotFound (404) for a notification of another person.
        row = inbox.get_row(reader, notification_id)
    else:
        row = InboxRow._make(change.row)
        note_inbox_version(change.version)
    query = ListQuery.read(request.form.get("view", ""))
    text = _describe(action, 1, until) if change.id else ""
    if not htmx.is_partial():
        is_staying = request.form.get("from") == "detail" and action in {"read", "unread", "saved", "unsaved"}
        return _redirect_to_list(query, text, change.id, show=row.id if is_staying else None)
    return _respond_with_row(
        row=inbox_rows.build_changed_row(row, query),
        marks=notification_detail.marks_of(row),
        returns=back_at(row.snoozed_until) if row.snoozed_until else "",
        query=query,
        place=PLACES[query.place],
        is_page=request.form.get("page") == "1",
        leaves=action in PLACES[query.place].leaving,
        # Opening a notification marks it read, which needs no toast.
        text="" if request.form.get("from") == "opening" else text,
        undo=change.id,
        heading=inbox_heading.build_heading(query),
    )


def _respond_with_list(query: ListQuery, text: str, change_id: int | None = None) -> Response:
    if not htmx.is_partial():
        return _redirect_to_list(query, text, change_id)
    context = _list_context(query) | {"text": text, "undo": change_id}
    return htmx.vary(render_template("notifications/responses/list.hx.html", **context))


def _redirect_to_list(
    query: ListQuery, text: str, change_id: int | None, show: int | None = None
) -> Response:
    if text:
        flash({"text": text, "undo": change_id})  # type: ignore[arg-type]  # kept as JSON; the layout reads both
    if show:
        return redirect(url_for(".show", notification_id=show, **query.params()), 303)
    return redirect(url_for(".index", **query.params(open=query.open, cursor=query.cursor)), 303)


def _respond_with_row(**context: Any) -> Response:
    return htmx.vary(render_template("notifications/responses/change.hx.html", **context))


def _list_context(query: ListQuery) -> dict[str, Any]:
    return {
        "query": query,
        "place": PLACES[query.place],
        "list": inbox_html.render_list(query),
        "heading": inbox_heading.build_heading(query),
        "opened": _opened_detail(query),
    }


def _opened_detail(query: ListQuery) -> notification_detail.Detail | None:
    """Return the notification that the URL opens; None if it no longer exists."""
    if query.open is None:
        return None
    try:
        return notification_detail.build_detail(inbox.detail(this_session(), query.open))
    except NotFound:
        return None


def _is_delete() -> bool:
    """Whether a form or htmx asks for DELETE; a form can send only POST."""
    return request.method == "DELETE" or request.form.get("_method") == "delete"
