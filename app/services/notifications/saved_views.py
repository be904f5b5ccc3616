"""Saved views: filters that people name and keep in their navigation."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args
from typing import cast as cast_type

from flask_babel import gettext as _
from sqlalchemy import ScalarSelect, Select, Text, case, cast, func, literal_column, select
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
# Of views of unread notifications twice as many are found, so that those that are read need not be counted again.
SPARE = 100
_OWN = CompiledStatement(
    select(SavedView.id, SavedView.name, SavedView.filter, SavedView.position, SavedView.colour)
    .where(SavedView.user_id == USER_ID, SavedView.deleted_at.is_(None))
    .order_by(SavedView.position, SavedView.id)
)
# A view takes 1 KB.
_VIEWS = Memory["CountedViews"](2_000)


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


class _Rows(NamedTuple):
    """The newest rows of a view, from which its counts follow after a change of one of them.

    Attributes:
        ids: negative for those that are read.
        is_all: whether the view has no more rows than these.
        is_unread: whether it shows unread rows only.
        is_by_read: whether it depends on what is read which rows it shows.
        is_by_saved: whether it depends on what is saved.
    """

    ids: array[int]
    is_all: bool
    is_unread: bool
    is_by_read: bool
    is_by_saved: bool


class CountedViews(NamedTuple):
    """A person's views with their counts, the rows of each, and when the counts next change by themselves."""

    views: tuple[ViewWithCount, ...]
    rows: tuple[_Rows, ...]
    until: datetime


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

    def count() -> tuple[CountedViews, datetime | None]:
        rows = _OWN.fetch(user_id=user.id)
        views = [
            (row.id, row.name, SavedFilter.from_view(row), row.position, cast_type(Colour, row.colour))
            for row in rows
        ]
        wanted = tuple(_filters_of(user, view[2], now) for view in views)
        (numbers,) = _count_statement(db.engine.dialect.name, wanted).fetch(user_id=user.id, now=now)
        # A search may say `from:today`.
        midnight = at_hour(now.astimezone(zone(user.time_zone)).date() + timedelta(days=1), 0, user.time_zone)
        until = min(filter(None, (numbers.surfaces_at, numbers.expires_at, midnight)))
        found = tuple(map(_read_rows, wanted, numbers[: len(views)]))
        counted = tuple(ViewWithCount(*view, *_count(rows)) for view, rows in zip(views, found, strict=True))
        return CountedViews(counted, found, until), until

    return _VIEWS.get(user.id, _key(user), now, count, version=version).views


def remembered(user: InboxReader, now: datetime) -> tuple[int, CountedViews] | None:
    """Return the counted views that are remembered, and of which version they are; see `cache.Memory.peek`."""
    return _VIEWS.peek(user.id, _key(user), now)


def remember_change(
    user: InboxReader,
    before: CountedViews,
    action: str,
    notification_id: int,
    *,
    now: datetime,
    version: int,
) -> None:
    """Remember the views after a notification was marked read, unread, saved or not saved, if they follow from that.

    Args:
        before: as they were before this change and after all others.
        version: of the inbox, since this change.
    """
    rows = [_change_rows(each, action, notification_id) for each in before.rows]
    changed = tuple(each for each in rows if each)
    if len(changed) < len(rows):
        return
    views = tuple(
        view if new is old else _with_counts(view, new)
        for view, old, new in zip(before.views, before.rows, changed, strict=True)
    )
    _VIEWS.put(user.id, _key(user), now, (CountedViews(views, changed, before.until), before.until), version)


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
def _count_statement(dialect: str, wanted: tuple[Filters, ...]) -> CompiledStatement:
    surfaces_at, expires_at = changes_after(USER_ID, NOW)
    counts = [
        _count_query(dialect, filters).label(f"count_{number}") for number, filters in enumerate(wanted)
    ]
    statement = select(*counts, surfaces_at.label("surfaces_at"), expires_at.label("expires_at"))
    # The plan of a search depends on its words.
    return CompiledStatement(statement, is_prepared=not any(filters.search.terms for filters in wanted))


def _count_query(dialect: str, filters: Filters) -> ScalarSelect[str]:
    """Find what a view shows, as text that `_read_rows` reads."""
    clauses = matching(filters, USER_ID, NOW)
    signed = case((Notification.read_at.is_(None), Notification.id), else_=-Notification.id)
    # The newest ones: without an order, PostgreSQL collects all matches before it takes a hundred.
    newest = select(cast(signed, Text).label("id")).where(*clauses).order_by(*NEWEST_FIRST)
    rows = in_order(newest.limit(_most(filters)), filters).subquery()
    collect = func.group_concat if dialect == "sqlite" else func.string_agg
    return select(collect(rows.c.id, literal_column("','"))).scalar_subquery()


def _most(filters: Filters) -> int:
    return MAX_COUNT + SPARE if filters.is_unread_only else MAX_COUNT


def _read_rows(filters: Filters, text: str | None) -> _Rows:
    ids = array("q", map(int, text.split(",")) if text else ())
    states = {*filters.places, *(term.value for term in filters.search.terms if term.name in ("is", "in"))}
    return _Rows(
        ids,
        is_all=len(ids) < _most(filters),
        is_unread=filters.is_unread_only,
        is_by_read=bool(states & {"unread", "read"})
        or any(term.name == "status" for term in filters.search.terms),
        is_by_saved="saved" in states,
    )


def _count(rows: _Rows) -> tuple[int, int]:
    """Return what is shown of a view: how many, and how many of these are unread."""
    return min(len(rows.ids), MAX_COUNT), min(sum(map((0).__lt__, rows.ids)), MAX_COUNT)


def _with_counts(view: ViewWithCount, rows: _Rows) -> ViewWithCount:
    count, unread = _count(rows)
    return replace(view, count=count, unread=unread)


def _change_rows(rows: _Rows, action: str, notification_id: int) -> _Rows | None:
    """Return the rows of a view after the change of a notification, whose place in the list it does not change.

    None if they must be found again: the notification has come to the view, or the rows that were found are used up.
    """
    if action in ("saved", "unsaved"):
        return None if rows.is_by_saved else rows
    if rows.is_unread and action == "read":
        # It was unread, so it is gone. If it was not among these, it was further down.
        if notification_id not in rows.ids:
            return rows
        left = rows.ids[:]
        left.remove(notification_id)
        return rows._replace(ids=left) if rows.is_all or len(left) >= MAX_COUNT else None
    if rows.is_by_read:
        return None
    # It has stayed in the view, or out of it.
    old = notification_id if action == "read" else -notification_id
    if old not in rows.ids:
        return rows
    ids = rows.ids[:]
    ids[ids.index(old)] = -old
    return rows._replace(ids=ids)


def _key(user: InboxReader) -> tuple[str, str]:
    return "views", user.time_zone
