"""Audit entries of refused requests. Their number is limited, so that a stranger cannot fill the audit log."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from app.clock import utc_now
from app.database.base import db
from app.models import User
from app.services.base import audit
from app.services.base.networks import network_of

log = logging.getLogger(__name__)
# Entries per hour in each process: of one action from one address, and of one action altogether.
MAX_PER_ORIGIN, MAX_PER_ACTION = 20, 300


class RefusalCounts:
    """Counts what was recorded in the current hour."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hour = ""
        self._counts: Counter[tuple[str, ...]] = Counter()

    def take(self, action: str, origin: str, now: datetime) -> int:
        """Count one entry; returns how many more may follow from this address, or -1 if this one may not."""
        with self._lock:
            if (hour := f"{now:%Y%m%d%H}") != self._hour:
                self._hour = hour
                self._counts.clear()
            here, everywhere = self._counts[action, origin], self._counts[(action,)]
            if here >= MAX_PER_ORIGIN or everywhere >= MAX_PER_ACTION:
                return -1
            self._counts[action, origin] += 1
            self._counts[(action,)] += 1
            return min(MAX_PER_ORIGIN - here, MAX_PER_ACTION - everywhere) - 1


_counts = RefusalCounts()


def record(
    action: str, subject: str, *, actor: User | None = None, origin: str = "", now: datetime | None = None
) -> None:
    """Record a refused request and commit. Call it when the request is otherwise complete.

    Args:
        action: such as `access.forbidden`.
        subject: the method and the URL rule; a path could contain a secret.
        origin: the client's address.
    """
    left = _counts.take(action, network_of(origin), now or utc_now())
    if left < 0:
        return
    more = {} if left else {"more": "not recorded until the next hour"}
    try:
        db.session.rollback()
        audit.record(action, subject, actor=actor, origin=origin, **more)
        db.session.commit()
    except SQLAlchemyError as error:
        db.session.rollback()
        log.warning("a refused request was not recorded: %s", error)
