"""A list as its address asks for it; a search that is not understood finds nothing and says why."""

from __future__ import annotations

from app.forms.notifications import ListQuery
from app.services import notifications
from app.services.errors import Invalid
from app.services.notifications import Page
from app.views.access import current_user


def page_for(query: ListQuery) -> Page:
    """One page of the reader's list. Raises Invalid where the cursor is not one of ours."""
    if wrong(query):
        return Page([], None, None)
    filters = query.filters(current_user.time_zone)
    return notifications.page_for(current_user, filters, cursor=query.cursor, limit=query.limit)


def wrong(query: ListQuery) -> str:
    """Why the list's search is not understood: a sentence that says what is possible, or nothing."""
    try:
        query.filters(current_user.time_zone)
    except Invalid as error:
        return error.errors["search"]
    return ""
