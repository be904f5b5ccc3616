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
from app.services.notifications.filters import for_user
from app.services.routing import alerts, reasons
from app.services.sending import channel_outages


@dataclass(frozen=True)
class ChannelExplanation:
    """The decision about one address of a channel, and its result.

    `state` and `reason` are the delivery's; `words` describes them. A channel that the notification does not use is
    `skipped` because `not_used`. `log` holds the replies of the receiving servers, and is empty except for admins.
    """

    channel: str
    label: LazyString
    address: str
    state: str
    reason: str
    words: str
    due_at: datetime | None = None
    sent_at: datetime | None = None
    attempts: int = 0
    log: Sequence[DeliveryAttempt] = ()


@dataclass(frozen=True)
class Explanation:
    """Why a person got a notification, and what was decided for each channel.

    `event` is None if it came from no event. `reminders` are those of its interview, including those not created.
    """

    notification: Notification
    recipient: User
    event: Event | None
    reason: str
    recipient_reason: str
    ways: list[ChannelExplanation]
    reminders: Sequence[ReminderOutcome] = ()


def for_owner(user: User, notification_id: int) -> Explanation:
    """Explain one of a person's own notifications. Admins also see the servers' replies.

    Raises:
        NotFound: it does not exist, or belongs to another person.
    """
    row = _one(for_user(user), notification_id)
    return _explain(row, user, has_log=user.is_admin)


def for_admin(admin: User, delivery_id: int) -> Explanation:
    """Explain the notification of any delivery. The caller must check that the reader is an admin.

    Raises:
        NotFound: the delivery does not exist, or has no notification.
    """
    row = db.session.get(Delivery, delivery_id)
    if row is None or row.notification_id is None:
        raise NotFound(_("There is no such delivery."))
    return _explain(_one(select(Notification), row.notification_id), admin, has_log=True)


def _one(query: Select[Notification], notification_id: int) -> Notification:
    loaded = query.options(
        joinedload(Notification.event), selectinload(Notification.deliveries).selectinload(Delivery.log)
    )
    known = 0 < notification_id < 2**63
    row = db.session.scalar(loaded.where(Notification.id == notification_id)) if known else None
    if row is None:
        raise NotFound(_("There is no such notification."))
    return row


def _explain(row: Notification, reader: User, *, has_log: bool) -> Explanation:
    return Explanation(
        notification=row,
        recipient=db.session.get_one(User, row.recipient_id),
        event=row.event,
        reason=str(catalog.TYPES[row.notification_type].reason),
        recipient_reason=_recipient_reason(row),
        ways=[way for channel in catalog.CHANNELS for way in _ways(row, channel, reader, has_log=has_log)],
        reminders=reminder_texts.outcomes_for(row.interview_id, row.recipient_id, reader)
        if row.interview_id
        else (),
    )


def _ways(row: Notification, channel: str, reader: User, *, has_log: bool) -> list[ChannelExplanation]:
    label = catalog.CHANNELS[channel].label
    found = [delivery for delivery in row.deliveries if delivery.channel == channel]
    if not found:
        words = reasons.describe("skipped", "not_used", {}, time_zone=reader.time_zone, locale=reader.locale)
        return [ChannelExplanation(channel, label, "", "skipped", "not_used", words)]
    outages = channel_outages.current_outages()
    return [
        ChannelExplanation(
            channel=channel,
            label=label,
            address=delivery.address,
            state=delivery.state,
            reason=delivery.reason,
            words=channel_outages.describe_delivery(delivery, outages, reader.time_zone, reader.locale),
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
    if event is None:
        return _unreported(row)
    if event.type == catalog.ANNOUNCEMENT:
        return _announced(event)
    if event.type not in catalog.EVENTS:
        return _("This person sent a test of a template.")
    if event.data.get("recipients"):
        return _("The event names this person as a recipient.")
    if event.source == alerts.TEMPLATE_SOURCE:
        return _("It goes to all active admins.")
    return _("The event names nobody, so it goes to all active recruiters.")


def _unreported(row: Notification) -> str:
    if row.interview_id is not None:
        return _("It goes to the recruiters of this interview.")
    return _("Bellhop, or a program that works with it, wrote to this person directly: there was no event.")


def _announced(event: Event) -> str:
    if event.data.get("everyone"):
        return _("An admin announced it to everyone.")
    if roles := event.data.get("roles"):
        names = {"recruiter": _("all recruiters"), "admin": _("all admins")}
        return _("An admin announced it to %(roles)s.", roles=_(" and ").join(names[role] for role in roles))
    return _("An admin announced it to people by name, this person among them.")
