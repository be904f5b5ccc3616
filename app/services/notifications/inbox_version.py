"""Raises the version of an inbox with each change to it; see `User.inbox_version`."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import CTE, bindparam, select, update

from app.database.base import Base, db
from app.database.compiled import CompiledStatement, is_among
from app.models import User
from app.services.base import inbox_pubsub

USERS = Base.metadata.tables["users"]
# FOR NO KEY UPDATE is all that the update needs. Rows inserted before in the same transaction refer to these people and
# hold their keys: two transactions that both asked for the whole row would deadlock.
_LOCK_SELECTED = CompiledStatement(
    lambda: (
        select(USERS.c.id)
        .where(is_among(USERS.c.id, "ids"))
        .order_by(USERS.c.id)
        .with_for_update(key_share=True)
    )
)
BUMP = update(USERS).values(inbox_version=USERS.c.inbox_version + 1)
_BUMP_SELECTED = CompiledStatement(lambda: BUMP.where(is_among(USERS.c.id, "ids")))
_BUMP_ONE = CompiledStatement(
    BUMP.where(USERS.c.id == bindparam("one", type_=User.id.type)).returning(USERS.c.inbox_version)
)


def mark_changed(user_ids: Iterable[int]) -> dict[str, list[int]]:
    """Mark whose inboxes the current transaction changes, and return them as the parameter of `bump_changed`."""
    # Sorted: two events that lock the same people crosswise would deadlock.
    ids = sorted(set(user_ids))
    inbox_pubsub.mark_changed(ids)
    return {"changed": ids}


def bump_changed() -> CTE:
    """Build the part of a larger statement that raises the version of at most one person. Only for PostgreSQL.

    Several people are locked first, in one order, by a statement of its own. In the same statement, the update would
    look for their rows as they were before it waited for the locks, and two of them would deadlock.
    """
    return BUMP.where(is_among(USERS.c.id, "changed")).cte("bumped")


def lock(user_ids: Iterable[int]) -> None:
    """Lock the inboxes of all these people at once, before a transaction raises their versions one after another."""
    # SQLite has one writer.
    if db.engine.dialect.name == "postgresql":
        _LOCK_SELECTED.fetch(ids=sorted(user_ids))


def bump(user_ids: Iterable[int]) -> None:
    """Record, in the caller's transaction, that these people's inboxes changed: open pages and pollers compare it."""
    ids = mark_changed(user_ids)["changed"]
    if len(ids) == 1:
        _BUMP_ONE.fetch(one=ids[0])
    elif ids:
        lock(ids)
        _BUMP_SELECTED.fetch(ids=ids)


def bump_one(user_id: int) -> int:
    """Do the same for one person, who exists; returns the new version."""
    inbox_pubsub.mark_changed([user_id])
    return int(_BUMP_ONE.fetch(one=user_id)[0].inbox_version)
