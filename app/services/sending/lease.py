"""A claim while it is being worked on: renewed in the background, checked before each message."""

from __future__ import annotations

import threading
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


class Claim:
    """Deliveries that are ours until `lease_until`."""

    def __init__(self, token: str, ids: set[int], lease_until: datetime) -> None:
        self.token = token
        self.ids = ids
        self.lease_until = lease_until

    def renew(self) -> None:
        """Extend the lease of the deliveries that are still ours."""
        until = utc_now() + outbox.LEASE
        self.ids = outbox.renew(self.token, until)
        self.lease_until = until

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
    while not done.wait(HEARTBEAT_SECONDS):
        with app.app_context():
            try:
                claim.renew()
            except SQLAlchemyError as error:
                db.session.rollback()
                if not outages.is_outage(error):
                    raise
                outages.report(error)
