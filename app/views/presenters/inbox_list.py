"""A list as its address asks for it: what pages draw, and what the pulse tells open pages of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Flask

from app.clock import utc_now
from app.forms.notifications import PAGE, ListQuery
from app.services.base.errors import Invalid
from app.services.notifications import inbox
from app.services.notifications.inbox import Filters, InboxPage
from app.views.web.auth import current_user


@dataclass(frozen=True)
class InboxList:
    """A page of a list, the first rows of the stack that stands open in it, and how many newer ones wait above.

    `wrong` says why the list's search is not understood: then it finds nothing.
    """

    page: InboxPage
    filters: Filters | None = None
    members: tuple[Any, ...] = ()
    wrong: str = ""

    @property
    def top(self) -> str:
        """What is newer than this waits until it is asked for. Later has none: it goes by what comes back next."""
        if self.filters is None or inbox.bound_after_undo(self.filters):
            return ""
        surfaced_at, row_id = next(((row.surfaced_at, row.id) for row in self.page.rows), (utc_now(), 1))
        return inbox.write_cursor("n", surfaced_at, row_id)

    @property
    def newer(self) -> int:
        """How many wait above the rows that are shown."""
        return inbox.newer_count(current_user, self.filters) if self.filters else 0

    def lines(self) -> Iterator[str]:
        """Each row by its id in the page and its revision, in their order: what differs has changed."""
        for row in self.page.rows:
            stack = self.page.stacks.get(row.stack_key)
            yield f"{row_id(row, stack)}:{revision(row, stack)}"
            if stack and self.members and self.members[0].stack_key == stack.key:
                yield from (f"{row_id(member)}:{revision(member)}" for member in self.members)


def register(app: Flask) -> None:
    """Offer the names and revisions of rows to the templates."""
    app.add_template_global(row_id)
    app.add_template_global(revision)


def load_list(query: ListQuery) -> InboxList:
    """What the address of a list shows to whoever asks. Raises Invalid where a cursor is not one of ours."""
    try:
        filters = query.filters(current_user.time_zone)
    except Invalid as error:
        if "search" not in error.errors:
            raise
        return InboxList(InboxPage([], None, None), wrong=error.errors["search"])
    is_stacked = current_user.preference.stack_notifications and not query.within
    page = inbox.page_for(
        current_user, filters, cursor=query.cursor, limit=query.limit, is_stacked=is_stacked
    )
    if query.stack not in page.stacks:
        return InboxList(page, filters)
    members = inbox.page_for(current_user, replace(filters, stack=query.stack), limit=PAGE).rows
    return InboxList(page, filters, tuple(members))


def extended_to(query: ListQuery, top: tuple[datetime, int] | None) -> ListQuery:
    """The list with room for this row on top: what comes back does not wait with what is new."""
    if top is None or not query.upto or top <= inbox.read_cursor(query.upto)[1:]:
        return query
    return replace(query, upto=inbox.write_cursor("n", *top))


def row_id(row: Any, stack: Any = None) -> str:
    """The id of a row's element."""
    return f"s-{stack.key}" if stack else f"n-{row.id}"


def revision(row: Any, stack: Any = None) -> str:
    """Changes with whatever a row shows."""
    flags = sum(bit for bit, is_on in ((1, row.is_read), (2, row.is_done), (4, row.saved_at)) if is_on)
    parts = [str(flags), f"{int(row.surfaced_at.timestamp()):x}"]
    if stack:
        parts += [f"{row.id:x}", str(stack.count), str(stack.unread), str(int(stack.is_saved))]
    return ".".join(parts)
