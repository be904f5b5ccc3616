"""Connect sources, send them signed calls, and read the inboxes that result."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.database.base import db
from app.models import Notification, Source, SourceCall, User
from app.services.sources import connections, mapping, receiving
from tests.support.factories import unique as unique_name
from tests.support.source_calls import NOW, SECRET, signed

KEY = "a key for tests only"


def connect(kind: str, actor: User, **fields: Any) -> Source:
    """Connect a source that signs with `SECRET`."""
    fields = {"company_name": "Alder Robotics"} | fields
    return connections.create(kind, f"Our {kind}", SECRET, actor=actor, secret=KEY, **fields)


def call(
    source: Source, document: Any, *, now: datetime = NOW, unique: str = "", **options: Any
) -> SourceCall | None:
    """Send a signed call; None if it was refused."""
    headers, body = signed(source.kind, document, now=now, unique=unique or unique_name(), **options)
    return receiving.receive(source.public_id, headers, body, secret=KEY, now=now)


def map_all(now: datetime = NOW + timedelta(minutes=1)) -> None:
    """Map every call."""
    while mapping.map_due(now):
        pass


def outcome(found: SourceCall | None) -> tuple[str, str]:
    """The state of a call and the reason for it."""
    assert found is not None
    db.session.refresh(found)
    return found.state, found.reason


def inbox(user: User) -> list[tuple[str, str]]:
    """The types and titles of a person's notifications, in order."""
    query = select(Notification.notification_type, Notification.title)
    rows = db.session.execute(query.where(Notification.recipient_id == user.id).order_by(Notification.id))
    return [(row.notification_type, row.title) for row in rows]
