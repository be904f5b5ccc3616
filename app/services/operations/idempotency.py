"""Idempotency keys: a repeated call gets the stored response of the first. Both are committed together."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import Connection, delete, func, select

from app.clock import utc_now
from app.database.base import db
from app.database.transactions import begin_writing
from app.models import StoredResponse
from app.services.base.errors import Conflict

KEPT_FOR = timedelta(days=7)
_running: set[tuple[int, str]] = set()
_lock = threading.Lock()


@dataclass(frozen=True)
class IdempotentResponse:
    """A response. Only successful ones are stored, because a failed call changed nothing and may be repeated."""

    status: int
    body: bytes
    etag: str = ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class StillRunning(Conflict):
    """The first call with this key is still running."""


class KeyReused(Exception):
    """The key was used for a different call."""


def run_once(
    user_id: int, key: str, call: bytes, act: Callable[[], IdempotentResponse], *, now: datetime | None = None
) -> IdempotentResponse | None:
    """Run a call, unless its response is stored under this person's key.

    Args:
        call: everything that identifies the call. Calls with the same key must be equal.
        act: runs the call. What its services commit is committed together with the stored response, or not at all.
    Returns:
        the stored response, or None if the call was run now.
    Raises:
        StillRunning: the first call with this key is still running.
        KeyReused: the key was used for a different call.
    """
    now = now or utc_now()
    fingerprint = hashlib.sha256(call).hexdigest()
    with _only_call(user_id, key), _one_transaction() as connection:
        _lock_key(connection, user_id, key)
        stored = db.session.scalar(
            select(StoredResponse).where(StoredResponse.user_id == user_id, StoredResponse.key == key)
        )
        if stored is not None and stored.created_at > now - KEPT_FOR:
            if stored.fingerprint != fingerprint:
                raise KeyReused
            return IdempotentResponse(stored.status, stored.body, stored.etag)
        response = act()
        if response.is_success:
            db.session.execute(
                delete(StoredResponse).where(StoredResponse.user_id == user_id, StoredResponse.key == key)
            )
            db.session.add(
                StoredResponse(
                    user_id=user_id,
                    key=key,
                    fingerprint=fingerprint,
                    status=response.status,
                    body=response.body,
                    etag=response.etag,
                    created_at=now,
                )
            )
            db.session.commit()
        return None


def purge_responses(now: datetime | None = None) -> int:
    """Delete responses older than seven days, and commit; returns how many."""
    old = StoredResponse.created_at < (now or utc_now()) - KEPT_FOR
    count = db.session.execute(delete(StoredResponse).where(old)).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return int(count)


@contextmanager
def _only_call(user_id: int, key: str) -> Iterator[None]:
    """Refuse a second call with the same key in this process; see `_lock_key` for other processes."""
    with _lock:
        if (user_id, key) in _running:
            raise StillRunning(_("The first call with this key is still running."))
        _running.add((user_id, key))
    try:
        yield
    finally:
        with _lock:
            _running.discard((user_id, key))


@contextmanager
def _one_transaction() -> Iterator[Connection]:
    """Run the block in one transaction: commits of services become savepoints of it, and are reported at its end."""
    db.session.remove()
    try:
        with db.engine.begin() as connection:
            session = db.session(bind=connection, join_transaction_mode="create_savepoint")
            yield connection
        session.bind = None
        session.dispatch.after_commit(session)
    finally:
        db.session.remove()


def _lock_key(connection: Connection, user_id: int, key: str) -> None:
    """Keep other processes from using this key: on SQLite they wait, on PostgreSQL they fail at once."""
    begin_writing(connection)  # Without `writing`: `_one_transaction` commits at the end of the call.
    if connection.dialect.name == "sqlite":
        return
    name = func.hashtextextended(f"{user_id} {key}", 0)
    if not connection.scalar(select(func.pg_try_advisory_xact_lock(name))):
        raise StillRunning(_("The first call with this key is still running."))
