"""Doing once what is asked twice: an effect and the answer about it stand or fall together, in one transaction."""

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
from app.database.sqlite import lock_for_writing
from app.models import StoredResponse
from app.services.base.errors import Conflict

KEPT_FOR = timedelta(days=7)
_running: set[tuple[int, str]] = set()
_lock = threading.Lock()


@dataclass(frozen=True)
class IdempotentResponse:
    """What a call was answered. Only a success is kept: what changed nothing may be tried again."""

    status: int
    body: bytes
    etag: str = ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class StillRunning(Conflict):
    """Somebody does it at this moment: a little later there is an answer."""


class KeyReused(Exception):
    """This key stands for another call."""


def run_once(
    user_id: int, key: str, call: bytes, act: Callable[[], IdempotentResponse], *, now: datetime | None = None
) -> IdempotentResponse | None:
    """Act, unless this person's call with this key has been answered.

    Args:
        call: everything that makes the call what it is: the same key must come with the same.
        act: does it; what its services commit is committed together with the kept answer, or not at all.
    Returns:
        The answer that was kept; None after acting now.
    Raises:
        StillRunning: so is the first call with this key.
        Mismatch: the key was used for another call.
    """
    now = now or utc_now()
    fingerprint = hashlib.sha256(call).hexdigest()
    with _alone(user_id, key), _joined() as connection:
        _hold(connection, user_id, key)
        kept = db.session.scalar(
            select(StoredResponse).where(StoredResponse.user_id == user_id, StoredResponse.key == key)
        )
        if kept is not None and kept.created_at > now - KEPT_FOR:
            if kept.fingerprint != fingerprint:
                raise KeyReused
            return IdempotentResponse(kept.status, kept.body, kept.etag)
        answer = act()
        if answer.is_success:
            db.session.execute(
                delete(StoredResponse).where(StoredResponse.user_id == user_id, StoredResponse.key == key)
            )
            db.session.add(
                StoredResponse(
                    user_id=user_id,
                    key=key,
                    fingerprint=fingerprint,
                    status=answer.status,
                    body=answer.body,
                    etag=answer.etag,
                    created_at=now,
                )
            )
            db.session.commit()
        return None


def purge_responses(now: datetime | None = None) -> int:
    """Drop answers older than seven days; says how many."""
    old = StoredResponse.created_at < (now or utc_now()) - KEPT_FOR
    count = db.session.execute(delete(StoredResponse).where(old)).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return int(count)


@contextmanager
def _alone(user_id: int, key: str) -> Iterator[None]:
    """Of equal calls at the same moment one goes on in this process; see `_hold` for other processes."""
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
def _joined() -> Iterator[Connection]:
    """Let the session, and what services commit in it, work inside one transaction that ends with this block."""
    db.session.remove()
    try:
        with db.engine.begin() as connection:
            db.session(bind=connection, join_transaction_mode="create_savepoint")
            yield connection
    finally:
        db.session.remove()


def _hold(connection: Connection, user_id: int, key: str) -> None:
    """Let no other process answer this key meanwhile: SQLite's one writer waits its turn, PostgreSQL tells at once."""
    if connection.dialect.name == "sqlite":
        lock_for_writing()
        return
    name = func.hashtextextended(f"{user_id} {key}", 0)
    if not connection.scalar(select(func.pg_try_advisory_xact_lock(name))):
        raise StillRunning(_("The first call with this key is still running."))
