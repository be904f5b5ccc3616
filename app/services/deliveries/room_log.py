"""Lists what was posted to a room and what became of it, and sends test messages."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Delivery, Room, RoomMessage, User
from app.services.base import audit, paging
from app.services.base.errors import Conflict, LimitReached, NotFound
from app.services.deliveries import delivery_log
from app.services.deliveries.delivery_log import DeliveryPage, DeliveryRow
from app.services.rooms import management, posting

# An admin waits for the result of a test: hours later it would be useless.
TEST_LIFETIME = timedelta(minutes=10)
MAX_TESTS = 10


def page_for(
    reader: User, room_id: int, *, before: int | None = None, after: int | None = None, limit: int = 20
) -> DeliveryPage:
    """Load one page of the messages to a room, newest first; see `paging.newest_first`. Raises NotFound."""
    room = management.get(room_id)
    query = (
        select(Delivery)
        .join(RoomMessage, RoomMessage.id == Delivery.room_message_id)
        .where(RoomMessage.room_id == room.id)
        .options(selectinload(Delivery.log), joinedload(Delivery.room_message))
        .execution_options(populate_existing=True)
    )
    rows, older, newer = paging.newest_first(query, Delivery.id, before=before, after=after, limit=limit)
    return DeliveryPage([delivery_log.delivery_row(row, reader) for row in rows], older, newer)


def send_test(room_id: int, actor: User, *, now: datetime | None = None) -> DeliveryRow:
    """Queue a test message to a room.

    Raises:
        NotFound: the room does not exist.
        Conflict: it is paused or turned off.
        LimitReached: ten tests were sent within ten minutes.
    """
    now = now or utc_now()
    with writing(lock=Room, row_id=room_id) as room:
        if room is None or room.removed_at is not None:
            raise NotFound(_("Room not found. It may have been removed."))
        if not room.is_open:
            raise Conflict(_("This room is off. Resume it before you test it."))
        tests = select(func.count(), func.min(Delivery.created_at)).where(
            Delivery.address == room.address,
            Delivery.kind == "test",
            Delivery.created_at > now - TEST_LIFETIME,
        )
        count, first_at = db.session.execute(tests).one()
        if count >= MAX_TESTS:
            wait = max(1, int((first_at + TEST_LIFETIME - now).total_seconds()))
            raise LimitReached(
                _("You can send at most %(most)s tests in ten minutes. Try again later.", most=MAX_TESTS),
                wait,
            )
        delivery = posting.write_test(
            room,
            _("Test from Bellhop"),
            _("Notifications for “%(room)s” will look like this.", room=room.name),
            now,
            TEST_LIFETIME,
        )
        audit.record("room.tested", room.name, actor=actor, room=room.id)
    return delivery_log.delivery_row(delivery, actor)
