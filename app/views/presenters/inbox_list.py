"""Loads a list for its URL: rows for pages, and their revisions for the pulse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from app.forms.notifications import PAGE, ListQuery
from app.services.base.errors import Invalid
from app.services.notifications import counts, inbox
from app.services.notifications.filters import Filters, is_ascending
from app.services.notifications.inbox import InboxPage, InboxRow
from app.views.web.auth import current_user

if TYPE_CHECKING:
    from app.models import Notification
    from app.services.notifications.stacks import Stack


@dataclass(frozen=True)
class InboxList:
    """A page of a list, with the first rows of its expanded stack in `members`.

    `search_error` says why the search could not be parsed; the page is then empty.
    """

    page: InboxPage
    now: datetime
    filters: Filters | None = None
    members: tuple[InboxRow, ...] = ()
    search_error: str = ""

    @property
    def top(self) -> str:
        """The cursor of the first row: newer rows wait until they are asked for.

        Empty for snoozed notifications, which are ordered by their return.
        """
        if self.filters is None or is_ascending(self.filters):
            return ""
        surfaced_at, row_id = next(((row.surfaced_at, row.id) for row in self.page.rows), (self.now, 1))
        return inbox.write_cursor("n", surfaced_at, row_id)

    @property
    def newer(self) -> int:
        """The number of newer rows that wait above the list."""
        return counts.newer_count(current_user, self.filters, self.now) if self.filters else 0

    def lines(self) -> Iterator[str]:
        """Yield `id:revision` of each row in order, so that the page can find the rows that changed."""
        for row in self.page.rows:
            stack = self.page.stacks.get(row.stack_key)
            yield f"{row_id(row, stack)}:{revision(row, stack)}"
            if stack and self.members and self.members[0].stack_key == stack.key:
                yield from (f"{row_id(member)}:{revision(member)}" for member in self.members)


def load_list(query: ListQuery, now: datetime, *, is_addition: bool = False) -> InboxList:
    """Load the list of the signed-in user for a query. Of a page whose rows have all left, load the first page instead.

    Args:
        is_addition: whether the rows follow those of another page; then there may be none.
    Raises:
        Invalid: the cursor is damaged.
    """
    try:
        filters = query.filters(current_user.time_zone, now)
    except Invalid as error:
        if "search" not in error.errors:
            raise
        return InboxList(InboxPage([], None, None), now, search_error=error.errors["search"])
    is_stacked = current_user.preference.stack_notifications and not query.within
    page = inbox.page_for(
        current_user, filters, cursor=query.cursor, limit=query.limit, is_stacked=is_stacked, now=now
    )
    if query.cursor and not page.rows and not is_addition:
        return load_list(replace(query, cursor=None), now)
    if query.stack not in page.stacks:
        return InboxList(page, now, filters)
    members = inbox.page_for(current_user, replace(filters, stack=query.stack), limit=PAGE, now=now).rows
    return InboxList(page, now, filters, tuple(members))


def extend_to(query: ListQuery, top: tuple[datetime, int] | None) -> ListQuery:
    """Extend a list to include this row at its top, so that a restored row does not wait with the new ones."""
    if top is None or not query.upto or top <= inbox.read_cursor(query.upto)[1:]:
        return query
    return replace(query, upto=inbox.write_cursor("n", *top))


def visible_since(row: InboxRow | Notification) -> datetime:
    """Return when a row of a list became visible, which no list leaves open."""
    return cast(datetime, row.surfaced_at)


def row_id(row: InboxRow | Notification, stack: Stack | None = None) -> str:
    """Return the id of a row's element."""
    return f"s-{stack.key}" if stack else f"n-{row.id}"


def revision(row: InboxRow | Notification, stack: Stack | None = None) -> str:
    """Return a text that changes with everything a row shows."""
    flags = sum(bit for bit, is_on in ((1, row.is_read), (2, row.is_done), (4, row.saved_at)) if is_on)
    parts = [str(flags), f"{int(visible_since(row).timestamp()):x}"]
    if stack:
        parts += [f"{row.id:x}", str(stack.count), str(stack.unread), str(int(stack.is_saved))]
    return ".".join(parts)
