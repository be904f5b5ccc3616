"""The result of publishing an event: the verdict for each recipient and channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select

from app.database.base import Base, db
from app.models import Delivery, Notification, Room, User
from app.services.base.recipients import Recipient
from app.services.rooms import posting
from app.services.routing import fanout, reasons, routes
from app.services.routing.reasons import Verdict

EVENTS = Base.metadata.tables["events"]
_EARLIER_EVENT = select(EVENTS.c.id, EVENTS.c.type).where(
    EVENTS.c.source == bindparam("source"), EVENTS.c.external_id == bindparam("external_id")
)


@dataclass(frozen=True)
class RecipientVerdict:
    """The verdict for one recipient and channel.

    `reason` is a sentence in the recipient's language and time zone, `route` one that says why the event reaches them.
    """

    recipient_email: str
    notification_id: int | None
    channel: str
    state: str
    reason: str
    due_at: datetime | None
    route: str


class ChannelOutcome(NamedTuple):
    """A verdict as a code, before it is put into words; `notification_id` is None when nothing was written.

    `route` is a key of `routes.REASONS`.
    """

    user: User | Recipient
    notification_id: int | None
    channel: str
    verdict: Verdict
    route: str


@dataclass(frozen=True)
class RoomVerdict:
    """The verdict for one room; `reason` is a sentence."""

    room: str
    channel: str
    state: str
    reason: str


class RoomOutcome(NamedTuple):
    """The verdict for one room, before it is put into words."""

    room: Room
    verdict: Verdict


@dataclass(frozen=True)
class PublishResult:
    """The result of an event. A duplicate has the type of the first event, and its verdicts as they are now.

    `event_id` is None for a dry run.
    """

    event_id: int | None
    type: str
    is_duplicate: bool = False
    outcomes: Sequence[ChannelOutcome] = ()
    rooms: Sequence[RoomOutcome] = ()

    def describe_rooms(self) -> list[RoomVerdict]:
        """Put the verdicts for rooms into words."""
        return [
            RoomVerdict(
                room.name,
                room.channel,
                verdict.state,
                reasons.describe(
                    verdict.state,
                    verdict.reason,
                    verdict.data,
                    time_zone=room.time_zone,
                    locale=room.locale,
                    due_at=verdict.due_at,
                ),
            )
            for room, verdict in self.rooms
        ]

    def describe_verdicts(self) -> list[RecipientVerdict]:
        """Put every verdict into words; callers who do not show them save the cost."""
        # Most recipients get the same few sentences: each is made once for each time zone and language.
        sentences: dict[tuple[str, str, str], str] = {}
        found = []
        for user, notification_id, channel, verdict, route in self.outcomes:
            key = (user.time_zone, user.locale, repr(verdict))
            if key not in sentences:
                sentences[key] = reasons.describe(
                    verdict.state,
                    verdict.reason,
                    verdict.data,
                    time_zone=user.time_zone,
                    locale=user.locale,
                    due_at=verdict.due_at,
                )
            found.append(
                RecipientVerdict(
                    user.email,
                    notification_id,
                    channel,
                    verdict.state,
                    sentences[key],
                    verdict.due_at,
                    str(routes.REASONS[route]) if route else "",
                )
            )
        return found


def outcomes_of_plans(
    plans: Sequence[fanout.Plan], routes_by_user: Mapping[int, str], notification_ids: Sequence[int] = ()
) -> list[ChannelOutcome]:
    """List the decisions of plans.

    Args:
        routes_by_user: why the event reaches each person.
        notification_ids: of the notifications that were written, in the order of the plans; empty if none were.
    """
    return [
        ChannelOutcome(
            plan.user,
            notification_ids[index] if notification_ids else None,
            channel,
            verdict,
            routes_by_user[plan.user.id],
        )
        for index, plan in enumerate(plans)
        for channel, verdict in plan.verdicts.items()
    ]


def outcomes_of_rooms(rooms: Sequence[Room]) -> list[RoomOutcome]:
    """List the decisions for the rooms that get an event's message."""
    return [RoomOutcome(room, Verdict("pending", "queued")) for room in rooms]


def earlier_result(source: str, external_id: str) -> PublishResult | None:
    """Find the result of an event that was published before, with the present state of its deliveries."""
    event = db.session.execute(_EARLIER_EVENT, {"source": source, "external_id": external_id}).one_or_none()
    if event is None:
        return None
    rows = db.session.execute(
        select(User, Delivery, Notification.routed_by)
        .join(Notification, Notification.id == Delivery.notification_id)
        .join(User, User.id == Notification.recipient_id)
        .where(Notification.event_id == event.id)
        .order_by(Delivery.id)
    )
    outcomes = [
        ChannelOutcome(
            user,
            delivery.notification_id,
            delivery.channel,
            Verdict(delivery.state, delivery.reason, delivery.due_at, delivery.reason_data),
            routed_by,
        )
        for user, delivery, routed_by in rows
    ]
    rooms = [
        RoomOutcome(
            delivery.room_message.room,
            Verdict(delivery.state, delivery.reason, delivery.due_at, delivery.reason_data),
        )
        for delivery in posting.deliveries_of_event(event.id)
        if delivery.room_message is not None
    ]
    return PublishResult(event.id, event.type, is_duplicate=True, outcomes=outcomes, rooms=rooms)
