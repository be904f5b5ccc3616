"""Read-through cache, invalidated by any commit of any process (SQLite only).

A separate read-only connection asks `PRAGMA data_version` (2 µs), which changes whenever another connection commits,
those of this process included. PostgreSQL has nothing like it, so nothing is cached there.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Hashable
from datetime import datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.engine import Engine

from app.database.base import db

# Every write empties the cache; the limit matters only when many people read and nothing is written.
MAX_ENTRIES = 500


class VersionedCache:
    """Values that are valid for one version of one SQLite file."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._version: int | None = None
        self._values: dict[Hashable, tuple[Any, datetime | None]] = {}
        self._pid = os.getpid()
        self._connection = sqlite3.connect(
            f"{Path(path).resolve().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )

    def is_of_this_process(self) -> bool:
        """Whether this process opened the connection: SQLite connections must not be used after a fork."""
        return self._pid == os.getpid()

    def get(self, key: Hashable, now: datetime, compute: Callable[[], tuple[Any, datetime | None]]) -> Any:
        """See `cached`."""
        with self._lock:
            # Read before the value is computed, so that a stored value is never older than its version.
            ((version,),) = self._connection.execute("PRAGMA data_version").fetchall()
            if version != self._version or len(self._values) >= MAX_ENTRIES:
                self._values.clear()
                self._version = version
            found = self._values.get(key)
        if found is not None and (found[1] is None or now < found[1]):
            return found[0]
        computed = compute()
        with self._lock:
            if computed[0] is not None and version == self._version:
                self._values[key] = computed
        return computed[0]


_caches: WeakKeyDictionary[Engine, VersionedCache] = WeakKeyDictionary()


def cached(key: Hashable, now: datetime, compute: Callable[[], tuple[Any, datetime | None]]) -> Any:
    """Return a value, computed again only after a commit of any process or when it has expired.

    Args:
        key: identifies the value: a name and its arguments.
        compute: returns the value and the instant at which it expires by itself (None: never). None is not cached, so
            that requests for what does not exist cannot fill the memory.
    """
    cache = _cache()
    return cache.get(key, now, compute) if cache else compute()[0]


def _cache() -> VersionedCache | None:
    engine = db.engine
    if engine.dialect.name != "sqlite" or _is_writing():
        return None
    cache = _caches.get(engine)
    if cache is None or not cache.is_of_this_process():
        cache = _caches[engine] = VersionedCache(str(engine.url.database))
    return cache


def _is_writing() -> bool:
    """Whether this session has uncommitted writes, which must not be cached."""
    if not db.session.registry.has() or not db.session().in_transaction():
        return False
    return bool(getattr(db.session.connection().connection.dbapi_connection, "in_transaction", False))
