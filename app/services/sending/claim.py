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
from app.services.sending import results as send_results
from app.services.sending.results import SendResult

HEARTBEAT_SECONDS = 10.0
# After this long with one message, the others of its claim are given back.
SLOW_SECONDS = 5.0
# Seconds between attempts to record results while the database is busy.
RECORD_AGAIN_AFTER = (0.2, 1.0, 3.0, 10.0)


class Claim:
    """Deliveries that are ours until `lease_until`.

    The lock keeps the heartbeat from giving a delivery back at the moment when its turn comes, and from taking the
    results while one is added.
    """

    def __init__(self, token: str, ids: set[int], lease_until: datetime) -> None:
        self.token = token
        self._ids = ids
        # Those whose turn has not come.
        self._waiting = set(ids)
        # Results that are not recorded yet.
        self._results: list[SendResult] = []
        self._lease_until = lease_until
        self._current: int | None = None
        self._began_at = 0.0
        self._lock = threading.RLock()
        # Separate, because a message must be able to begin while results are recorded.
        self._recording = threading.Lock()

    @property
    def is_slow(self) -> bool:
        """Whether the current message takes so long that the others should not wait for it."""
        return self._current is not None and time.monotonic() - self._began_at > SLOW_SECONDS

    def renew(self) -> None:
        """Extend the lease of the deliveries that are still ours."""
        with self._lock:
            until = utc_now() + outbox.LEASE
            self._ids = outbox.renew(self.token, until)
            self._lease_until = until

    def begin(self, delivery_id: int) -> bool:
        """Begin with a delivery if it is still ours."""
        with self._lock:
            is_ours = delivery_id in self._waiting and self.still_holds(delivery_id)
            self._waiting.discard(delivery_id)
            self._current, self._began_at = (delivery_id if is_ours else None), time.monotonic()
            return is_ours

    def add_result(self, result: SendResult) -> int:
        """Keep a result until it is recorded; returns how many there are."""
        with self._lock:
            self._results.append(result)
            return len(self._results)

    def give_back_waiting(self) -> None:
        """Record the results so far and give back what waits behind the current message, which may take long."""
        with self._lock:
            waiting, self._waiting = self._waiting & self._ids, set()
            self._ids = self._ids - waiting
        if waiting:
            outbox.give_back_deliveries(self.token, waiting)
        self.record_results()

    def record_results(self) -> None:
        """Record results, even if the database is busy for a while: these messages have been sent."""
        with self._recording:
            with self._lock:
                results, self._results = self._results, []
            if results:
                self._record(results)

    def _record(self, results: list[SendResult]) -> None:
        for seconds in RECORD_AGAIN_AFTER:
            try:
                send_results.record_results(self.token, results)
            except SQLAlchemyError as error:
                if not outages.is_outage(error):
                    raise
                outages.report(error)
                time.sleep(seconds)
            else:
                return
        send_results.record_results(self.token, results)

    def still_holds(self, delivery_id: int) -> bool:
        """Whether a delivery is still ours. A process that was paused for longer than the lease has lost it."""
        if utc_now() >= self._lease_until:
            self.renew()
        return delivery_id in self._ids


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
                if claim.is_slow:
                    claim.give_back_waiting()
                if is_due:
                    claim.renew()
                    renewed_at = time.monotonic()
            except SQLAlchemyError as error:
                db.session.rollback()
                if not outages.is_outage(error):
                    raise
                outages.report(error)
