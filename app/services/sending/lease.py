"""A claim while it is being worked on: renewed in the background, checked before each message."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from app.clock import utc_now
from app.database.base import db
from app.services.base import outages
from app.services.sending import outbox

HEARTBEAT_SECONDS = 10.0
# After this long with one message, the others of its claim are given back.
SLOW_SECONDS = 5.0


class Claim:
    """Deliveries that are ours until `lease_until`.

    The lock keeps the heartbeat from giving a delivery back at the moment when its turn comes.
    """

    def __init__(self, token: str, ids: set[int], lease_until: datetime) -> None:
        self.token = token
        self.ids = ids
        self.lease_until = lease_until
        self.current: int | None = None
        self.began_at = 0.0
        self.lock = threading.RLock()

    @property
    def is_slow(self) -> bool:
        """Whether the current message takes so long that the others should not wait for it."""
        return self.current is not None and time.monotonic() - self.began_at > SLOW_SECONDS

    def renew(self) -> None:
        """Extend the lease of the deliveries that are still ours."""
        with self.lock:
            until = utc_now() + outbox.LEASE
            self.ids = outbox.renew(self.token, until)
            self.lease_until = until

    def begin(self, delivery_id: int) -> bool:
        """Begin with a delivery if it is still ours."""
        with self.lock:
            is_ours = self.still_holds(delivery_id)
            self.current, self.began_at = (delivery_id if is_ours else None), time.monotonic()
            return is_ours

    def give_back_rest_if_slow(self) -> None:
        """Give back what waits behind a slow message, so that another thread can send it."""
        with self.lock:
            if self.is_slow and self.current is not None and len(self.ids) > 1:
                outbox.keep_one(self.token, self.current)
                self.ids = {self.current}

    def still_holds(self, delivery_id: int) -> bool:
        """Whether a delivery is still ours. A process that was paused for longer than the lease has lost it."""
        if utc_now() >= self.lease_until:
            self.renew()
        return delivery_id in self.ids


@contextmanager
def heartbeat(claim: Claim) -> Iterator[None]:
    """Renew a claim in the background, however long a message takes."""
    done = threading.Event()
    # The object itself, because threads do not inherit the application context.
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    thread = threading.Thread(target=_beat, args=(app, claim, done), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(app: Flask, claim: Claim, done: threading.Event) -> None:
    renewed_at = time.monotonic()
    while not done.wait(min(HEARTBEAT_SECONDS, SLOW_SECONDS / 5)):
        is_due = time.monotonic() - renewed_at >= HEARTBEAT_SECONDS
        if not is_due and not claim.is_slow:
            continue
        with app.app_context():
            try:
                claim.give_back_rest_if_slow()
                if is_due:
                    claim.renew()
                    renewed_at = time.monotonic()
            except SQLAlchemyError as error:
                db.session.rollback()
                if not outages.is_outage(error):
                    raise
                outages.report(error)
