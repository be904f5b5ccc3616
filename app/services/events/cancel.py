"""Takes back an event: what has not been sent yet is not sent, and the inbox no longer shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Event, User
from app.services.base import audit
from app.services.base.errors import NotFound
from app.services.notifications import expiry


@dataclass(frozen=True)
class CancelledEvent:
    """An event, and how many notifications expired and deliveries were cancelled by this call."""

    event: Event
    notifications: int
    deliveries: int


def cancel_by_id(actor: User, event_id: int, *, now: datetime | None = None) -> CancelledEvent:
    """Cancel an event by Bellhop's id; a second call changes nothing. Raises NotFound."""
    return _cancel(actor, Event.id == event_id, now or utc_now())


def cancel_by_source(
    actor: User, source: str, external_id: str, *, now: datetime | None = None
) -> CancelledEvent:
    """Cancel an event by the source and the id that its sender gave it; as `cancel_by_id`."""
    return _cancel(actor, (Event.source == source) & (Event.external_id == external_id), now or utc_now())


def _cancel(actor: User, condition: ColumnElement[bool], now: datetime) -> CancelledEvent:
    with writing():
        # Announcements are cancelled by admins, and know their progress.
        query = select(Event).where(condition, Event.type.in_(catalog.EVENTS))
        event = db.session.scalar(query.with_for_update())
        if event is None:
            raise NotFound(_("Event not found."))
        notifications, deliveries = expiry.expire_for_event(event.id, now)
        if notifications or deliveries:
            audit.record(
                "event.cancelled",
                f"{event.source} {event.external_id}",
                actor=actor,
                notifications=notifications,
                deliveries=deliveries,
            )
    return CancelledEvent(event, notifications, deliveries)
