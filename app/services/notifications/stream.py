"""Notifies open pages of changes to an inbox: one thread polls the database for all of them."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping

from flask import Flask
from sqlalchemy import JSON, BigInteger, String, bindparam, cast, func, select
from sqlalchemy.exc import SQLAlchemyError

from app.database.base import db
from app.models import BrowserSession, User
from app.services.base import cache, inbox_pubsub, outages
from app.services.base.errors import Conflict
from app.services.base.inbox_pubsub import InboxSubscription

# In one process. `bin/gunicorn.conf.py` allows fewer if the limit on open files is too low.
MAX_STREAMS = 5_000
# On a server that holds a thread for each; the others must be free for ordinary requests.
MAX_STREAMS_IN_THREADS = 200
# All tabs of a browser share one stream; a person's further browsers poll.
MAX_STREAMS_PER_USER = 10
# In seconds. A change shows everywhere within a second, network included.
POLL_INTERVAL = 0.25
# Seconds between full checks while subscribed to Redis, in case a message was lost.
FULL_CHECK_AFTER = 5.0


def find_changes(known: Mapping[int, int]) -> dict[int, int | None]:
    """Compare the inboxes of thousands of sessions with what their pages show.

    Args:
        known: the version of the inbox that a session's page shows, by the id of the session.
    Returns:
        the current version where it differs, and None where the session has ended.
    """
    # One parameter, and few rows: the database compares, and other threads run meanwhile.
    shown = bindparam("known", json.dumps(known), type_=String())
    if db.engine.dialect.name == "sqlite":
        pairs = func.json_each(shown).table_valued("key", "value")
    else:
        pairs = func.json_each_text(cast(shown, JSON)).table_valued("key", "value")
    session_id, version = cast(pairs.c.key, BigInteger), cast(pairs.c.value, BigInteger)
    query = (
        select(session_id, User.inbox_version)
        .select_from(pairs)
        .outerjoin(BrowserSession, BrowserSession.id == session_id)
        .outerjoin(User, User.id == BrowserSession.user_id)
        .where(User.inbox_version.is_distinct_from(version))
    )
    return dict(iter(db.session.execute(query)))


class Listener:
    """An open page: the version of the inbox that it shows, and whether its session has ended."""

    def __init__(self, broadcaster: Broadcaster, user_id: int, session_id: int, version: int) -> None:
        self._broadcaster = broadcaster
        self.user_id, self.session_id, self.version = user_id, session_id, version
        self.is_over = self._has_changed = False
        # Called in the broadcaster's thread after each change, and when the session has ended.
        self.notify: Callable[[], None] = _ignore

    def take_change(self) -> bool:
        """Return whether the inbox has changed since the last call."""
        if not self._has_changed:
            return False
        self._has_changed = False
        return True

    def set_version(self, version: int) -> None:
        """Note the current version of the inbox."""
        if version != self.version:
            self.version, self._has_changed = version, True
            self.notify()

    def end(self) -> None:
        """End the stream of this page."""
        self.is_over = True
        self.notify()

    def close(self) -> None:
        """Stop listening."""
        self._broadcaster.remove(self)


def _ignore() -> None:
    pass


def _full_check_key(subscription: InboxSubscription | None) -> Hashable:
    """Return a value that changes when all listeners must be checked; None if they must be checked every time."""
    if subscription and subscription.connect():
        return subscription.connected_at, time.monotonic() // FULL_CHECK_AFTER
    return cache.count_commits()


class Broadcaster:
    """Compares the versions and sessions of all listeners in one query, four times a second.

    On SQLite it queries only after a commit, and with Redis only the people whom a message names.
    Its thread runs while there are listeners, and returns its connection after every query.
    """

    def __init__(self, app: Flask, max_streams: int = MAX_STREAMS_IN_THREADS) -> None:
        self._app = app
        self.max_streams = max_streams
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._per_user: Counter[int] = Counter()
        self._joined = 0
        self._thread: threading.Thread | None = None
        self._is_idle = threading.Event()
        self._is_closed = False

    @property
    def count(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    def close(self) -> None:
        """End every stream and accept no more, because the server is stopping; pages reconnect to the next one."""
        with self._lock:
            self._is_closed = True
            listeners, self._listeners = self._listeners, set()
            self._is_idle.set()
        for listener in listeners:
            listener.end()

    def listen(self, user_id: int, session_id: int, version: int) -> Listener:
        """Listen for anything newer than this version, and for the end of the session, until the listener is closed.

        Args:
            user_id: whose inbox it is.
            session_id: the row of the browser's session.
            version: the `inbox_version` that the page shows.
        Raises:
            Conflict: there are too many listeners; poll instead.
        """
        listener = Listener(self, user_id, session_id, version)
        with self._lock:
            is_full = len(self._listeners) >= self.max_streams
            if self._is_closed or is_full or self._per_user[user_id] >= MAX_STREAMS_PER_USER:
                raise Conflict("there are too many open streams")
            self._listeners.add(listener)
            self._per_user[user_id] += 1
            self._joined += 1
            self._is_idle.clear()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="inbox-broadcaster", daemon=True)
                self._thread.start()
        return listener

    def remove(self, listener: Listener) -> None:
        """Forget a listener. Does nothing if it is forgotten already."""
        with self._lock:
            if listener not in self._listeners:
                return
            self._listeners.remove(listener)
            self._per_user[listener.user_id] -= 1
            if not self._per_user[listener.user_id]:
                del self._per_user[listener.user_id]
            if not self._listeners:
                self._is_idle.set()

    def _run(self) -> None:
        with self._app.app_context():
            subscription = inbox_pubsub.subscribe()
        seen: object = None
        changed: Collection[int] = ()
        while not self._stop_if_idle():
            try:
                with self._app.app_context():
                    # Read before the query, so that commits and listeners that come during it are checked again.
                    state = _full_check_key(subscription), self._joined
                    if state[0] is None or state != seen:
                        self._check_versions(self._snapshot())
                    elif changed:
                        self._check_versions([each for each in self._snapshot() if each.user_id in changed])
                    seen = state
            except SQLAlchemyError as error:
                outages.report(error)
                seen = None
            if subscription and subscription.is_connected:
                changed = subscription.wait(POLL_INTERVAL)
            else:
                changed = ()
                self._is_idle.wait(POLL_INTERVAL)
        if subscription:
            subscription.close()

    def _check_versions(self, listeners: Collection[Listener]) -> None:
        if not listeners:
            return
        known: dict[int, int] = {}
        for listener in listeners:
            # The oldest, if the tabs of a browser differ.
            known[listener.session_id] = min(
                listener.version, known.get(listener.session_id, listener.version)
            )
        changes = find_changes(known)
        for listener in listeners if changes else ():
            if listener.session_id not in changes:
                continue
            version = changes[listener.session_id]
            if version is None:
                listener.end()
            else:
                listener.set_version(version)

    def _stop_if_idle(self) -> bool:
        with self._lock:
            if self._listeners:
                return False
            self._thread = None
            return True

    def _snapshot(self) -> list[Listener]:
        with self._lock:
            return list(self._listeners)
