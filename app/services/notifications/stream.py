"""Telling open pages that an inbox changed: one thread looks for all of them, however many wait."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.database.base import db
from app.models import User
from app.services.base.errors import Conflict

# A stream holds one of the server's threads: the rest must stay free for ordinary requests.
MAX_STREAMS = 200
# All tabs of a browser share one; a person with more browsers than this polls in the others.
MAX_STREAMS_PER_USER = 10
# Seconds: what a tab or a script did shows everywhere within one, the answers on the way included.
LOOK_EVERY = 0.25


def versions(user_ids: Collection[int]) -> dict[int, int]:
    """The number of each person's inbox; it rises with every change of it."""
    rows = db.session.execute(select(User.id, User.inbox_version).where(User.id.in_(user_ids)))
    return dict(iter(rows))


@dataclass(eq=False)
class Listener:
    """One open page and the version of the inbox that it knows of."""

    user_id: int
    version: int
    changed: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float) -> bool:
        """Wait until the inbox changes, or so long. What happens between two waits is not missed."""
        happened = self.changed.wait(seconds)
        self.changed.clear()
        return happened


class Broadcaster:
    """Compares the versions of everybody who listens, in one query four times a second.

    Its thread lives while somebody listens, and gives its connection back after every look.
    """

    def __init__(self, app: Flask, most: int = MAX_STREAMS) -> None:
        self._app = app
        self._most = most
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None
        self._nobody = threading.Event()

    @contextmanager
    def listen(self, user_id: int, version: int) -> Iterator[Listener]:
        """Listen while the block runs, for anything newer than this version.

        Raises:
            Conflict: too many listen already; the caller polls instead.
        """
        listener = Listener(user_id, version)
        with self._lock:
            theirs = sum(other.user_id == user_id for other in self._listeners)
            if len(self._listeners) >= self._most or theirs >= MAX_STREAMS_PER_USER:
                raise Conflict("every stream is taken")
            self._listeners.add(listener)
            self._nobody.clear()
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="inbox-broadcaster", daemon=True)
                self._thread.start()
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)
                if not self._listeners:
                    self._nobody.set()

    def _look(self) -> None:
        away = False
        while not self._left():
            listeners = self._snapshot()
            try:
                with self._app.app_context():
                    current = versions({listener.user_id for listener in listeners})
                away = False
            except SQLAlchemyError as error:
                if not away:
                    self._app.logger.warning("open pages hear nothing while the database is away: %s", error)
                away, current = True, {}
            for listener in listeners:
                version = current.get(listener.user_id, listener.version)
                if version != listener.version:
                    listener.version = version
                    listener.changed.set()
            self._nobody.wait(LOOK_EVERY)

    def _left(self) -> bool:
        with self._lock:
            if self._listeners:
                return False
            self._thread = None
            return True

    def _snapshot(self) -> list[Listener]:
        with self._lock:
            return list(self._listeners)
