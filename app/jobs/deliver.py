"""Sends what is due, over every channel. Any number of processes may do it at once."""

from __future__ import annotations

from datetime import datetime

from flask import current_app

from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker


def run(now: datetime | None = None, _progress: object = None) -> int:
    """Send until nothing is due; how many deliveries were dealt with."""
    return courier().deliver_due(now)


def courier() -> DeliveryWorker:
    """The one courier of this process."""
    if "courier" not in current_app.extensions:
        current_app.extensions["courier"] = DeliveryWorker(SiteIdentity.of(current_app.config))
    made: DeliveryWorker = current_app.extensions["courier"]
    return made
