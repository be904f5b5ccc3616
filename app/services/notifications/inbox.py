"""Reading a person's notifications. Ownership stands in each query: another's row does not exist here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import BindParameter, Select, and_, bindparam, false, func, or_, select, tuple_
from sqlalchemy.orm import joinedload, selectinload

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, NotificationChange, User
from app.services.base import cache, paging
from app.services.base.errors import Invalid, NotFound
from app.services.notifications import actions, stacks
from app.services.notifications import conditions as notification_conditions
from app.services.notifications.places import PLACES, Clauses, conditions_for_place
from app.services.notifications.search_query import EVERYTHING, Query

N = Notification
READER, NOW = bindparam("reader", type_=N.id.type), bindparam("now", type_=N.created_at.type)


@dataclass(frozen=True)
class Filters:
    """What a list shows. Values of one field are alternatives, fields narrow each other."""

    place: str = "inbox"
    categories: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    is_read: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    search: Query = EVERYTHING
    # One stack alone; only what surfaced in a while; only what stands at this key of the list or behind it.
    stack: str = ""
    during: tuple[datetime, datetime] | None = None
    upto: tuple[datetime, int] | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """Where to look: where the query says, else in the list's own place."""
        return self.search.places or (self.place,)


@dataclass(frozen=True)
class InboxPage:
    """Rows, newest first, and the opaque cursors of the pages beside it (None: there is none).

    `stacks` tells by their key which of the rows stand for more than themselves.
    """

    rows: list[Notification]
    next: str | None
    previous: str | None
    stacks: dict[str, stacks.Stack] = field(default_factory=dict)


def for_user(user: User, now: datetime | None = None) -> Select[Notification]:
    """All rows of one person that are there: what is to come at its `deliver_at` does not exist before."""
    return select(N).where(*_there(user, now or utc_now()))


def _there(user: User, now: datetime) -> Clauses:
    return [N.recipient_id == user.id, or_(N.deliver_at.is_(None), N.deliver_at <= now)]


def conditions(user: User, filters: Filters, now: datetime) -> Clauses:
    """The filter as SQL conditions; the same for lists, counts and changes, in pages and API."""
    return matching(filters, user.id, now)


def matching(
    filters: Filters, reader: int | BindParameter[int], now: datetime | BindParameter[datetime]
) -> Clauses:
    """The same with placeholders instead of a reader and an instant, for statements that are built once."""
    alternatives = (
        (N.category, filters.categories),
        (N.notification_type, filters.types),
        (N.priority, filters.priorities),
        (N.status, filters.statuses),
    )
    clauses: Clauses = [
        N.recipient_id == reader,
        or_(N.expires_at.is_(None), N.expires_at > now),
        *(clause for place in filters.places for clause in conditions_for_place(place, now)),
        *(column.in_(values) for column, values in alternatives if values),
    ]
    if filters.is_read is not None:
        clauses.append(N.read_at.is_not(None) if filters.is_read else N.read_at.is_(None))
    if filters.created_after:
        clauses.append(N.created_at > filters.created_after)
    if filters.created_before:
        clauses.append(N.created_at < filters.created_before)
    if filters.stack:
        clauses.append(N.stack_key == filters.stack)
    if filters.during:
        clauses += [N.surfaced_at >= filters.during[0], N.surfaced_at < filters.during[1]]
    if filters.upto:
        clauses.append(tuple_(N.surfaced_at, N.id) <= tuple_(*filters.upto))
    return clauses + notification_conditions.search_conditions(filters.search, reader, now)


def page_for(
    user: User,
    filters: Filters,
    *,
    cursor: str | None = None,
    limit: int = 50,
    is_stacked: bool = False,
    now: datetime | None = None,
) -> InboxPage:
    """One page of a person's notifications, newest first, found by key: a deep page costs what the first does.

    What is put off stands the other way round: what comes back soonest is first.

    Args:
        cursor: `next` or `previous` of another page of the same list.
        limit: rows a page, 1 to 200.
        is_stacked: show of each stack its newest row alone; see `stacks`.
    Raises:
        Invalid: the cursor is not one of ours.
    """
    now = now or utc_now()
    key = tuple_(N.surfaced_at, N.id)
    clauses = conditions(user, filters, now)
    query = select(N)
    backwards, rising = False, bound_after_undo(filters)
    if cursor:
        backwards, surfaced_at, row_id = read_cursor(cursor)
        rising = bound_after_undo(filters, backwards=backwards)
        bound = tuple_(surfaced_at, row_id)
        # Before the other conditions: of two bounds SQLite takes the first, and would walk here from the newest row.
        query = query.where(key > bound if rising else key < bound)
    query = query.where(*clauses, *[stacks.only_heads(clauses, rises=bound_after_undo(filters))] * is_stacked)
    order = (N.surfaced_at, N.id) if rising else (N.surfaced_at.desc(), N.id.desc())
    found = db.session.scalars(query.order_by(*order).limit(limit + 1)).all()
    page = paging.cut(found, limit, has_cursor=cursor is not None, is_backwards=backwards)
    keys = {row.stack_key for row in page.rows if row.stack_key}
    return InboxPage(
        list(page.rows),
        write_cursor("n", page.last.surfaced_at, page.last.id) if page.last else None,
        write_cursor("p", page.first.surfaced_at, page.first.id) if page.first else None,
        stacks.load_stacks(clauses, keys) if is_stacked else {},
    )


def newer_count(user: User, filters: Filters, now: datetime | None = None) -> int:
    """How many wait above what `filters.upto` still shows; counted up to a hundred."""
    clauses = conditions(user, replace(filters, upto=None), now or utc_now())
    newer = tuple_(N.surfaced_at, N.id) > tuple_(*filters.upto) if filters.upto else false()
    some = select(N.id).where(*clauses, newer).limit(100).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def total(user: User, filters: Filters, now: datetime | None = None) -> int:
    """How many a list holds, on all its pages."""
    return db.session.scalar(select(func.count()).where(*conditions(user, filters, now or utc_now()))) or 0


def bound_after_undo(filters: Filters, *, backwards: bool = False) -> bool:
    """Whether rows are read from the earliest on: a list is newest first, but what is put off soonest first."""
    return backwards != ("later" in filters.places)


CURSOR = r"[np][0-9]{1,16}-[1-9][0-9]{0,17}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write_cursor(direction: str, surfaced_at: datetime | None, row_id: int) -> str:
    """An opaque cursor: the page after (`n`) or before (`p`) a row, in the list's order."""
    return f"{direction}{((surfaced_at or _EPOCH) - _EPOCH) // timedelta(microseconds=1)}-{row_id}"


def read_cursor(cursor: str) -> tuple[bool, datetime, int]:
    """Whether a cursor leads backwards, and the row it stands at. Raises Invalid."""
    if not re.fullmatch(CURSOR, cursor, re.ASCII):
        raise Invalid({"cursor": _("This page address is damaged. Start again from the first page.")})
    microseconds, row_id = cursor[1:].split("-")
    return cursor[0] == "p", _EPOCH + timedelta(microseconds=int(microseconds)), int(row_id)


def get(user: User, notification_id: int) -> Notification:
    """One notification of this person.

    Raises:
        NotFound: there is none with this id, or it is somebody else's.
    """
    return _one(for_user(user), notification_id)


def detail(user: User, notification_id: int) -> Notification:
    """The same with its event, interview and deliveries loaded. Raises NotFound likewise."""
    query = for_user(user).options(joinedload(N.event), joinedload(N.interview), selectinload(N.deliveries))
    return _one(query, notification_id)


def _one(query: Select[Notification], notification_id: int) -> Notification:
    row = db.session.scalar(query.where(N.id == notification_id)) if 0 < notification_id < 2**63 else None
    if row is None:
        raise NotFound(_("There is no such notification."))
    return row


# Built once, for it runs all day: the number, and the instants at which it changes without anybody doing anything.
# What is over is counted by itself: hardly anything expires, and a condition a row makes counting half as slow again.
_MINE = [N.recipient_id == READER, *PLACES["unread"]]
_SHOWN = select(func.count()).where(*_MINE, N.surfaced_at <= NOW).scalar_subquery()
# coalesce: so that SQLite takes the index of what expires, and not the one of all that is unread.
_OVER = select(func.count()).where(*_MINE, func.coalesce(N.surfaced_at, NOW) <= NOW, N.expires_at <= NOW)
_UNREAD = select(
    _SHOWN - _OVER.scalar_subquery(),
    select(func.min(N.surfaced_at)).where(*_MINE, N.surfaced_at > NOW).scalar_subquery(),
    select(func.min(N.expires_at)).where(*_MINE, N.expires_at > NOW).scalar_subquery(),
)


def unread_count(user_id: int, now: datetime | None = None) -> int:
    """Count the unread notifications in a person's inbox; cached until anything is written to the database."""
    now = now or utc_now()

    def count() -> tuple[int, datetime | None]:
        number, surfacing, expiring = db.session.execute(_UNREAD, {"reader": user_id, "now": now}).one()
        return number, min(filter(None, (surfacing, expiring)), default=None)

    return int(cache.cached(("unread", user_id), now, count))


def summary(user: User, now: datetime | None = None) -> dict[str, Any]:
    """Counts of everything that reached this person's inbox, however old."""
    now = now or utc_now()
    everything = conditions(user, Filters(place="all"), now)
    columns = (N.notification_type, N.category, N.priority, N.status)
    groups = db.session.execute(select(*columns, func.count()).where(*everything).group_by(*columns)).all()
    counters: dict[str, Counter[str]] = {
        name: Counter() for name in ("type", "category", "priority", "status")
    }
    for *values, count in groups:
        for counter, value in zip(counters.values(), values, strict=True):
            counter[value] += count
    week, month = (
        func.count().filter(N.created_at > now - timedelta(days=days)).label(f"days_{days}")
        for days in (7, 30)
    )
    recent = db.session.execute(select(week, month).where(*everything)).one()
    channels = db.session.execute(
        select(Delivery.channel, func.count())
        .join(N, and_(N.id == Delivery.notification_id))
        .where(Delivery.recipient_id == user.id, Delivery.state == "sent", *everything)
        .group_by(Delivery.channel)
    )
    total = sum(counters["type"].values())
    return {
        "total": total,
        "unread": unread_count(user.id, now),
        **{f"by_{name}": dict(counter) for name, counter in counters.items()},
        "by_channel": dict(channels.all()),
        "last_7_days": recent.days_7,
        "last_30_days": recent.days_30,
    }


def mark_notification_as_read(notification_id: int, user: User) -> Notification:
    """Mark one notification read; doing it again changes nothing.

    Raises:
        NotFound: this person has no such notification.
    """
    row = get(user, notification_id)
    if row.read_at is None:
        change(user, "read", ids=[row.id])
        db.session.refresh(row)
    return row


def change(
    user: User,
    action: str,
    *,
    ids: Sequence[int] | None = None,
    filters: Filters | None = None,
    stack_keys: Sequence[str] = (),
    until: datetime | None = None,
    now: datetime | None = None,
) -> NotificationChange:
    """Do something to some of a person's notifications, in one statement however many they are.

    Args:
        action: `read`, `unread`, `done`, `undone`, `saved`, `unsaved`, `snooze` or `unsnooze`.
        ids: which ones; ids that are another's, or changed already, are passed over.
        filters: instead of ids: all that match, also beyond the page.
        stack_keys: with ids: beside them all of these stacks that the filters show.
        until: for `snooze`: when it comes back as unread; see `snoozing`.
    Returns:
        The change: `count` says how many rows changed; `id` is None when none did, and undoes it otherwise.
    Raises:
        KeyError: there is no such action.
        Invalid: a snooze that does not end in the future; keyed `until`.
    """
    now = now or utc_now()
    if action == "snooze" and (until is None or until <= now):
        raise Invalid({"until": _("Choose a time that is still to come.")})
    wanted = conditions(user, filters, now) if filters else []
    if ids is not None:
        some = N.id.in_([number for number in ids if 0 < number < 2**63])
        stacked = and_(N.stack_key.in_(stack_keys), *wanted) if stack_keys else false()
        wanted = [*_there(user, now), or_(some, stacked)]
    return actions.change(user, action, wanted, now, until)


def undo(user: User, change_id: int, now: datetime | None = None) -> NotificationChange:
    """Bring back exactly what a change found; see `changes.undo`."""
    return actions.undo(user, change_id, now)


def get_unread_notifications_count(user: User) -> int:
    """How many stand unread in this person's inbox."""
    return unread_count(user.id)
