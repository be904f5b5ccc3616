"""The inbox: lists, one notification, and what a person does to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.forms.integers import parse_integer
from app.forms.notifications import ListQuery
from app.services.base.errors import NotFound
from app.services.notifications import actions, inbox, snooze
from app.views.presenters import inbox_list, notification_detail
from app.views.presenters.navigation import PLACES
from app.views.web import htmx
from app.views.web.auth import current_user, login_required
from app.views.web.datetime_filters import back_at, local, whole_day

bp = Blueprint("notifications", __name__)

ROW_ID = "<int(max=9223372036854775807):notification_id>"
OPPOSITE = {"read": "unread", "done": "undone", "saved": "unsaved", "snooze": "unsnooze"}


@bp.get("/")
@login_required
def home() -> Response:
    return redirect(url_for(".index"))


@bp.get("/notifications")
@login_required
def index() -> Response:
    """A list, with one of its rows opened beside it where the address says so."""
    query = ListQuery.read(request.args)
    context = _list(query) | {"last_day": request.args.get("last_day"), "opened": _opened(query)}
    template = "notifications/index.html"
    if htmx.is_partial():
        template = (
            "notifications/responses/more.hx.html" if query.cursor else "notifications/responses/list.hx.html"
        )
    return htmx.vary(render_template(template, **context))


@bp.get(f"/notifications/{ROW_ID}")
@login_required
def show(notification_id: int) -> Response:
    """One notification: a page of its own, or the reading pane beside the list."""
    row = inbox.detail(current_user, notification_id)
    template = "notifications/responses/detail.hx.html" if htmx.is_partial() else "notifications/show.html"
    query = ListQuery.read(request.args)
    return htmx.vary(
        render_template(
            template, opened=notification_detail.build_detail(row), query=query, place=PLACES[query.place]
        )
    )


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


@bp.get("/notifications/choices")
@login_required
def choices() -> str:
    """Until when something can be put off now: a piece for a menu that opens long after its page was loaded."""
    query = ListQuery.read(request.args)
    return render_template(
        "notifications/responses/choices.hx.html",
        menu_id=request.args.get("id", type=parse_integer),
        place=PLACES[query.place],
        is_page="page" in request.args,
    )


@bp.post("/notifications/changes")
@login_required
def changes() -> Response:
    """Do the same to several: those that are ticked, or with `?all=1` everything that the list's filter finds.

    With `?all=1`, `stack` and `day` narrow it to one stack or to one day.
    """
    query = ListQuery.read(request.form.get("view", ""))
    action = request.values.get("action", "")
    if action not in CHANGED:
        abort(400)
    until = _until(action)
    made = inbox.change(current_user, action, **_wanted(query), until=until)
    text = _said(action, made.count, until) if made.count else _("Nothing to change")
    return _answer_with_list(query, text, made.id)


@bp.post("/notifications/changes/<int(max=9223372036854775807):change_id>/undo")
@login_required
def undo(change_id: int) -> Response:
    made = inbox.undo(current_user, change_id)
    query = inbox_list.extended_to(ListQuery.read(request.form.get("view", "")), actions.latest_change(made))
    return _answer_with_list(query, _("Undone"))


@bp.get("/notifications/total")
@login_required
def total() -> str:
    """How many the list holds on all its pages: a piece for the bar, which asks when something is ticked."""
    number = inbox.total(current_user, ListQuery.read(request.args).filters(current_user.time_zone))
    return render_template("notifications/responses/total.hx.html", total=number)


def _wanted(query: ListQuery) -> dict[str, Any]:
    """Which of them `changes` is about."""
    filters = query.filters(current_user.time_zone)
    if "all" in request.args or "every" in request.form:
        day = request.args.get("day", type=date.fromisoformat)
        stack = request.args.get("stack", filters.stack)
        return {"filters": replace(filters, stack=stack, during=whole_day(day) if day else None)}
    keys = request.form.getlist("stacks")
    return {"ids": request.form.getlist("ids", type=parse_integer), "stack_keys": keys, "filters": filters}


CHANGED = {
    "read": lambda n: ngettext("Marked read", "%(num)d marked read", n),
    "unread": lambda n: ngettext("Marked unread", "%(num)d marked unread", n),
    "done": lambda n: ngettext("Marked done", "%(num)d marked done", n),
    "undone": lambda n: ngettext("Back in the inbox", "%(num)d back in the inbox", n),
    "snooze": lambda n: ngettext("Put off", "%(num)d put off", n),
    "unsnooze": lambda n: ngettext("Back in the inbox", "%(num)d back in the inbox", n),
    "saved": lambda n: ngettext("Saved", "%(num)d saved", n),
    "unsaved": lambda n: ngettext("No longer saved", "%(num)d no longer saved", n),
}


def _said(action: str, count: int, until: datetime | None) -> str:
    """What was done; of one that was put off, when it comes back says it all."""
    words = CHANGED[action](count)
    if until is None:
        return words
    return back_at(until) if count == 1 else f"{words}. {back_at(until)}"


def _until(action: str) -> datetime | None:
    """When what is put off comes back: as the menu says it, and tomorrow morning where nothing was chosen."""
    if action != "snooze":
        return None
    choice = request.form.get("until") or "tomorrow"
    wanted = request.form.get("at", "") if choice == "date" else choice
    return snooze.snooze_until(current_user, wanted, utc_now())


def _change_one(action: str, notification_id: int) -> Response:
    if request.method == "DELETE" or request.form.get("_method") == "delete":
        action = OPPOSITE[action]
    until = _until(action)
    made = inbox.change(current_user, action, ids=[notification_id], until=until)
    # Read after the change, and a 404 where nothing could be changed because it is not this person's.
    row = inbox.get(current_user, notification_id)
    query = ListQuery.read(request.form.get("view", ""))
    text = _said(action, 1, until) if made.count else ""
    if not htmx.is_partial():
        stays = request.form.get("from") == "detail" and action in {"read", "unread", "saved", "unsaved"}
        return _go_back(query, text, made.id, stay=row.id if stays else None)
    return _pieces(
        row=row,
        query=query,
        place=PLACES[query.place],
        is_page=request.form.get("page") == "1",
        leaves=action in PLACES[query.place].leaving,
        # Opening a notification marks it read: nobody needs to be told, or to take it back.
        text="" if request.form.get("from") == "opening" else text,
        undo=made.id,
    )


def _answer_with_list(query: ListQuery, text: str, change_id: int | None = None) -> Response:
    if not htmx.is_partial():
        return _go_back(query, text, change_id)
    context = _list(query) | {"text": text, "undo": change_id, "opened": _opened(query)}
    return htmx.vary(render_template("notifications/responses/list.hx.html", **context))


def _go_back(query: ListQuery, text: str, change_id: int | None, stay: int | None = None) -> Response:
    if text:
        flash({"text": text, "undo": change_id})  # type: ignore[arg-type]  # kept as JSON; the layout reads both
    if stay:
        return redirect(url_for(".show", notification_id=stay, **query.params()), 303)
    return redirect(url_for(".index", **query.params(open=query.open)), 303)


def _pieces(**context: Any) -> Response:
    return htmx.vary(render_template("notifications/responses/change.hx.html", **context))


def _list(query: ListQuery) -> dict[str, Any]:
    shown = inbox_list.load_list(query)
    days = [(day, list(rows)) for day, rows in groupby(shown.page.rows, _day)]
    return {
        "query": query,
        "place": PLACES[query.place],
        "page": shown.page,
        "members": shown.members,
        "upto": query.upto or shown.top,
        "days": days,
        "wrong": shown.wrong,
    }


def _day(row: Any) -> date:
    return local(row.surfaced_at).date()


def _opened(query: ListQuery) -> notification_detail.Detail | None:
    """What the address says is open; an address that outlived its notification shows the list alone."""
    if query.open is None:
        return None
    try:
        return notification_detail.build_detail(inbox.detail(current_user, query.open))
    except NotFound:
        return None
