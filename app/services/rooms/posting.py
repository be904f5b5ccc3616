"""Decides which rooms get an event's message, and writes it with its delivery in the event's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2s

from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from app import catalog
from app.catalog import NotificationType
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.models import Delivery, Room, RoomMessage
from app.services.base import outgoing
from app.services.routing import hiring_teams
from app.services.routing.candidate_and_job import CandidateAndJob
from app.services.routing.fanout import NotificationRequest

# Within this time, a second message that says the same is not sent.
MERGED_WITHIN = timedelta(minutes=1)
# How far back repetitions of the same message are looked at.
LONGEST_REPETITION = timedelta(hours=1)
EVERYTHING = "*"
_ROOMS = Base.metadata.tables["rooms"]
_IS_OPEN = (_ROOMS.c.paused_at.is_(None), _ROOMS.c.removed_at.is_(None), _ROOMS.c.disabled_at.is_(None))
# A column of a statement that each event runs anyway, because most installations have few rooms or none.
HAS_OPEN_ROOMS = exists(select(_ROOMS.c.id).where(*_IS_OPEN)).label("has_open_rooms")
_OPEN_ROOMS = CompiledStatement(
    select(_ROOMS.c.id, _ROOMS.c.subjects, _ROOMS.c.is_confidential_allowed).where(*_IS_OPEN)
)


def find_rooms(request: NotificationRequest) -> list[Room]:
    """Find the rooms that get a notification: by its job, type or category, and whether it is confidential."""
    if not request.is_template_active:
        return []
    about = request.about
    subjects = {
        EVERYTHING,
        f"type:{request.notification_type}",
        f"category:{catalog.category_of(request.notification_type)}",
        f"job:{about.job_id}",
    }
    ids = [
        row.id
        for row in _OPEN_ROOMS.fetch()
        if subjects.intersection(row.subjects) and (row.is_confidential_allowed or not about.is_confidential)
    ]
    return list(db.session.scalars(select(Room).where(Room.id.in_(ids)).order_by(Room.id))) if ids else []


def write(request: NotificationRequest, rooms: Sequence[Room], now: datetime) -> None:
    """Write a message and its delivery for each room, in the caller's transaction."""
    for room in rooms:
        texts = request.texts_for(room)
        message = RoomMessage(
            room_id=room.id,
            event_id=request.event_id,
            interview_id=request.interview_id,
            interview_sequence=request.interview_sequence,
            notification_type=request.notification_type,
            category=catalog.category_of(request.notification_type),
            title=texts.title,
            message=texts.message,
            priority=request.priority,
            data=dict(request.metadata),
            facts=dict(request.facts),
            action_url=request.action_url,
            candidate_id=request.about.candidate_id,
            job_id=request.about.job_id,
            is_confidential=request.about.is_confidential,
            created_at=now,
        )
        message.fact_key = _fact_key(message)
        queue(room, message, now, kind="room", lifetime=catalog.GIVE_UP_AFTER)


def deliveries_of_event(event_id: int) -> Sequence[Delivery]:
    """Load the deliveries of an event's messages to rooms, as they are now."""
    query = (
        select(Delivery)
        .join(RoomMessage, RoomMessage.id == Delivery.room_message_id)
        .where(RoomMessage.event_id == event_id)
        .options(joinedload(Delivery.room_message))
        .order_by(Delivery.id)
    )
    return db.session.scalars(query.execution_options(populate_existing=True)).all()


def write_test(room: Room, title: str, text: str, now: datetime, lifetime: timedelta) -> Delivery:
    """Write a test message to a room, in the caller's transaction."""
    message = RoomMessage(
        room_id=room.id,
        notification_type=NotificationType.SYSTEM_ALERT.value,
        category="system",
        title=title,
        message=text,
        priority="medium",
        created_at=now,
        fact_key="",
    )
    return queue(room, message, now, kind="test", lifetime=lifetime)


def queue(room: Room, message: RoomMessage, now: datetime, *, kind: str, lifetime: timedelta) -> Delivery:
    """Queue a message to a room, due now."""
    delivery = Delivery(
        kind=kind,
        channel=room.channel,
        address=room.address,
        state="pending",
        reason="queued",
        room_message=message,
        created_at=now,
        due_at=now,
        expires_at=now + lifetime,
        is_urgent=message.priority == "urgent" or kind == "test",
    )
    db.session.add(delivery)
    db.session.flush()
    outgoing.note(deliveries=[delivery.id])
    return delivery


def may_know(message: RoomMessage) -> bool:
    """Whether the room may get a message now: its job may have become confidential since."""
    if message.room.is_confidential_allowed:
        return True
    about = CandidateAndJob(job_id=message.job_id, is_confidential=message.is_confidential)
    return not hiring_teams.complete(about).is_confidential


def is_repeated(message: RoomMessage) -> bool:
    """Whether a message says what another one said in the room within a minute before.

    It depends on the times alone, because several workers may look at once.
    """
    if not message.fact_key:
        return False
    query = (
        select(RoomMessage.created_at)
        .join(Delivery, Delivery.room_message_id == RoomMessage.id)
        .where(
            RoomMessage.room_id == message.room_id,
            RoomMessage.fact_key == message.fact_key,
            RoomMessage.id <= message.id,
            RoomMessage.created_at > message.created_at - LONGEST_REPETITION,
            Delivery.state != "cancelled",
        )
        .order_by(RoomMessage.id)
    )
    posted_at, is_merged = None, False
    for created_at in db.session.scalars(query):
        is_merged = posted_at is not None and created_at - posted_at < MERGED_WITHIN
        posted_at = posted_at if is_merged else created_at
    return is_merged


def _fact_key(message: RoomMessage) -> str:
    """Build the key of what a message says: the state of an interview, or the words."""
    if message.interview_id is not None:
        fact = f"{message.notification_type} {message.interview_id} {message.interview_sequence}"
    else:
        ids = message.candidate_id, message.job_id
        fact = "\n".join(map(str, (message.notification_type, *ids, message.title, message.message)))
    return blake2s(fact.encode("utf-8", "replace"), digest_size=16).hexdigest()
