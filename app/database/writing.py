"""Helpers for transactions that write: take the lock, insert unless present, change rows in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar, overload

from sqlalchemy import Table, text
from sqlalchemy.dialects import postgresql, sqlite

from app.database.base import Base, db
from app.database.transactions import lock_for_writing

Row = TypeVar("Row", bound=Base)

# FOR NO KEY UPDATE: a lock on a person must not wait for an event that inserts rows which refer to them. Other events
# would queue behind it, and deadlock with the one that it waits for.
LOCK = {"key_share": True}

# Execution options of a bulk UPDATE or DELETE: loaded objects are not refreshed, callers read again what they show.
BULK = {"synchronize_session": False}


def upsert(table: type[Base] | Table) -> Any:
    """Build an INSERT of the current database's dialect, for `on_conflict_do_update` and `excluded`."""
    dialect = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


def insert_ignore(table: type[Base] | Table) -> Any:
    """Build an INSERT that skips rows whose unique key is already taken.

    Add `.values(…)` as usual. `.returning(…)` returns the inserted rows only, none for those that were skipped.
    """
    return upsert(table).on_conflict_do_nothing()


@overload
def writing() -> AbstractContextManager[None]: ...
@overload
def writing(*, lock: type[Row], row_id: Any) -> AbstractContextManager[Row | None]: ...
@contextmanager
def writing(*, lock: type[Row] | None = None, row_id: Any = None) -> Iterator[Row | None]:
    """Run a block that reads, decides and writes without a gap: commit at its end, roll back when it raises.

        with writing(lock=User, row_id=user_id) as user:
            if user is None:
                raise NotFound(_("User not found."))
            user.role = role

    SQLite's write lock is taken at once. On PostgreSQL a block that depends on rows must lock them itself: name one
    here, or read them with FOR UPDATE.

    Args:
        lock: the model of a row to lock.
        row_id: its primary key; a tuple where the key has several columns.
    Yields:
        That row as it is now, even if the session holds an older copy; None if it does not exist, or none was named.
    """
    try:
        lock_for_writing()
        yield db.session.get(lock, row_id, with_for_update=LOCK, populate_existing=True) if lock else None
    except BaseException:
        db.session.rollback()
        raise
    db.session.commit()


def prevent_inserts(table: type[Base]) -> None:
    """Let no other transaction insert into a table until this one ends. On SQLite, `writing` has locked everything."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text(f"LOCK TABLE {table.__tablename__} IN SHARE ROW EXCLUSIVE MODE"))
