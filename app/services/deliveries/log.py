"""The delivery log for admins: sent, waiting, failed and captured deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.channels import CONNECTORS
from app.database.base import db
from app.models import ChannelOutage, Delivery, Notification, User
from app.services.base import paging, recipients
from app.services.base.errors import NotFound
from app.services.sending import channel_outages

# The channels, in the order of the filter.
WAYS = ("email", "in_app", *(name for name in CONNECTORS if name != "email"))


@dataclass(frozen=True)
class OutcomeLabel:
    """The label and tone of an outcome, and the delivery states that it covers."""

    label: LazyString
    tone: str
    states: tuple[str, ...]


# A captured message has the state `sent`, because nothing remains to be done for it.
KEPT = "kept"
OUTCOMES = {
    "sent": OutcomeLabel(_l("Sent"), "ok", ("sent",)),
    KEPT: OutcomeLabel(_l("Captured"), "", ("sent",)),
    "waiting": OutcomeLabel(_l("Waiting"), "info", ("pending", "claimed")),
    "retrying": OutcomeLabel(_l("Retrying"), "warn", ("retry_wait",)),
    "failed": OutcomeLabel(_l("Failed"), "bad", ("failed", "dead", "uncertain", "expired")),
    "withheld": OutcomeLabel(_l("Not sent"), "", ("skipped", "suppressed", "cancelled")),
}
_NAMES = {state: name for name, outcome in OUTCOMES.items() if name != KEPT for state in outcome.states}
TITLES = {
    "invitation": _l("Invitation"),
    "password_reset": _l("Password reset"),
    "security_notice": _l("Security notice"),
    "phone_code": _l("Code for a phone"),
    "test": _l("Test"),
}


@dataclass(frozen=True)
class DeliveryFilters:
    """The filters of the log. Values of one field are alternatives; all fields must match.

    `person` is part of a name or an address. `created_after` is inclusive, `created_before` exclusive.
    """

    outcomes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    person: str = ""
    notification_types: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery with its title, outcome and verdict in words."""

    row: Delivery
    outcome: OutcomeLabel
    title: str
    verdict: str


@dataclass(frozen=True)
class DeliveryPage:
    """A page of the log, newest first; `older` and `newer` are the cursors of the adjacent pages."""

    lines: list[DeliveryRow]
    older: int | None
    newer: int | None


def outcome_name(state: str, reason: str) -> str:
    """Return the name in `OUTCOMES` of a delivery's state and reason."""
    return KEPT if (state, reason) == ("sent", KEPT) else _NAMES[state]


def outcome_label(state: str, reason: str) -> OutcomeLabel:
    """Return the label of a delivery's state and reason."""
    return OUTCOMES[outcome_name(state, reason)]


def has_outcome(name: str) -> ColumnElement[bool]:
    """Return the condition that selects the deliveries with an outcome of `OUTCOMES`."""
    states = Delivery.state.in_(OUTCOMES[name].states)
    match name:
        case "sent":
            return and_(states, Delivery.reason != KEPT)
        case "kept":
            return and_(states, Delivery.reason == KEPT)
    return states


def page_for(
    reader: User,
    filters: DeliveryFilters,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> DeliveryPage:
    """Return a page of the log.

    Args:
        reader: the texts are in their time zone and language.
        before, after: see `paging.newest_first`.
    """
    wanted = [has_outcome(name) for name in filters.outcomes if name in OUTCOMES]
    query = select(Delivery).options(joinedload(Delivery.recipient), joinedload(Delivery.notification))
    if wanted:
        query = query.where(or_(*wanted))
    if filters.channels:
        query = query.where(Delivery.channel.in_(filters.channels))
    if filters.person:
        is_meant = recipients.matches_person(filters.person)
        query = query.where(Delivery.recipient_id.in_(select(User.id).where(is_meant)))
    if filters.notification_types:
        of_type = Notification.notification_type.in_(filters.notification_types)
        query = query.join(Notification, Notification.id == Delivery.notification_id).where(of_type)
    if filters.created_after:
        query = query.where(Delivery.created_at >= filters.created_after)
    if filters.created_before:
        query = query.where(Delivery.created_at < filters.created_before)
    outages = channel_outages.current_outages()
    rows, older, newer = paging.newest_first(query, Delivery.id, before=before, after=after, limit=limit)
    return DeliveryPage([delivery_row(row, reader, outages) for row in rows], older, newer)


def get(delivery_id: int) -> Delivery:
    """Return a delivery with its attempts and its captured email. Raises NotFound."""
    query = select(Delivery).where(Delivery.id == delivery_id)
    loaded = query.options(
        joinedload(Delivery.recipient),
        joinedload(Delivery.notification),
        joinedload(Delivery.captured),
        selectinload(Delivery.log),
    )
    row = db.session.scalars(loaded).one_or_none()
    if row is None:
        raise NotFound(_("There is no such delivery."))
    return row


def delivery_row(
    row: Delivery, reader: User, outages: Mapping[str, ChannelOutage] | None = None
) -> DeliveryRow:
    """Describe a delivery in the reader's time zone and language."""
    title = row.notification.title if row.notification else str(TITLES.get(row.kind, row.kind))
    words = channel_outages.describe_delivery(
        row,
        channel_outages.current_outages() if outages is None else outages,
        reader.time_zone,
        reader.locale,
    )
    return DeliveryRow(row, outcome_label(row.state, row.reason), row.subject or title, words)
