"""Saved views: filters that people name and keep in their navigation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, cast, get_args

from flask_babel import gettext as _
from sqlalchemy import ScalarSelect, Select, func, select
from sqlalchemy import delete as sql_delete

from app.clock import utc_now
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.database.writing import BULK, writing
from app.models import Notification, SavedView, User
from app.rendering.dates import zone
from app.rendering.invisible_characters import clean
from app.services.base.cache import Memory
from app.services.base.errors import Invalid, NotFound
from app.services.base.local_time import at_hour
from app.services.notifications import inbox_version, search_query, undo
from app.services.notifications.conditions import NEWEST_FIRST
from app.services.notifications.filters import (
    NOW,
    USER_ID,
    Filters,
    InboxReader,
    changes_after,
    for_pages,
    in_order,
    matching,
)

MAX_VIEWS, MAX_NAME = 20, 60
Colour = Literal["", "violet", "blue", "green", "yellow", "orange", "grey"]
# A larger number beside a name is not worth the time to count it.
MAX_COUNT = 100
# One number stands for two: all that a view shows, and how much of that is unread.
ALL = 1000
_OWN = CompiledStatement(
    select(SavedView.id, SavedView.name, SavedView.filter, SavedView.position, SavedView.colour)
    .where(SavedView.user_id == USER_ID, SavedView.deleted_at.is_(None))
    .order_by(SavedView.position, SavedView.id)
)
# Twenty views of perhaps 200 bytes each.
_VIEWS = Memory["tuple[ViewWithCount, ...]"](5_000)


@dataclass(frozen=True)
class SavedFilter:
    """The filter of a view, with the same parts as the URL of a list."""

    place: str = "inbox"
    category: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    search: str = ""

    @classmethod
    def from_view(cls, view: Any) -> SavedFilter:
        """Read the filter of a view, or of a row of one."""
        stored = view.filter
        return cls(stored["place"], tuple(stored["category"]), tuple(stored["priority"]), stored["search"])


@dataclass(frozen=True)
class ViewWithCount:
    """A view with the number of its notifications, up to a hundred, and how many of these are unread.

    `colour` is that of its dot in the navigation; empty for the colour of its first category.
    """

    id: int
    name: str
    filter: SavedFilter
    position: int
    colour: Colour
    count: int
    unread: int


def list_views(user: InboxReader) -> list[SavedView]:
    """List a person's views in their order."""
    return list(db.session.scalars(_views_of(user)))


def get(user: User, view_id: int) -> SavedView:
    """Load one of a person's views. Raises NotFound."""
    view = db.session.scalar(_views_of(user).where(SavedView.id == view_id))
    if view is None:
        raise NotFound(_("View not found."))
    return view


def list_views_with_counts(
    user: InboxReader, now: datetime | None = None, *, version: int | None = None
) -> tuple[ViewWithCount, ...]:
    """List a person's views with their counts: two queries, remembered until the inbox or a view changes.

    Args:
        version: see `cache.Memory.get`.
    """
    now = now or utc_now()

    def count() -> tuple[tuple[ViewWithCount, ...], datetime | None]:
        rows = _OWN.fetch(user_id=user.id)
        views = [
            (row.id, row.name, SavedFilter.from_view(row), row.position, cast(Colour, row.colour))
            for row in rows
        ]
        wanted = tuple(_filters_of(user, view[2], now) for view in views)
        (numbers,) = _count_statement(db.engine.dialect.name, wanted).fetch(user_id=user.id, now=now)
        # A search may say `from:today`.
        midnight = at_hour(now.astimezone(zone(user.time_zone)).date() + timedelta(days=1), 0, user.time_zone)
        until = min(filter(None, (numbers.surfaces_at, numbers.expires_at, midnight)))
        counted = zip(views, numbers[: len(views)], strict=True)
        return tuple(ViewWithCount(*view, *divmod(number, ALL)) for view, number in counted), until

    return _VIEWS.get(user.id, ("views", user.time_zone), now, count, version=version)


def create(user: User, name: str, wanted: SavedFilter, *, colour: str = "") -> SavedView:
    """Save a filter under a name, after the existing views.

    Raises:
        Invalid: the name is empty, too long or taken, the colour is unknown, the search cannot be parsed, or the
            person has twenty views already; keyed `name`, `colour` or `search`.
    """
    with _editing(user) as others:
        _check_limit(others)
        last = max((other.position for other in others), default=0)
        view = SavedView(
            user_id=user.id,
            name=_check_name(name, others),
            colour=_check_colour(colour),
            filter=_check_filter(user, asdict(wanted)),
            position=last + 1,
        )
        db.session.add(view)
    return view


def change(
    user: User,
    view_id: int,
    *,
    name: str | None = None,
    colour: str | None = None,
    **parts: str | Sequence[str] | None,
) -> SavedView:
    """Change a view's name or colour, or parts of its `SavedFilter` by their names; None leaves a part unchanged.

    Raises:
        NotFound: this person has no such view.
        Invalid: as in `create`.
    """
    with _editing(user) as views:
        view = get(user, view_id)
        if name is not None:
            view.name = _check_name(name, [other for other in views if other is not view])
        if colour is not None:
            view.colour = _check_colour(colour)
        given = {part: value for part, value in parts.items() if value is not None}
        view.filter = _check_filter(user, view.filter | given)
    return view


def reorder(user: User, view_ids: Sequence[int]) -> list[SavedView]:
    """Put the views in this order. Raises Invalid, keyed `view_ids`, unless it names each of them once."""
    with _editing(user) as views:
        if sorted(view_ids) != sorted(view.id for view in views):
            raise Invalid({"view_ids": _("List each of your views exactly once.")})
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
        is_purged = SavedView.deleted_at <= now - undo.UNDO_FOR
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
    recently = SavedView.deleted_at > (now or utc_now()) - undo.UNDO_FOR
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
    with writing(lock=User, row_id=user.id):
        yield list_views(user)
        # Every open page shows the views.
        inbox_version.bump([user.id])


def _views_of(user: InboxReader) -> Select[SavedView]:
    return (
        select(SavedView)
        .where(SavedView.user_id == user.id, SavedView.deleted_at.is_(None))
        .order_by(SavedView.position, SavedView.id)
    )


def _check_name(name: str, others: Sequence[SavedView]) -> str:
    name = " ".join(clean(name).split())
    if not 0 < len(name) <= MAX_NAME:
        raise Invalid({"name": _("Give the view a name of at most %(n)s characters.", n=MAX_NAME)})
    if name.casefold() in {other.name.casefold() for other in others}:
        raise Invalid({"name": _("You already have a view called “%(name)s”.", name=name)})
    return name


def _check_colour(colour: str) -> str:
    if colour not in get_args(Colour):
        raise Invalid(
            {"colour": _("Choose one of: %(names)s.", names=", ".join(filter(None, get_args(Colour))))}
        )
    return colour


def _check_filter(user: User, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return a filter in the form in which it is stored. Raises Invalid, keyed `search`."""
    search_query.parse(wanted["search"], user.time_zone)
    return {part: value if isinstance(value, str) else list(value) for part, value in wanted.items()}


def _check_limit(others: Sequence[SavedView]) -> None:
    if len(others) >= MAX_VIEWS:
        raise Invalid({"name": _("You can have at most %(n)s views. Delete one first.", n=MAX_VIEWS)})


def _filters_of(user: InboxReader, wanted: SavedFilter, now: datetime) -> Filters:
    search = search_query.parse(wanted.search, user.time_zone, now)
    filters = Filters(wanted.place, wanted.category, priorities=wanted.priority, search=search)
    return for_pages(filters, user.id, now)


# Built once for the same views: that took longer than counting, and each change of an inbox counts again.
@lru_cache(maxsize=200)
def _count_statement(_dialect: str, wanted: tuple[Filters, ...]) -> CompiledStatement:
    surfaces_at, expires_at = changes_after(USER_ID, NOW)
    counts = [_count_query(filters).label(f"count_{number}") for number, filters in enumerate(wanted)]
    statement = select(*counts, surfaces_at.label("surfaces_at"), expires_at.label("expires_at"))
    # The plan of a search depends on its words.
    return CompiledStatement(statement, is_prepared=not any(filters.search.terms for filters in wanted))


def _count_query(filters: Filters) -> ScalarSelect[int]:
    """Count what a view shows; `divmod` by `ALL` splits the number."""
    clauses = matching(filters, USER_ID, NOW)
    # The newest ones: without an order, PostgreSQL collects all matches before it takes a hundred.
    newest = select(Notification.read_at).where(*clauses).order_by(*NEWEST_FIRST).limit(MAX_COUNT)
    rows = in_order(newest, filters).subquery()
    number = func.count() * ALL + func.count() - func.count(rows.c.read_at)
    return select(number).select_from(rows).scalar_subquery()
