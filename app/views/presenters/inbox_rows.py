"""The rows of a list as their template shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from app.clock import utc_now
from app.forms.notifications import ListQuery
from app.rendering import highlights
from app.rendering.key_facts import FactsLine
from app.views.presenters.inbox_list import InboxList, revision, visible_since
from app.views.web.datetime_filters import RowClock, RowTime
from app.views.web.search_highlight import is_matched_by

if TYPE_CHECKING:
    from app.models import Notification
    from app.services.notifications.inbox import InboxRow
    from app.services.notifications.stacks import Stack


class RowView(NamedTuple):
    """Everything that a row shows. Its HTML is kept by these values; see `views.web.parts`.

    A row that stands for several has a `stack`, and in `members` the rows below it while it is expanded. `is_swapped`
    says that the row replaces the one on the page. A row shows its `facts`; the `message` where there are none.
    """

    id: int
    revision: str
    notification_type: str
    category: str
    priority: str
    title: str
    facts: FactsLine
    message: str
    is_read: bool
    is_done: bool
    is_saved: bool
    is_snoozed: bool
    at: datetime
    time: RowTime
    query: ListQuery
    is_open: bool
    is_member: bool
    is_swapped: bool
    stack: Stack | None
    members: tuple[RowView, ...] = ()


@dataclass(frozen=True)
class Day:
    """The rows of one day of the reader."""

    date: date
    rows: list[RowView]


def build_days(loaded: InboxList, query: ListQuery, clock: RowClock) -> list[Day]:
    """Build the rows of a list, by day."""
    linked = query.without_position()
    members = tuple(
        _build_row(row, clock, linked, is_open=query.open == row.id, is_member=True) for row in loaded.members
    )
    days: list[Day] = []
    for row in loaded.page.rows:
        stack = loaded.page.stacks.get(row.stack_key)
        if stack is None:
            view = _build_row(row, clock, linked, is_open=query.open == row.id)
        else:
            is_open = query.stack == stack.key
            view = _build_row(
                row, clock, linked, is_open=is_open, stack=stack, members=members if is_open else ()
            )
        day = clock.day(visible_since(row))
        if not days or days[-1].date != day:
            days.append(Day(day, []))
        days[-1].rows.append(view)
    return days


def _facts(row: InboxRow | Notification, clock: RowClock, search: str) -> FactsLine:
    """Return the facts of a row; empty where a search matches something that only the message says."""
    facts = clock.read_facts(row.notification_type, row.facts)
    return facts if is_matched_by(f"{row.title} {facts}", search) else FactsLine()


def build_changed_row(row: InboxRow, query: ListQuery) -> RowView:
    """Build a row after a change, to replace the one on the page."""
    return _build_row(
        row,
        RowClock(utc_now()),
        query.without_position(),
        is_open=query.open == row.id,
        is_member=bool(query.stack) and row.stack_key == query.stack,
        is_swapped=True,
    )


def _build_row(
    row: InboxRow | Notification,
    clock: RowClock,
    query: ListQuery,
    *,
    is_open: bool = False,
    is_member: bool = False,
    is_swapped: bool = False,
    stack: Stack | None = None,
    members: tuple[RowView, ...] = (),
) -> RowView:
    surfaced_at = visible_since(row)
    shows_return = query.place in ("later", "anywhere") and row.snoozed_until == surfaced_at
    returns_at = row.snoozed_until if shows_return else None
    return RowView(
        row.id,
        revision(row, stack),
        row.notification_type,
        row.category,
        row.priority,
        row.title,
        _facts(row, clock, query.search),
        # A search shows the part that it matches, which may be anywhere.
        row.message if query.search else highlights.excerpt(row.message, ()),
        row.is_read,
        row.is_done,
        row.saved_at is not None,
        row.snoozed_until is not None,
        returns_at or surfaced_at,
        clock.read_return(returns_at) if returns_at else clock.read(surfaced_at),
        query,
        is_open,
        is_member,
        is_swapped,
        stack,
        members,
    )
