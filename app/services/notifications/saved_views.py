"""Saved views: a filter that its owner gave a name and a place in the navigation."""

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
from app.database.sqlite import lock_for_writing
from app.database.writing import BULK
from app.models import Notification, SavedView, User
from app.rendering.invisible_characters import strip_invisible
from app.services.base import cache
from app.services.base.errors import Invalid, NotFound, ServiceError
from app.services.notifications import actions, search_query
from app.services.notifications.inbox import Filters, conditions

V = SavedView
MAX_VIEWS, LONGEST = 20, 60
# Nobody reads a larger number beside a name, and nobody waits for it to be counted.
COUNTED = 100
# What surfaces or ends by itself is seen after so long; whatever anybody does, at once.
COUNTS_LAST = timedelta(seconds=15)


@dataclass(frozen=True)
class Filter:
    """What a view shows: what the address of a list says."""

    place: str = "inbox"
    category: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    search: str = ""

    @classmethod
    def of(cls, view: SavedView) -> Filter:
        """What this view shows."""
        kept = view.filter
        return cls(kept["place"], tuple(kept["category"]), tuple(kept["priority"]), kept["search"])


@dataclass(frozen=True)
class ViewWithCount:
    """A view as the navigation has it; `count` is how many notifications it shows, up to a hundred."""

    id: int
    name: str
    filter: Filter
    count: int


def list_views(user: User) -> list[SavedView]:
    """This person's views in their order."""
    return list(db.session.scalars(_of(user)))


def get(user: User, view_id: int) -> SavedView:
    """One of this person's views. Raises NotFound."""
    view = db.session.scalar(_of(user).where(V.id == view_id))
    if view is None:
        raise NotFound(_("There is no such view."))
    return view


def view_with_count(user: User, now: datetime | None = None) -> list[ViewWithCount]:
    """The views in their order, each with its number: two queries, remembered while nobody writes."""
    now = now or utc_now()

    def count() -> tuple[list[ViewWithCount], datetime]:
        views = [(view.id, view.name, Filter.of(view)) for view in list_views(user)]
        numbers = [_number(user, wanted, now).scalar_subquery() for _id, _name, wanted in views]
        counts = db.session.execute(select(*numbers)).one() if views else ()
        return [
            ViewWithCount(*view, number) for view, number in zip(views, counts, strict=True)
        ], now + COUNTS_LAST

    found: list[ViewWithCount] = cache.cached(("views", user.id), now, count)
    return found


def create(user: User, name: str, wanted: Filter) -> SavedView:
    """Save a filter under a name, behind the views that are there.

    Raises:
        Invalid: the name is empty, too long or taken, the search is not understood, or there are twenty already; keyed
            `name` or `search`.
    """
    with _writing(user) as others:
        _make_sure_of_room(others)
        last = max((other.position for other in others), default=0)
        view = V(
            user_id=user.id, name=_name(name, others), filter=_kept(user, asdict(wanted)), position=last + 1
        )
        db.session.add(view)
    return view


def change(
    user: User, view_id: int, *, name: str | None = None, **parts: str | Sequence[str] | None
) -> SavedView:
    """Give a view another name, or other parts of a `Filter` by their names; what is None stays.

    Raises NotFound, and Invalid as `create` does.
    """
    with _writing(user) as views:
        view = get(user, view_id)
        if name is not None:
            view.name = _name(name, [other for other in views if other is not view])
        given = {part: value for part, value in parts.items() if value is not None}
        view.filter = _kept(user, view.filter | given)
    return view


def reorder(user: User, view_ids: Sequence[int]) -> list[SavedView]:
    """Put the views in this order. Raises Invalid, keyed `view_ids`, unless each of them is named once."""
    with _writing(user) as views:
        if sorted(view_ids) != sorted(view.id for view in views):
            raise Invalid({"view_ids": _("Name each of your views once.")})
        for view in views:
            view.position = view_ids.index(view.id) + 1
    return list_views(user)


def move(user: User, view_id: int, by: int) -> None:
    """Move a view up (-1) or down (1); at the end it stays. Raises NotFound."""
    with _writing(user) as views:
        at = views.index(get(user, view_id))
        views.insert(min(max(at + by, 0), len(views) - 1), views.pop(at))
        for position, view in enumerate(views, start=1):
            view.position = position


def delete(user: User, view_id: int, now: datetime | None = None) -> SavedView:
    """Delete a view; for ten minutes `restore` brings it back. Raises NotFound."""
    now = now or utc_now()
    with _writing(user):
        view = get(user, view_id)
        view.deleted_at = now
        # What can no longer be brought back goes when the next one does.
        over = V.deleted_at <= now - actions.UNDO_FOR
        db.session.execute(sql_delete(V).where(V.user_id == user.id, over), execution_options=BULK)
    return view


def restore(user: User, view_id: int, now: datetime | None = None) -> SavedView:
    """Bring a deleted view back to where it stood.

    Raises:
        NotFound: this person deleted no such view, or more than ten minutes ago.
        Invalid: there is no room any more, or its name was given to another; keyed `name`.
    """
    recently = V.deleted_at > (now or utc_now()) - actions.UNDO_FOR
    with _writing(user) as others:
        view = db.session.scalar(select(V).where(V.user_id == user.id, V.id == view_id, recently))
        if view is None:
            raise NotFound(_("This can no longer be undone."))
        _make_sure_of_room(others)
        view.name = _name(view.name, others)
        view.deleted_at = None
    return view


@contextmanager
def _writing(user: User) -> Iterator[list[SavedView]]:
    """The views while they are changed, by nobody else meanwhile: two tabs must not save a twenty-first."""
    lock_for_writing()
    db.session.scalar(select(User.id).where(User.id == user.id).with_for_update())
    try:
        yield list_views(user)
    except ServiceError:
        db.session.rollback()
        raise
    # Every open page shows them.
    actions.bump_inbox_versions([user.id])
    db.session.commit()


def _of(user: User) -> Select[SavedView]:
    return select(V).where(V.user_id == user.id, V.deleted_at.is_(None)).order_by(V.position, V.id)


def _name(name: str, others: Sequence[SavedView]) -> str:
    name = " ".join(strip_invisible(name).split())
    if not 0 < len(name) <= LONGEST:
        raise Invalid({"name": _("Give the view a name of at most %(n)s letters.", n=LONGEST)})
    if name.casefold() in {other.name.casefold() for other in others}:
        raise Invalid({"name": _("You have a view called “%(name)s” already.", name=name)})
    return name


def _kept(user: User, wanted: dict[str, Any]) -> dict[str, Any]:
    """The parts of a filter as they are kept. Raises Invalid, keyed `search`."""
    search_query.parse(wanted["search"], user.time_zone)
    return {part: value if isinstance(value, str) else list(value) for part, value in wanted.items()}


def _make_sure_of_room(others: Sequence[SavedView]) -> None:
    if len(others) >= MAX_VIEWS:
        raise Invalid(
            {"name": _("You have %(n)s views, and more do not fit. Delete one first.", n=MAX_VIEWS)}
        )


def _number(user: User, wanted: Filter, now: datetime) -> Select[int]:
    search = search_query.parse(wanted.search, user.time_zone, now)
    filters = Filters(wanted.place, wanted.category, priorities=wanted.priority, search=search)
    rows = select(Notification.id).where(*conditions(user, filters, now)).limit(COUNTED)
    return select(func.count()).select_from(rows.subquery())
