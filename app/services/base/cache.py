"""What is remembered between requests: who calls, and what a person's lists and counts show.

`Memory` keeps values by person and `users.inbox_version`, which every change of an inbox raises in its own transaction:
what others do forgets nothing. The version is read before the value, so no value is older than the version it is kept
under. A value also ends at the instant at which it changes by itself.

`until_commit` keeps what has no version, such as a token's look-up, until any process commits. Only SQLite can tell: a
separate read-only connection asks `PRAGMA data_version` (2 µs). On PostgreSQL the look-up is the one query of a call.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Hashable
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Engine

from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.sqlite import identify
from app.database.transactions import connection_in_use, is_writing

Value = TypeVar("Value")
# Every write forgets these; the limit matters only when many people read and nothing is written.
MAX_UNTIL_COMMIT = 2000
_USERS = Base.metadata.tables["users"]
_VERSION = CompiledStatement(select(_USERS.c.inbox_version).where(_USERS.c.id == bindparam("user_id")))


class _Kept(NamedTuple, Generic[Value]):
    version: int
    since: datetime
    until: datetime | None
    value: Value


class Memory(Generic[Value]):
    """Values of one kind, at most `limit` of them: the one that was not asked for longest is forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock, self._pid = threading.Lock(), os.getpid()
        self._kept: WeakKeyDictionary[Engine | _CommitWatch, dict[Hashable, _Kept[Value]]]
        self._kept = WeakKeyDictionary()

    def get(
        self,
        user_id: int,
        key: Hashable,
        now: datetime,
        compute: Callable[[], tuple[Value, datetime | None]],
        *,
        version: int | None = None,
    ) -> Value:
        """Return a value, computed again only after a change to this person's inbox or when it has ended.

        Args:
            key: identifies the value among those of this person.
            compute: returns the value and the instant at which it changes by itself (None: never).
            version: the person's `inbox_version`, if it was read in this request and nothing was written since.
        """
        if _has_written():
            return compute()[0]
        if version is None:
            version = version_of(user_id)
        kept = self._of_this_database()
        key = (user_id, key)
        with self._lock:
            found = kept.pop(key, None)
            if found and found.version == version and found.since <= now and is_before(now, found.until):
                kept[key] = found  # Now the last to be forgotten.
                return found.value
        value, until = compute()
        self._keep(kept, key, now, _Kept(version, now, until, value))
        return value

    def peek(self, user_id: int, key: Hashable, now: datetime) -> tuple[int, Value] | None:
        """Return the version and the value that are kept, whether they are current or not; None if there is none.

        For a transaction that raises the version. If it peeked before it wrote, and then raised the version from this
        one, no other change came between, so the value is exactly the one before its own change.
        """
        kept = self._of_this_database()
        with self._lock:
            found = kept.get((user_id, key))
        if found and found.since <= now and is_before(now, found.until):
            return found.version, found.value
        return None

    def put(
        self,
        user_id: int,
        key: Hashable,
        now: datetime,
        computed: tuple[Value, datetime | None],
        version: int,
    ) -> None:
        """Keep what `get` would compute, unless the version is not committed yet: another change could get it, too."""
        if _has_written():
            return
        value, until = computed
        self._keep(self._of_this_database(), (user_id, key), now, _Kept(version, now, until, value))

    def _keep(
        self, kept: dict[Hashable, _Kept[Value]], key: Hashable, now: datetime, new: _Kept[Value]
    ) -> None:
        if not is_before(now, new.until):
            return
        with self._lock:
            kept[key] = new
            while len(kept) > self._limit:
                del kept[next(iter(kept))]

    def _of_this_database(self) -> dict[Hashable, _Kept[Value]]:
        if self._pid != os.getpid():  # A fork may have copied the lock while it was held.
            self._lock, self._pid = threading.Lock(), os.getpid()
        engine = db.engine
        database = _watch(engine) if engine.dialect.name == "sqlite" else engine
        if database is None:
            return {}
        return self._kept.get(database) or self._kept.setdefault(database, {})


def is_before(now: datetime, until: datetime | None) -> bool:
    """Whether an instant has not come yet; None never comes."""
    return until is None or now < until


def version_of(user_id: int) -> int:
    """Load the version of a person's inbox; -1 if the person does not exist."""

    def load() -> int:
        found = _VERSION.fetch(user_id=user_id)
        return int(found[0].inbox_version) if found else -1

    return until_commit(("version", user_id), load)


def until_commit(key: Hashable, compute: Callable[[], Value]) -> Value:
    """Return a value, on SQLite computed again only after a commit of any process; on PostgreSQL, each time.

    None is not kept, so that requests for what does not exist cannot fill the memory.
    """
    engine = db.engine
    if engine.dialect.name != "sqlite" or _has_written():
        return compute()
    watch = _watch(engine)
    return watch.get(key, compute) if watch else compute()


def count_commits() -> int | None:
    """Return a number that changes with every commit of any process; None if the database cannot tell (PostgreSQL)."""
    engine = db.engine
    watch = _watch(engine) if engine.dialect.name == "sqlite" else None
    try:
        return watch.read_version() if watch else None
    except sqlite3.Error:  # The next statement reports it.
        return None


class _CommitWatch:
    """Values that are valid until something is committed to one SQLite file."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._version: int | None = None
        self._values: dict[Hashable, Any] = {}
        self._path, self._file, self._pid = path, identify(path), os.getpid()
        self._connection = sqlite3.connect(
            f"{Path(path).resolve().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )

    def is_current(self) -> bool:
        """Whether this process opened the file that is there now: SQLite connections must not be used after a fork."""
        return self._pid == os.getpid() and self._file == identify(self._path)

    def read_version(self) -> int:
        """Return a number that changes with every commit."""
        with self._lock:
            return self._read_version()

    def _read_version(self) -> int:
        ((version,),) = self._connection.execute("PRAGMA data_version").fetchall()
        return int(version)

    def get(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        with self._lock:
            # Read before the value is computed, so that a stored value is never older than its version.
            version = self._read_version()
            if version != self._version or len(self._values) >= MAX_UNTIL_COMMIT:
                self._values.clear()
                self._version = version
            found = self._values.get(key)
        if found is not None:
            return found
        computed = compute()
        with self._lock:
            if computed is not None and version == self._version:
                self._values[key] = computed
        return computed


_watches: WeakKeyDictionary[Engine, _CommitWatch] = WeakKeyDictionary()


def _watch(engine: Engine) -> _CommitWatch | None:
    """Find the watch of a SQLite file; None while the file cannot be opened, which the next statement reports."""
    watch = _watches.get(engine)
    if watch is None or not watch.is_current():
        try:
            watch = _watches[engine] = _CommitWatch(str(engine.url.database))
        except sqlite3.OperationalError:
            return None
    return watch


def _has_written() -> bool:
    """Whether this session has uncommitted writes, which must not be kept."""
    connection = connection_in_use()
    return connection is not None and is_writing(connection)
