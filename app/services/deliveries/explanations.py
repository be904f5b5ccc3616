"""Explains why a person got a notification or not, from the recorded decisions and attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import LazyString
from flask_babel import gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from app import catalog
from app.database.base import db
from app.models import Delivery, DeliveryAttempt, Event, Notification, User
from app.services.base.errors import NotFound
from app.services.interviews import reminder_texts
from app.services.interviews.reminder_texts import ReminderOutcome
from app.services.notifications import inbox
from app.services.notifications.filters import for_user
from app.services.rooms import posting
from app.services.routing import alerts, reasons, routes
from app.services.sending import channel_outages


@dataclass(frozen=True)
class ChannelExplanation:
    """The decision about one address of a channel, and its result.

    `state` and `reason` are the delivery's; `sentence` describes them. A channel that the notification does not use is
    `skipped` because `not_used`. `log` holds the replies of the receiving servers, and is empty except for admins.
    """

    channel: str
    label: LazyString
    address: str
    state: str
    reason: str
    sentence: str
    due_at: datetime | None = None
    sent_at: datetime | None = None
    attempts: int = 0
    log: Sequence[DeliveryAttempt] = ()


@dataclass(frozen=True)
class RoomExplanation:
    """The outcome of the event's message to a room; `sentence` describes it."""

    room: str
    channel: str
    state: str
    reason: str
    sentence: str


@dataclass(frozen=True)
class Explanation:
    """The reason why a person got a notification, and the decision for each channel.

    `event` is None if it came from no event. `reminders` are those of its interview, including those not created.
    """

    notification: Notification
    recipient: User
    event: Event | None
    reason: str
    recipient_reason: str
    channels: list[ChannelExplanation]
    reminders: Sequence[ReminderOutcome] = ()
    rooms: Sequence[RoomExplanation] = ()


def for_owner(user: User, notification_id: int) -> Explanation:
    """Explain one of a person's own notifications. Admins also see the servers' replies.

    Raises:
        NotFound: it does not exist, or belongs to another person.
    """
    row = _load(for_user(user), notification_id)
    return _explain(row, user, has_log=user.is_admin)


def for_admin(admin: User, delivery_id: int) -> Explanation:
    """Explain the notification of any delivery. The caller must check that the reader is an admin.

    Raises:
        NotFound: the delivery does not exist, or has no notification.
    """
    row = db.session.get(Delivery, delivery_id)
    if row is None or row.notification_id is None:
        raise NotFound(_("Delivery not found."))
    return _explain(_load(select(Notification), row.notification_id), admin, has_log=True)


def _load(query: Select[Notification], notification_id: int) -> Notification:
    event_and_attempts = (
        joinedload(Notification.event),
        selectinload(Notification.deliveries).selectinload(Delivery.log),
    )
    return inbox.get_one(query.options(*event_and_attempts), notification_id)


def _explain(row: Notification, reader: User, *, has_log: bool) -> Explanation:
    return Explanation(
        notification=row,
        recipient=db.session.get_one(User, row.recipient_id),
        event=row.event,
        reason=str(routes.reader_reason(row.notification_type, row.routed_by)),
        recipient_reason=_recipient_reason(row),
        channels=[
            explanation
            for channel in catalog.CHANNELS
            for explanation in _explain_channel(row, channel, reader, has_log=has_log)
        ],
        reminders=reminder_texts.outcomes_for(row.interview_id, row.recipient_id, reader)
        if row.interview_id
        else (),
        rooms=_explain_rooms(row.event_id, reader) if row.event_id else (),
    )


def _explain_rooms(event_id: int, reader: User) -> list[RoomExplanation]:
    outages = channel_outages.current_outages()
    return [
        RoomExplanation(
            room=delivery.recipient_name,
            channel=delivery.channel,
            state=delivery.state,
            reason=delivery.reason,
            sentence=channel_outages.describe_delivery(delivery, outages, reader.time_zone, reader.locale),
        )
        for delivery in posting.deliveries_of_event(event_id)
    ]


def _explain_channel(
    row: Notification, channel: str, reader: User, *, has_log: bool
) -> list[ChannelExplanation]:
    label = catalog.CHANNELS[channel].label
    found = [delivery for delivery in row.deliveries if delivery.channel == channel]
    if not found:
        sentence = reasons.describe(
            "skipped", "not_used", {}, time_zone=reader.time_zone, locale=reader.locale
        )
        return [ChannelExplanation(channel, label, "", "skipped", "not_used", sentence)]
    outages = channel_outages.current_outages()
    return [
        ChannelExplanation(
            channel=channel,
            label=label,
            address=delivery.address,
            state=delivery.state,
            reason=delivery.reason,
            sentence=channel_outages.describe_delivery(delivery, outages, reader.time_zone, reader.locale),
            due_at=delivery.due_at,
            sent_at=delivery.sent_at,
            attempts=delivery.attempts,
            log=delivery.log if has_log else (),
        )
        for delivery in found
    ]


def _recipient_reason(row: Notification) -> str:
    """Return why this person is a recipient."""
    event = row.event
    if row.routed_by:
        return str(routes.REASONS[row.routed_by])
    if event is None:
        return _unreported(row)
    if event.type == catalog.ANNOUNCEMENT:
        return _announced(event)
    if event.type not in catalog.EVENTS:
        return _("A test of a template.")
    if event.source == alerts.TEMPLATE_SOURCE:
        return _("It goes to all active admins.")
    # Notifications of the first versions do not know their route.
    return str(routes.REASONS["recipients" if event.data.get("recipients") else "everyone"])


def _unreported(row: Notification) -> str:
    if row.interview_id is not None:
        return _("It goes to the recruiters of this interview.")
    return _("Bellhop or another program sent it to this person directly, without an event.")


def _announced(event: Event) -> str:
    if event.data.get("everyone"):
        return _("An admin announced it to everyone.")
    if roles := event.data.get("roles"):
        names = [str(catalog.ROLE_AUDIENCES[role]) for role in roles]
        return _("An admin announced it to %(roles)s.", roles=_(" and ").join(names))
    return _("An admin announced it to selected people.")
