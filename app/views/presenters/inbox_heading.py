"""The heading of a list: the name of its place or view, or what a search found in each place."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from app import catalog
from app.clock import utc_now
from app.forms.notifications import ListQuery
from app.services.base.errors import Invalid
from app.services.notifications import counts
from app.services.notifications.saved_views import MAX_NAME
from app.views.presenters.navigation import PLACES, snoozed_count, unread_count
from app.views.presenters.threads import thread_title
from app.views.presenters.view_links import ViewLink, current_view
from app.views.web.auth import current_user, inbox_version


class FoundIn(NamedTuple):
    """How many notifications a search finds in a place."""

    query: ListQuery
    label: str
    number: int
    is_current: bool


class State(NamedTuple):
    """Everything in the heading of a list but its texts. Most lists share it, so its parts are rendered once.

    Attributes:
        has_unread: false if "Mark all read" would do nothing.
        found: what a search finds in each place; empty without one.
        view_id: the saved view that the list is, or began as.
        is_changed: whether the filters differ from those of that view.
        suggested_name: for a new view.
    """

    has_unread: bool
    found: tuple[FoundIn, ...]
    view_id: int | None
    is_changed: bool
    suggested_name: str


class Heading(NamedTuple):
    """The heading of a list: its title, the note beside it, and the unread number in the title of the page, if any."""

    title: str
    note: str
    unread: str
    state: State


def build_heading(query: ListQuery) -> Heading:
    """Build the heading of a list."""
    query = query.without_position()
    view = current_view(query)
    number, found = _count_found(query)
    unread = view.unread if view else unread_count()
    is_unread_known = bool(view) or (query.place in ("inbox", "unread") and not query.is_filtered)
    return Heading(
        title=_title(query, view, number),
        note=_note(query, unread if is_unread_known else None),
        unread=format_decimal(unread) if unread and is_unread_known else "",
        state=State(
            has_unread=query.place != "done" and (bool(unread) or query.place not in ("inbox", "unread")),
            found=found,
            view_id=view.id if view else None,
            is_changed=view is not None and view.query.text() != query.text(view_id=None, stack=None),
            suggested_name=_suggest_name(query),
        ),
    )


def _title(query: ListQuery, view: ViewLink | None, number: int | None) -> str:
    if view:
        return view.name
    if not query.search:
        return str(PLACES[query.place].label)
    if number is None:
        return _("Search")
    if thread := thread_title(query):
        return thread
    return ngettext(
        "%(n)s result for “%(search)s”",
        "%(n)s results for “%(search)s”",
        number,
        n=format_decimal(number),
        search=query.search,
    )


def _note(query: ListQuery, unread: int | None) -> str:
    """Describe how much of a list is unread or, if that is unknown, how long it is; "" where that says little."""
    if unread is not None:
        if not unread:
            return _("Nothing unread")
        return ngettext("%(n)s unread", "%(n)s unread", unread, n=format_decimal(unread))
    # The title of a search has the number, and the other places only grow.
    if query.search or query.place not in ("inbox", "unread", "later"):
        return ""
    number = snoozed_count()
    if query.is_filtered:
        number = counts.total(current_user, query.filters(current_user.time_zone))
    count = format_decimal(number)
    return ngettext("%(n)s notification", "%(n)s notifications", number, n=count) if number else ""


def _count_found(query: ListQuery) -> tuple[int | None, tuple[FoundIn, ...]]:
    """Count what a search finds in total and, unless it names a place itself, in each place.

    The total is None without a search or if it is invalid. Places without results are left out, except the inbox,
    all notifications and the current place. "Unread" is listed only if it is the current place.
    """
    if not query.search:
        return None, ()
    now = utc_now()
    try:
        filters = query.filters(current_user.time_zone, now)
    except Invalid:
        return None, ()  # The list shows the error.
    numbers = counts.by_place(current_user, filters, now, version=inbox_version())
    if filters.search.places:
        return numbers["anywhere"], ()
    own = query.place if query.place in numbers else "anywhere"
    return numbers[own], tuple(
        FoundIn(replace(query, place=place), str(PLACES[place].label), number, place == own)
        for place, number in numbers.items()
        if place in (own, "anywhere", "inbox") or (number and place != "unread")
    )


def _suggest_name(query: ListQuery) -> str:
    """Name a list by its filters: "Urgent · Interviews", "priya"."""
    priorities = [str(catalog.PRIORITY_LABELS[name]) for name in query.priorities]
    categories = [str(catalog.CATEGORIES[name].plural) for name in query.categories]
    words = query.search.replace('"', "")
    return " · ".join([*priorities, *categories, *([words] if words else [])])[:MAX_NAME]
