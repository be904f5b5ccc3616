"""Notifies open pages of changes to an inbox: one thread polls the database for all of them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.database.base import db
from app.models import BrowserSession, User
from app.services.base import outages
from app.services.base.errors import Conflict

# A stream occupies one of the server's threads; the others must be free for ordinary requests.
MAX_STREAMS = 200
# All tabs of a browser share one stream; a person's further browsers poll.
MAX_STREAMS_PER_USER = 10
# In seconds. A change shows everywhere within a second, network included.
POLL_INTERVAL = 0.25


def versions(user_ids: Collection[int]) -> dict[int, int]:
    """Load the version of each person's inbox; it rises with every change."""
    rows = db.session.execute(select(User.id, User.inbox_version).where(User.id.in_(user_ids)))
    return dict(iter(rows))


def open_sessions(session_ids: Collection[int]) -> set[int]:
    """Return those of the sessions that nobody has ended."""
    is_open = BrowserSession.id.in_(session_ids)
    return set(db.session.scalars(select(BrowserSession.id).where(is_open)))


@dataclass(eq=False)
class Listener:
    """An open page, the version of the inbox that it shows, and whether its session has ended."""

    user_id: int
    session_id: int
    version: int
    is_over: bool = False
    changed: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float) -> bool:
        """Wait until the inbox changes or the time is up. A change between two waits is not missed."""
        happened = self.changed.wait(seconds)
        self.changed.clear()
        return happened


class Broadcaster:
    """Compares the versions and sessions of all listeners in two queries, four times a second.

    Its thread runs while there are listeners, and returns its connection after every query.
    """

    def __init__(self, app: Flask, max_streams: int = MAX_STREAMS) -> None:
        self._app = app
        self._max_streams = max_streams
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None
        self._is_idle = threading.Event()
        self.is_closed = False

    def close(self) -> None:
        """End every stream and take no more: the server stops, and the pages reconnect to its successor."""
        with self._lock:
            self.is_closed = True
            for listener in self._listeners:
                listener.changed.set()

    @contextmanager
    def listen(self, user_id: int, session_id: int, version: int) -> Iterator[Listener]:
        """Listen for anything newer than this version, and for the end of the session, while the block runs.

        Raises:
            Conflict: there are too many listeners; poll instead.
        """
        listener = Listener(user_id, session_id, version)
        with self._lock:
            theirs = sum(other.user_id == user_id for other in self._listeners)
            if self.is_closed or len(self._listeners) >= self._max_streams or theirs >= MAX_STREAMS_PER_USER:
                raise Conflict("there are too many open streams")
            self._listeners.add(listener)
            self._is_idle.clear()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="inbox-broadcaster", daemon=True)
                self._thread.start()
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)
                if not self._listeners:
                    self._is_idle.set()

    def _run(self) -> None:
        while not self._stop_if_idle():
            listeners = self._snapshot()
            try:
                with self._app.app_context():
                    current = versions({listener.user_id for listener in listeners})
                    still_open = open_sessions({listener.session_id for listener in listeners})
            except SQLAlchemyError as error:
                outages.report(error)
                current = {}
                still_open = {listener.session_id for listener in listeners}
            for listener in listeners:
                if listener.session_id not in still_open:
                    listener.is_over = True
                    listener.changed.set()
                version = current.get(listener.user_id, listener.version)
                if version != listener.version:
                    listener.version = version
                    listener.changed.set()
            self._is_idle.wait(POLL_INTERVAL)

    def _stop_if_idle(self) -> bool:
        with self._lock:
            if self._listeners:
                return False
            self._thread = None
            return True

    def _snapshot(self) -> list[Listener]:
        with self._lock:
            return list(self._listeners)
