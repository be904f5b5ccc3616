"""Remembers which deliveries a transaction writes, and hands them on after its commit; after a rollback, nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from flask import current_app
from sqlalchemy import event
from sqlalchemy.orm import Session

from app import request_ids
from app.database.base import db

_NOTED = "written deliveries"
_LISTENER = "written deliveries listener"


@dataclass
class Written:
    """The deliveries that one transaction wrote, by notification or by id."""

    notification_ids: list[int] = field(default_factory=list)
    delivery_ids: list[int] = field(default_factory=list)
    # The requests that did.
    request_ids: set[str] = field(default_factory=set)


Listener = Callable[[Written], None]


def listen(listener: Listener) -> None:
    """Call this after each commit of the current application that wrote deliveries."""
    current_app.extensions[_LISTENER] = listener
    if not event.contains(db.session, "after_commit", _hand_on):
        event.listen(db.session, "after_commit", _hand_on)
        event.listen(db.session, "after_rollback", _forget)


def note(*, notifications: Iterable[int] = (), deliveries: Iterable[int] = ()) -> None:
    """Note deliveries of the current transaction. Does nothing without a listener."""
    if _LISTENER not in current_app.extensions:
        return
    written: Written = db.session.info.setdefault(_NOTED, Written())
    written.notification_ids += notifications
    written.delivery_ids += deliveries
    if request_id := request_ids.current():
        written.request_ids.add(request_id)


def _hand_on(session: Session) -> None:
    # Within a larger transaction, the rows are not there for others yet; see `idempotency`.
    written = session.info.pop(_NOTED, None) if session.bind is None else None
    if written is not None:
        current_app.extensions[_LISTENER](written)


def _forget(session: Session) -> None:
    session.info.pop(_NOTED, None)
