"""A claim while it is being worked on: kept alive by a heartbeat, checked before each message."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from flask import Flask, current_app
from sqlalchemy.exc import OperationalError

from app.clock import utc_now
from app.database.base import db
from app.services.sending import outbox

HEARTBEAT_SECONDS = 10.0
log = logging.getLogger(__name__)


class Claim:
    """Some deliveries that are ours until `lease_until`."""

    def __init__(self, token: str, ids: set[int], lease_until: datetime) -> None:
        self.token = token
        self.ids = ids
        self.lease_until = lease_until

    def renew(self) -> None:
        """Prolong what is left of it."""
        until = utc_now() + outbox.LEASE
        self.ids = outbox.renew(self.token, until)
        self.lease_until = until

    def still_holds(self, delivery_id: int) -> bool:
        """Whether a delivery is ours to send: a process that was paused past its lease has lost it."""
        if utc_now() >= self.lease_until:
            self.renew()
        return delivery_id in self.ids


@contextmanager
def heartbeat(claim: Claim) -> Iterator[None]:
    """Renew a claim in the background, however long one message takes."""
    done = threading.Event()
    # The context's own object: the thread outlives what `current_app` stands for here.
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    thread = threading.Thread(target=_beat, args=(app, claim, done), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(app: Flask, claim: Claim, done: threading.Event) -> None:
    while not done.wait(HEARTBEAT_SECONDS):
        with app.app_context():
            try:
                claim.renew()
            except OperationalError:
                log.warning("The claim could not be prolonged; trying again", exc_info=True)
                db.session.rollback()
