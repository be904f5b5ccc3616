"""Saved views: filters that people name and keep in their navigation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, func, select
from sqlalchemy import delete as sql_delete

from app.clock import utc_now
from app.database.base import db
from app.database.writing import BULK, writing
from app.models import Notification, SavedView, User
from app.rendering.invisible_characters import strip_invisible
from app.services.base import cache
from app.services.base.errors import Invalid, NotFound
from app.services.notifications import actions, search_query
from app.services.notifications.filters import Filters, conditions

MAX_VIEWS, MAX_NAME = 20, 60
# A larger number beside a name is not worth the time to count it.
MAX_COUNT = 100
# How late a count may notice that a notification surfaced or expired by itself. Actions show at once.
COUNTS_VALID_FOR = timedelta(seconds=15)


@dataclass(frozen=True)
class Filter:
    """The filter of a view, with the same parts as the URL of a list."""

    place: str = "inbox"
    category: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    search: str = ""

    @classmethod
    def of(cls, view: SavedView) -> Filter:
        """Read the filter of a view."""
        stored = view.filter
        return cls(stored["place"], tuple(stored["category"]), tuple(stored["priority"]), stored["search"])


@dataclass(frozen=True)
class ViewWithCount:
    """A view as the navigation shows it; `count` is its number of notifications, up to a hundred."""

    id: int
    name: str
    filter: Filter
    position: int
    count: int


def list_views(user: User) -> list[SavedView]:
    """List a person's views in their order."""
    return list(db.session.scalars(_views_of(user)))


def get(user: User, view_id: int) -> SavedView:
    """Load one of a person's views. Raises NotFound."""
    view = db.session.scalar(_views_of(user).where(SavedView.id == view_id))
    if view is None:
        raise NotFound(_("There is no such view."))
    return view


def list_views_with_counts(user: User, now: datetime | None = None) -> list[ViewWithCount]:
    """List a person's views with their counts: two queries, cached until anything is written to the database."""
    now = now or utc_now()

    def count() -> tuple[list[ViewWithCount], datetime]:
        views = [(view.id, view.name, Filter.of(view), view.position) for view in list_views(user)]
        numbers = [
            _count_query(user, wanted, now).scalar_subquery() for _id, _name, wanted, _position in views
        ]
        counts = db.session.execute(select(*numbers)).one() if views else ()
        return [
            ViewWithCount(*view, number) for view, number in zip(views, counts, strict=True)
        ], now + COUNTS_VALID_FOR

    found: list[ViewWithCount] = cache.cached(("views", user.id), now, count)
    return found


def create(user: User, name: str, wanted: Filter) -> SavedView:
    """Save a filter under a name, after the existing views.

    Raises:
        Invalid: the name is empty, too long or taken, the search cannot be parsed, or there are twenty views already;
            keyed `name` or `search`.
    """
    with _editing(user) as others:
        _check_limit(others)
        last = max((other.position for other in others), default=0)
        view = SavedView(
            user_id=user.id,
            name=_check_name(name, others),
            filter=_check_filter(user, asdict(wanted)),
            position=last + 1,
        )
        db.session.add(view)
    return view


def change(
    user: User, view_id: int, *, name: str | None = None, **parts: str | Sequence[str] | None
) -> SavedView:
    """Change a view's name, or parts of its `Filter` by their names; None leaves a part unchanged.

    Raises:
        NotFound: this person has no such view.
        Invalid: as in `create`.
    """
    with _editing(user) as views:
        view = get(user, view_id)
        if name is not None:
            view.name = _check_name(name, [other for other in views if other is not view])
        given = {part: value for part, value in parts.items() if value is not None}
        view.filter = _check_filter(user, view.filter | given)
    return view


def reorder(user: User, view_ids: Sequence[int]) -> list[SavedView]:
    """Put the views in this order. Raises Invalid, keyed `view_ids`, unless it names each of them once."""
    with _editing(user) as views:
        if sorted(view_ids) != sorted(view.id for view in views):
            raise Invalid({"view_ids": _("Name each of your views once.")})
        for view in views:
            view.position = view_ids.index(view.id) + 1
    return list_views(user)


def move(user: User, view_id: int, by: int) -> None:
    """Move a view up (-1) or down (1), unless it is there already. Raises NotFound."""
    with _editing(user) as views:
        at = views.index(get(user, view_id))
        views.insert(min(max(at + by, 0), len(views) - 1), views.pop(at))
        for position, view in enumerate(views, start=1):
            view.position = position


def delete(user: User, view_id: int, now: datetime | None = None) -> SavedView:
    """Delete a view; for ten minutes `restore` brings it back. Raises NotFound."""
    now = now or utc_now()
    with _editing(user):
        view = get(user, view_id)
        view.deleted_at = now
        # Views that can no longer be restored are purged along with the next deletion.
        is_purged = SavedView.deleted_at <= now - actions.UNDO_FOR
        db.session.execute(
            sql_delete(SavedView).where(SavedView.user_id == user.id, is_purged), execution_options=BULK
        )
    return view


def restore(user: User, view_id: int, now: datetime | None = None) -> SavedView:
    """Restore a deleted view to its position.

    Raises:
        NotFound: this person deleted no such view, or deleted it more than ten minutes ago.
        Invalid: there are twenty views again, or its name is taken; keyed `name`.
    """
    recently = SavedView.deleted_at > (now or utc_now()) - actions.UNDO_FOR
    with _editing(user) as others:
        view = db.session.scalar(
            select(SavedView).where(SavedView.user_id == user.id, SavedView.id == view_id, recently)
        )
        if view is None:
            raise NotFound(_("This can no longer be undone."))
        _check_limit(others)
        view.name = _check_name(view.name, others)
        view.deleted_at = None
    return view


@contextmanager
def _editing(user: User) -> Iterator[list[SavedView]]:
    """Yield the views for a change, locked: two tabs must not save a twenty-first."""
    with writing():
        db.session.scalar(select(User.id).where(User.id == user.id).with_for_update())
        yield list_views(user)
        # Every open page shows the views.
        actions.bump_inbox_versions([user.id])


def _views_of(user: User) -> Select[SavedView]:
    return (
        select(SavedView)
        .where(SavedView.user_id == user.id, SavedView.deleted_at.is_(None))
        .order_by(SavedView.position, SavedView.id)
    )


def _check_name(name: str, others: Sequence[SavedView]) -> str:
    name = " ".join(strip_invisible(name).split())
    if not 0 < len(name) <= MAX_NAME:
        raise Invalid({"name": _("Give the view a name of at most %(n)s letters.", n=MAX_NAME)})
    if name.casefold() in {other.name.casefold() for other in others}:
        raise Invalid({"name": _("You have a view called “%(name)s” already.", name=name)})
    return name


def _check_filter(user: User, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return a filter in the form in which it is stored. Raises Invalid, keyed `search`."""
    search_query.parse(wanted["search"], user.time_zone)
    return {part: value if isinstance(value, str) else list(value) for part, value in wanted.items()}


def _check_limit(others: Sequence[SavedView]) -> None:
    if len(others) >= MAX_VIEWS:
        raise Invalid({"name": _("You can have at most %(n)s views. Delete one first.", n=MAX_VIEWS)})


def _count_query(user: User, wanted: Filter, now: datetime) -> Select[int]:
    search = search_query.parse(wanted.search, user.time_zone, now)
    filters = Filters(wanted.place, wanted.category, priorities=wanted.priority, search=search)
    rows = select(Notification.id).where(*conditions(user, filters, now)).limit(MAX_COUNT)
    return select(func.count()).select_from(rows.subquery())
