"""What every call asks again, answered from memory for as long as nobody has written to the database.

SQLite tells whether anybody has, this process included: `PRAGMA data_version`, 2 µs, on a connection that itself
never writes. PostgreSQL has no such number: there nothing is remembered and each call asks.
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

# All of it is dropped at the next write anyway; this is for a quiet night with many readers.
MAX_ENTRIES = 500


class VersionedCache:
    """Answers that were true at one version of one SQLite file."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._version: int | None = None
        self._kept: dict[Hashable, tuple[Any, datetime | None]] = {}
        self._pid = os.getpid()
        self._watch = sqlite3.connect(
            f"{Path(path).resolve().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )

    def belongs_here(self) -> bool:
        """Whether this process opened the connection: SQLite's must not be carried over a fork."""
        return self._pid == os.getpid()

    def answer(self, key: Hashable, now: datetime, make: Callable[[], tuple[Any, datetime | None]]) -> Any:
        """See `answer` below."""
        with self._lock:
            # Looked at before the database is asked: what is kept is never older than its version says.
            ((version,),) = self._watch.execute("PRAGMA data_version").fetchall()
            if version != self._version or len(self._kept) >= MAX_ENTRIES:
                self._kept.clear()
                self._version = version
            found = self._kept.get(key)
        if found is not None and (found[1] is None or now < found[1]):
            return found[0]
        made = make()
        with self._lock:
            if made[0] is not None and version == self._version:
                self._kept[key] = made
        return made[0]


_caches: WeakKeyDictionary[Engine, VersionedCache] = WeakKeyDictionary()


def cached(key: Hashable, now: datetime, make: Callable[[], tuple[Any, datetime | None]]) -> Any:
    """What `make` answers, asked again only after a commit of any process, or when its time is over.

    Args:
        key: what is asked: a name and its arguments.
        make: answers the value and the instant at which it stops being true by itself (None: never). A value of None
            is not kept: nobody fills the memory with what does not exist.
    """
    memory = _cache()
    return memory.answer(key, now, make) if memory else make()[0]


def _cache() -> VersionedCache | None:
    engine = db.engine
    if engine.dialect.name != "sqlite" or _is_writing():
        return None
    memory = _caches.get(engine)
    if memory is None or not memory.belongs_here():
        memory = _caches[engine] = VersionedCache(str(engine.url.database))
    return memory


def _is_writing() -> bool:
    """Whether this session has written what may still be rolled back: that must not be remembered."""
    if not db.session.registry.has() or not db.session().in_transaction():
        return False
    return bool(getattr(db.session.connection().connection.dbapi_connection, "in_transaction", False))
