"""Loads the deliveries of a claim with everything that checks and messages read.

They are model objects that no session knows: the session would take a sixth of the time that an email takes.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import accumulate, pairwise
from typing import Any, TypeVar, cast

from sqlalchemy import select

from app.database.base import Base, db
from app.database.compiled import CompiledStatement, is_among
from app.database.objects import ModelColumns
from app.models import (
    Delivery,
    Event,
    Interview,
    Notification,
    RoomMessage,
    User,
    UserNotificationPreference,
)

Model = TypeVar("Model", bound=Base)

# Without what no message needs.
_DELIVERY = ModelColumns(
    Delivery, without=("reason_data", "sent_at", "token", "lease_until", "claimed_by", "remote_id")
)
_USER = ModelColumns(User, without=("search_words", "last_signed_in_at"))
_PREFERENCE = ModelColumns(
    UserNotificationPreference, without=("reminder_lead_minutes", "single_key_shortcuts", "theme", "density")
)
_NOTIFICATION = ModelColumns(
    Notification, without=("channels", "hiring_team", "stack_key", "archived_at", "saved_at")
)
_MODELS: tuple[ModelColumns[Any], ...] = (_DELIVERY, _USER, _PREFERENCE, _NOTIFICATION)
_PARTS = [slice(*ends) for ends in pairwise(accumulate((len(model.columns) for model in _MODELS), initial=0))]
_BATCH = CompiledStatement(
    lambda: (
        select(*(column for model in _MODELS for column in model.columns))
        .select_from(Delivery)
        .outerjoin(User, User.id == Delivery.recipient_id)
        .outerjoin(UserNotificationPreference, UserNotificationPreference.user_id == User.id)
        .outerjoin(Notification, Notification.id == Delivery.notification_id)
        .where(is_among(Base.metadata.tables["deliveries"].c.id, "ids"))
        .order_by(Delivery.due_at, Delivery.id)
    )
)


def load_deliveries(ids: Collection[int]) -> list[Delivery]:
    """Load deliveries, those that have been due longest first."""
    rows = [_delivery(values) for values in _BATCH.fetch(ids=list(ids))]
    notifications = [row.notification for row in rows if row.notification is not None]
    events = _load_by_id(Event, {row.event_id for row in notifications})
    interviews = _load_by_id(Interview, {row.interview_id for row in notifications})
    messages = _load_by_id(RoomMessage, {row.room_message_id for row in rows})
    for notification in notifications:
        notification.event = events.get(notification.event_id)
        notification.interview = interviews.get(notification.interview_id)
    for row in rows:
        row.room_message = messages.get(row.room_message_id)
    return rows


def _delivery(values: Any) -> Delivery:
    made: Any = (model.make(values[part]) for model, part in zip(_MODELS, _PARTS, strict=True))
    row, recipient, preference, notification = made
    if recipient is not None:
        recipient.preference = preference
    row.recipient, row.notification = recipient, notification
    return cast(Delivery, row)


def _load_by_id(model: type[Model], ids: set[int | None]) -> dict[int | None, Model]:
    """Load what several deliveries share, or few have, in the session."""
    wanted = ids - {None}
    if not wanted:
        return {}
    query = select(model).where(model.__table__.c.id.in_(wanted)).execution_options(populate_existing=True)
    found: Any = db.session.scalars(query)
    return {row.id: row for row in found}
