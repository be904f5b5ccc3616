"""The HTML of lists and of the pulse, kept until the inbox or a time that they show changes.

`views.web.parts` keeps rows, so that a change renders one of them. This keeps what they add up to: a list that did not
change costs neither its query nor its fifty rows.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from flask import render_template, request
from markupsafe import Markup
from werkzeug.http import generate_etag

from app.clock import utc_now
from app.forms.notifications import ListQuery
from app.services.base.cache import Memory
from app.services.notifications import counts, spelling
from app.services.notifications.filters import Filters
from app.views.presenters import inbox_heading, inbox_list, inbox_rows
from app.views.presenters.agenda import load_agenda
from app.views.presenters.navigation import PLACES
from app.views.web import parts
from app.views.web.auth import current_user, inbox_version, this_session
from app.views.web.datetime_filters import RowClock


class ListHtml(NamedTuple):
    """A list, and why its search could not be parsed."""

    html: Markup
    search_error: str


class PulseHtml(NamedTuple):
    """The counts and the state of a list, and their ETag, which is kept because pages poll."""

    html: str
    etag: str


# 130 KB a list of fifty rows, and a few KB a pulse.
_LISTS, _PULSES = Memory[ListHtml](150), Memory[PulseHtml](2_000)


def render_list(query: ListQuery) -> ListHtml:
    """Render a list of the signed-in user.

    Raises:
        Invalid: the cursor is damaged.
    """
    return _keep_list("notifications/list/_list.html", query)


def render_more(query: ListQuery, last_day: str) -> ListHtml:
    """Render a further page of a list, to be appended to the one that ends with this day. Raises as `render_list`."""
    return _keep_list("notifications/list/_days.html", query, last_day)


def render_pulse(query: ListQuery | None, *, has_list: bool) -> PulseHtml:
    """Render the counts and, with `has_list`, the state of a list. A query says which view is the current one."""
    now, session = utc_now(), this_session()

    def render() -> tuple[PulseHtml, datetime | None]:
        loaded = inbox_list.load_list(query, now) if query and has_list else None
        heading = inbox_heading.build_heading(query) if query and has_list else None
        html = render_template(
            "notifications/responses/pulse.hx.html", inbox=loaded, query=query, heading=heading
        )
        return PulseHtml(html, generate_etag(html.encode())), _next_change(RowClock(now), now)

    key = ("pulse", query, has_list, session.is_stacked, parts.reader())
    return _PULSES.get(session.user_id, key, now, render, version=inbox_version())


def _keep_list(template: str, query: ListQuery, last_day: str | None = None) -> ListHtml:
    now = utc_now()
    # Set by agenda.js.
    is_closed = request.cookies.get("agenda") == "closed"

    def render() -> tuple[ListHtml, datetime | None]:
        loaded = inbox_list.load_list(query, now, is_addition=last_day is not None)
        clock = RowClock(now)
        agenda = load_agenda(now) if query.is_start_of_inbox else None
        html = render_template(
            template,
            query=query,
            place=PLACES[query.place],
            page=loaded.page,
            upto=query.upto or loaded.top,
            days=inbox_rows.build_days(loaded, query, clock),
            last_day=last_day,
            agenda=agenda,
            is_closed=is_closed,
            search_error=loaded.search_error,
            meant=_other_spelling(query, loaded, now),
            has_any=bool(loaded.page.rows) or counts.total(current_user, Filters(place="all"), now) > 0,
        )
        changes_at = _next_change(clock, now)
        until = min(changes_at, agenda.changes_at) if agenda else changes_at
        return ListHtml(Markup(html), loaded.search_error), until  # noqa: S704  # by a template

    key = (template, query, last_day, is_closed, _is_stacked(), parts.reader())
    return _LISTS.get(this_session().user_id, key, now, render, version=inbox_version())


def _other_spelling(query: ListQuery, loaded: inbox_list.InboxList, now: datetime) -> str:
    """Return another spelling for a search that finds nothing anywhere; empty if there is none."""
    if loaded.filters is None or loaded.page.rows or query.place != "anywhere":
        return ""
    return spelling.correct(current_user, query.search, loaded.filters.search, now)


def _is_stacked() -> bool:
    return this_session().is_stacked


def _next_change(clock: RowClock, now: datetime) -> datetime:
    """Return when something surfaces or expires, a time that was shown changes, or the reader's day ends."""
    changes_at = counts.next_change(this_session().user_id, now, version=inbox_version())
    return min(changes_at, clock.changes_at) if changes_at else clock.changes_at
