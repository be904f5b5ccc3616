"""The saved views of the signed-in user, as links to their lists."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from app.forms.notifications import ListQuery
from app.services.notifications import saved_views
from app.services.notifications.saved_views import SavedFilter, ViewWithCount
from app.views.web.auth import inbox_version, this_session
from app.views.web.once import once_per_request


class ViewLink(NamedTuple):
    """A view as the navigation shows it; `is_current` on the page of its list, whatever has been filtered since.

    Its dot has the colour of `category`.
    """

    id: int
    query: ListQuery
    name: str
    unread: int
    category: str
    is_current: bool


class ViewColour(NamedTuple):
    """A colour that people can choose for a view: its name, its label, and the category with the same colour."""

    name: str
    label: LazyString
    category: str


COLOURS = (
    ViewColour("violet", _l("Violet"), "interview"),
    ViewColour("blue", _l("Blue"), "resume"),
    ViewColour("green", _l("Green"), "candidate"),
    ViewColour("yellow", _l("Yellow"), "job"),
    ViewColour("orange", _l("Orange"), "evaluation"),
    ViewColour("grey", _l("Grey"), "system"),
)
_CATEGORIES = {colour.name: colour.category for colour in COLOURS}


def view_links(shown: object) -> tuple[ViewLink, ...]:
    """Return the views of the signed-in user for the navigation.

    Args:
        shown: the query of the page; other pages than lists have none, or one of another kind.
    """
    if not isinstance(shown, ListQuery):
        return _links(once_per_request(_views), None, None)
    return _links(once_per_request(_views), shown.text(view_id=None, stack=None), shown.view_id)


def current_view(shown: ListQuery) -> ViewLink | None:
    """Return the view that a list is, or began as."""
    return next((view for view in view_links(shown) if view.is_current), None)


def list_views() -> list[tuple[ListQuery, ViewWithCount]]:
    """Return the views of the signed-in user, each with its list."""
    return [(_list_of(view.filter), view) for view in once_per_request(_views)]


def filter_of(query: ListQuery) -> SavedFilter:
    """Return the filter of a list, to be saved."""
    place = "all" if query.place == "anywhere" else query.place
    return SavedFilter(place, query.categories, query.priorities, query.search)


@lru_cache(maxsize=1_000)
def _links(views: tuple[ViewWithCount, ...], text: str | None, view_id: int | None) -> tuple[ViewLink, ...]:
    ids = [
        view.id for view in views if view.id == view_id or (view_id is None and _text_of(view.filter) == text)
    ]
    return tuple(
        ViewLink(
            view.id, _list_of(view.filter), view.name, view.unread, _category_of(view), ids[:1] == [view.id]
        )
        for view in views
    )


def _category_of(view: ViewWithCount) -> str:
    if view.colour:
        return _CATEGORIES[view.colour]
    return view.filter.category[0] if view.filter.category else "system"


def _views() -> tuple[ViewWithCount, ...]:
    return saved_views.list_views_with_counts(this_session(), version=inbox_version())


@lru_cache(maxsize=1_000)
def _text_of(saved: SavedFilter) -> str:
    return _list_of(saved).text()


@lru_cache(maxsize=1_000)
def _list_of(saved: SavedFilter) -> ListQuery:
    place = "anywhere" if saved.place == "all" and saved.search else saved.place
    return ListQuery(place, saved.category, saved.priority, saved.search)
