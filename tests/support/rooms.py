"""Rooms in tests."""

from __future__ import annotations

from typing import Any

from app.models import Delivery, Room, RoomMessage, User
from app.services.rooms import management
from tests.support.delivery import SITE

HOOK = "https://hooks.slack.com/services/T1/B1/planted-secret"


def add_room(admin: User, *subjects: str, **fields: Any) -> Room:
    """Add a room that gets everything, by default through an incoming webhook of Slack."""
    values = {"name": "#hiring", "channel": "slack", "address": HOOK, "subjects": list(subjects or "*")}
    return management.create(**values | fields, actor=admin, secret=SITE.secret)


def posted(room: Room) -> list[Delivery]:
    """The deliveries to a room, oldest first, as they are now."""
    from app.database.base import db

    query = db.select(Delivery).join(RoomMessage).where(RoomMessage.room_id == room.id).order_by(Delivery.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))
