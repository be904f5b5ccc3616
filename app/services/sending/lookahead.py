"""Prepares the next deliveries of a claim while the other side still has to reply."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.channels.base import Message
from app.database.base import db
from app.models import Delivery
from app.services.sending.results import SendResult

# Anything older is prepared again at its turn: the recipient may have read the notification by then.
MAX_AGE_SECONDS = 1.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """A delivery with its message; or with its result, if there is nothing to send; or with neither, if it must wait.

    `at` is when it was read from the database, on the monotonic clock.
    """

    row: Delivery
    started_at: datetime
    message: Message | None = None
    result: SendResult | None = None
    at: float = field(default_factory=time.monotonic)


class Lookahead:
    """Prepares the deliveries of a claim, in order, some of them before their turn."""

    def __init__(self, rows: Sequence[Delivery], prepare: Callable[[Delivery], Prepared]) -> None:
        self._rows = rows
        self._prepare = prepare
        self._positions = {row.id: position for position, row in enumerate(rows)}
        self._prepared: dict[int, Prepared] = {}

    def take(self, row: Delivery) -> Prepared:
        """Return a delivery, prepared no more than a second ago."""
        prepared = self._prepared.pop(row.id, None)
        if prepared is None or time.monotonic() - prepared.at > MAX_AGE_SECONDS:
            return self._prepare(row)
        return prepared

    def find_following(self, row: Delivery) -> Prepared | None:
        """Prepare what comes after a delivery up to the first that has a message, and return it.

        Returns:
            None if there is none, or if one cannot be prepared, which is left to its turn.
        """
        for later in self._rows[self._positions[row.id] + 1 :]:
            prepared = self._prepared.get(later.id)
            if prepared is None:
                try:
                    prepared = self._prepare(later)
                except Exception:
                    log.debug("Delivery %s could not be prepared ahead", later.id, exc_info=True)
                    db.session.rollback()
                    return None
                self._prepared[later.id] = prepared
            if prepared.message is not None:
                return prepared
        return None
