"""Raises the version of an inbox with each change to it; see `User.inbox_version`."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ARRAY, CTE, BigInteger, bindparam, func, select, update

from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.models import User
from app.services.base import inbox_pubsub

USERS = Base.metadata.tables["users"]
CHUNK = 500
_SELECTED = USERS.c.id.in_(bindparam("ids", expanding=True))
# FOR NO KEY UPDATE is all that the update needs. Rows inserted before in the same transaction refer to these people and
# hold their keys: two transactions that both asked for the whole row would deadlock.
_LOCK_SELECTED = select(USERS.c.id).where(_SELECTED).order_by(USERS.c.id).with_for_update(key_share=True)
BUMP = update(USERS).values(inbox_version=USERS.c.inbox_version + 1)
_BUMP_SELECTED = BUMP.where(_SELECTED)
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

    Several people are locked in one order before, by a statement of its own. In the same statement, the update would
    look for their rows as they were before it waited for the locks, and deadlock with another that waits for ours.
    """
    return BUMP.where(USERS.c.id == func.any(bindparam("changed", type_=ARRAY(BigInteger)))).cte("bumped")


def lock(user_ids: Iterable[int]) -> None:
    """Lock the inboxes of all these people at once, before a transaction raises their versions one by one."""
    if db.engine.dialect.name == "postgresql":
        db.session.connection().execute(_LOCK_SELECTED, {"ids": sorted(user_ids)})


def bump(user_ids: Iterable[int]) -> None:
    """Record, in the caller's transaction, that these people's inboxes changed: open pages and pollers compare it."""
    ids = mark_changed(user_ids)["changed"]
    if len(ids) == 1:
        _BUMP_ONE.fetch(one=ids[0])
        return
    connection = db.session.connection()
    for start in range(0, len(ids), CHUNK):
        chunk = {"ids": ids[start : start + CHUNK]}
        connection.execute(_LOCK_SELECTED, chunk)
        connection.execute(_BUMP_SELECTED, chunk)


def bump_one(user_id: int) -> int:
    """Do the same for one person, who exists; returns the new version."""
    inbox_pubsub.mark_changed([user_id])
    return int(_BUMP_ONE.fetch(one=user_id)[0].inbox_version)
