"""Calls of a recruiter with 10,000 unread among 1,000,000 rows, against the same in a table of 1,000 rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.notifications import actions, counts, inbox, json_list, search_query
from app.services.notifications import undo as notification_undo
from app.services.notifications.filters import Filters
from bench import filling
from bench.rounds import Case, at_least, at_most
from bench.tables import LARGE, SMALL, Table, table

TIMES = 20
Call = Callable[[User], Any]
FIRST = Filters()
# Every tenth row matches, so that both tables have more than a page of results.
SEARCH = Filters(search=search_query.parse("is:unread costa", "UTC"))


def first_page() -> Case:
    """The inbox as the page shows it."""
    return _case("first page", lambda user: inbox.page_for(user, FIRST))


def deep_page() -> Case:
    """A page in the middle of the list."""
    cursors: dict[int, str] = {}

    def deep(user: User) -> Any:
        return inbox.page_for(user, FIRST, cursor=cursors[id(db.engine)])

    def find(user: User) -> None:
        own = select(Notification).where(Notification.recipient_id == user.id)
        count = counts.total(user, FIRST)
        row = db.session.scalars(
            own.order_by(Notification.surfaced_at.desc()).offset(count // 2).limit(1)
        ).one()
        cursors[id(db.engine)] = inbox.write_cursor("n", row.surfaced_at, row.id)

    return _case("page in the middle", deep, before=find)


def search() -> Case:
    """Search for a word with a filter."""
    return _case("search for a word among the unread", lambda user: inbox.page_for(user, SEARCH))


def api_list() -> Case:
    """The list as the API sends it."""
    return _case("list of 50 as JSON", lambda user: json_list.page_for(user.id, FIRST))


def sidebar_counts() -> Case:
    """The counts in the sidebar."""

    def count(user: User) -> Any:
        return counts.unread_count(user.id), counts.snoozed_count(user.id, utc_now())

    return _case("unread and snoozed counts", count)


def stacked() -> Case:
    """The inbox with stacks."""
    return _case("stacked first page", lambda user: inbox.page_for(user, FIRST, is_stacked=True))


def mark_all() -> Case:
    """Mark everything unread as read, per row; undone outside the measurement."""
    small, large = table(SMALL), table(LARGE)
    return Case(
        "mark all read, ten times the rows: rows",
        at_least(0.5),
        lambda: _marking_rate(large),
        lambda: _marking_rate(small),
    )


def mark_all_cost(database: str) -> Case:
    """Mark 10,000 as read among 1,000,000 rows, against the same in a table of nothing else."""
    large, alone = table(LARGE, database), table(filling.OWN, database)
    about = "mark 10,000 read among 1,000,000 rows / among 12,000, seconds"
    return Case(
        about, at_most(1.5), lambda: 10_000 / _marking_rate(large), lambda: 10_000 / _marking_rate(alone)
    )


def _case(about: str, call: Call, *, before: Call = lambda _user: None) -> Case:
    small, large = table(SMALL), table(LARGE)
    return Case(
        f"{about}, 1,000,000 rows / 1,000 rows, calls",
        at_least(0.5),
        lambda: _rate(large, call, before),
        lambda: _rate(small, call, before),
    )


def _rate(where: Table, call: Call, before: Call) -> float:
    taken = 0.0
    with where.app.app_context():
        for _ in range(TIMES):
            where.invalidate_cache()
            user = db.session.get_one(User, where.reader)
            before(user)
            started = time.perf_counter()
            call(user)
            taken += time.perf_counter() - started
            db.session.remove()
    return TIMES / taken


def _marking_rate(where: Table) -> float:
    with where.app.app_context():
        user = db.session.get_one(User, where.reader)
        started = time.perf_counter()
        made = actions.change(user, "read", filters=Filters("unread"))
        seconds = time.perf_counter() - started
        notification_undo.undo_change(user, made.id)
        db.session.remove()
    return made.count / seconds
