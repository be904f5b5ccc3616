"""Publishes through Redis whose inboxes or sessions have changed, so that serving processes need not poll the database.

A message carries only the ids of people. It is published after the commit, and the processes with open pages of these
people then read the database. So duplicate and late messages do no harm, and the next full check finds what a lost
message announced.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from flask import Flask, current_app
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.database.base import db

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import PubSub

# Seconds to wait for Redis, and until the next attempt after a failure.
TIMEOUT, TRY_AGAIN_AFTER = 0.25, 1.0
# Seconds between checks of a subscription, and until the answer must have come.
CHECK_EVERY, ANSWER_WITHIN = 0.25, 0.5
# A process that ends waits this long for its last message.
EXIT_SECONDS = 0.5
# Seconds between messages of one process. Those that come within this time are handled with one query.
GATHER = 0.02
IDS_PER_MESSAGE = 1_000
_CHANGED, _PUBLISHER = "changed inboxes", "inbox publisher"
log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Publish what this application commits, if it is on PostgreSQL with a Redis.

    On SQLite, polling costs microseconds while nothing is committed.
    """
    if not app.config["REDIS_URL"]:
        return
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            return
        app.extensions[_PUBLISHER] = InboxPublisher(app.config["REDIS_URL"], _channel(app))
        if not event.contains(db.session, "after_commit", _publish):
            event.listen(db.session, "after_commit", _publish)
            event.listen(db.session, "after_rollback", _discard)


def _channel(app: Flask) -> str:
    """Name the channel of an installation: several may share a Redis, and all processes of one have its key."""
    key = hashlib.sha256(f"inbox channel {app.config['SECRET_KEY']}".encode()).hexdigest()
    return f"bellhop:inbox:{key[:16]}"


def mark_changed(user_ids: Iterable[int]) -> None:
    """Mark whose inboxes or sessions the current transaction changes; they are published after its commit."""
    if _PUBLISHER in current_app.extensions:
        db.session.info.setdefault(_CHANGED, set()).update(user_ids)


def publish(user_ids: Iterable[int]) -> None:
    """Publish whose inboxes or sessions a statement has changed that was a transaction of its own."""
    publisher: InboxPublisher | None = current_app.extensions.get(_PUBLISHER)
    if publisher:
        publisher.add(user_ids)


def _publish(session: Session) -> None:
    # Within a larger transaction, others cannot see the change yet; see `idempotency`.
    changed: set[int] | None = session.info.pop(_CHANGED, None) if session.bind is None else None
    if changed:
        publish(changed)


def _discard(session: Session) -> None:
    session.info.pop(_CHANGED, None)


def subscribe() -> InboxSubscription | None:
    """Make a subscription for this process; None if the application has no Redis for it."""
    publisher: InboxPublisher | None = current_app.extensions.get(_PUBLISHER)
    return InboxSubscription(publisher.url, publisher.channel) if publisher else None


def _connect(url: str) -> Redis:
    # Imported here because installations without Redis should not load its client.
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
    )


class _Reachability:
    """Logs when Redis goes away and when it is back."""

    def __init__(self, consequence: str) -> None:
        self._consequence, self._is_away = consequence, False

    def note_failure(self, error: Exception) -> None:
        if not self._is_away:
            log.warning("Redis is away, so %s: %s", self._consequence, error)
        self._is_away = True

    def note_success(self) -> None:
        if self._is_away:
            log.warning("Redis responds again")
        self._is_away = False


class InboxPublisher:
    """Publishes in a thread of its own, so that no commit waits for Redis or fails with it."""

    def __init__(self, url: str, channel: str) -> None:
        self.url, self.channel = url, channel
        self._reachability = _Reachability("open pages show this process's changes later")
        self._lock = threading.Lock()
        self._changed: set[int] = set()
        self._has_work, self._is_done = threading.Event(), threading.Event()
        self._thread_of = 0

    def add(self, user_ids: Iterable[int]) -> None:
        """Publish soon that these people's inboxes or sessions have changed."""
        with self._lock:
            self._changed.update(user_ids)
            self._is_done.clear()
            # A fork takes no threads along.
            if self._thread_of != os.getpid():
                threading.Thread(target=self._run, name="inbox-publisher", daemon=True).start()
                atexit.register(self._is_done.wait, EXIT_SECONDS)
                self._thread_of = os.getpid()
        self._has_work.set()

    def _run(self) -> None:
        from redis import RedisError

        connection, try_at = _connect(self.url), 0.0
        while self._has_work.wait():
            self._has_work.clear()
            with self._lock:
                changed, self._changed = sorted(self._changed), set()
            # While Redis is away, every process polls the database, so missed changes need not be published later.
            if time.monotonic() >= try_at:
                try:
                    for start in range(0, len(changed), IDS_PER_MESSAGE):
                        part = changed[start : start + IDS_PER_MESSAGE]
                        connection.publish(self.channel, ",".join(map(str, part)))
                    self._reachability.note_success()
                except RedisError as error:
                    self._reachability.note_failure(error)
                    try_at = time.monotonic() + TRY_AGAIN_AFTER
            with self._lock:
                if not self._changed:
                    self._is_done.set()
            time.sleep(GATHER)


class InboxSubscription:
    """Receives the changes that all processes publish. Used by one thread."""

    def __init__(self, url: str, channel: str) -> None:
        self._url, self._channel = url, channel
        self._reachability = _Reachability("changes are looked up in the database")
        self._pubsub: PubSub | None = None
        # On the monotonic clock.
        self.connected_at = self._try_at = self._heard_at = self._checked_at = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether changes are reported."""
        return self._pubsub is not None

    def connect(self) -> bool:
        """Subscribe, unless that has been done; returns whether there is a subscription."""
        from redis import RedisError

        if self._pubsub is None and time.monotonic() >= self._try_at:
            self._try_at = time.monotonic() + TRY_AGAIN_AFTER
            try:
                self._subscribe()
            except (RedisError, OSError) as error:
                self._reachability.note_failure(error)
            else:
                self._reachability.note_success()
        return self.is_connected

    def _subscribe(self) -> None:
        from redis import RedisError

        pubsub: PubSub = _connect(self._url).pubsub()  # type: ignore[no-untyped-call]
        pubsub.subscribe(self._channel)
        if pubsub.get_message(timeout=TIMEOUT) is None:
            pubsub.close()
            raise RedisError("it does not answer")
        self._pubsub = pubsub
        self.connected_at = self._heard_at = self._checked_at = time.monotonic()

    def wait(self, seconds: float) -> set[int]:
        """Wait for up to this many seconds; returns the ids of people whose inboxes or sessions have changed."""
        from redis import RedisError

        changed: set[int] = set()
        until = time.monotonic() + seconds
        try:
            while (pubsub := self._pubsub) and (now := time.monotonic()) < until:
                self._check(pubsub, now)
                message = pubsub.get_message(timeout=until - now)
                if message is None:
                    continue
                self._heard_at = time.monotonic()
                if message["type"] == "message":
                    changed.update(map(int, message["data"].split(b",")))
                    until = min(until, self._heard_at + GATHER)
        except (RedisError, OSError) as error:
            self._reachability.note_failure(error)
            self.close()
        return changed

    def _check(self, pubsub: PubSub, now: float) -> None:
        """Ping Redis from time to time. Raises RedisError if it did not respond to the last ping."""
        from redis import RedisError

        if now - self._checked_at < CHECK_EVERY:
            return
        if self._heard_at >= self._checked_at:
            pubsub.ping()
            self._checked_at = now
        elif now - self._checked_at > ANSWER_WITHIN:
            raise RedisError("it does not answer")

    def close(self) -> None:
        """End the subscription."""
        pubsub, self._pubsub = self._pubsub, None
        if pubsub is not None:
            with suppress(Exception):
                pubsub.close()
