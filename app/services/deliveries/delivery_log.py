"""The delivery log for admins: sent, waiting, failed and captured deliveries, and how many match a filter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.channels import CONNECTORS
from app.database.base import db
from app.models import Delivery, Notification, RoomMessage, User
from app.row_ids import MAX_ID
from app.services.base import paging, recipients
from app.services.base.errors import NotFound
from app.services.sending import channel_outages

# The channels, in the order of the filter.
CHANNELS = ("email", "in_app", *(name for name in CONNECTORS if name != "email"))


@dataclass(frozen=True)
class OutcomeLabel:
    """The label and tone of an outcome, and the delivery states that it covers."""

    label: LazyString
    tone: str
    states: tuple[str, ...]


# A captured message has the state `sent`, because nothing remains to be done for it.
CAPTURED = "kept"
OUTCOMES = {
    "sent": OutcomeLabel(_l("Sent"), "ok", ("sent",)),
    CAPTURED: OutcomeLabel(_l("Not sent (no server)"), "", ("sent",)),
    "waiting": OutcomeLabel(_l("Waiting"), "info", ("pending", "claimed")),
    "retrying": OutcomeLabel(_l("Retrying"), "warn", ("retry_wait",)),
    "failed": OutcomeLabel(_l("Failed"), "bad", ("failed", "dead", "uncertain", "expired")),
    "withheld": OutcomeLabel(_l("Not sent"), "", ("skipped", "suppressed", "cancelled")),
}
# Labels of a channel's own: what is in the inbox was not sent, and what was captured lacked that channel's server.
_CHANNEL_LABELS = {
    ("sent", "in_app"): OutcomeLabel(_l("In the inbox"), "ok", ("sent",)),
    (CAPTURED, "email"): OutcomeLabel(_l("Not sent (no mail server)"), "", ("sent",)),
    (CAPTURED, "sms"): OutcomeLabel(_l("Not sent (no SMS provider)"), "", ("sent",)),
}
_NAMES = {state: name for name, outcome in OUTCOMES.items() if name != CAPTURED for state in outcome.states}
TITLES = {
    "invitation": _l("Invite"),
    "password_reset": _l("Password reset"),
    "security_notice": _l("Security notice"),
    "phone_code": _l("Phone verification code"),
    "test": _l("Test"),
}


# The matches of a filter are counted up to this number, and not more than this are sent again at once.
MAX_COUNTED = 5_000
# What "resend all" sends again. Not `uncertain`: those messages may have arrived.
RESENDABLE = ("failed", "dead", "expired")
# Nor what its recipient asked for and no longer waits for.
BRIEFLY_WANTED = ("password_reset", "phone_code", "test")
PAGE_OF_EXPORT = 500
_SHOWN = (
    joinedload(Delivery.recipient),
    joinedload(Delivery.notification),
    joinedload(Delivery.room_message),
)


@dataclass(frozen=True)
class DeliveryFilters:
    """The filters of the log. Values of one field are alternatives; all fields must match.

    `person` is part of a recipient's name or address; `search` is that, part of the address that was written to, or
    the number of a delivery. `created_after` is inclusive, `created_before` exclusive.
    """

    outcomes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    person: str = ""
    search: str = ""
    notification_types: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery with its title, outcome and verdict in a sentence."""

    delivery: Delivery
    outcome: OutcomeLabel
    title: str
    verdict: str

    @property
    def is_sent(self) -> bool:
        """Whether a server took it; a captured message was not sent."""
        return self.delivery.state == "sent" and self.delivery.reason != CAPTURED

    @property
    def detail(self) -> str:
        """The rest of the verdict, to be shown after the label of the outcome."""
        return (
            ""
            if self.outcome.states == ("sent",)
            else self.verdict.removeprefix(str(self.outcome.label)).lstrip(" :")
        )


@dataclass(frozen=True)
class MatchCount:
    """How many deliveries match, and how many of them can be sent again; `is_exact` is False from `MAX_COUNTED` on."""

    total: int
    resendable: int
    is_exact: bool


@dataclass(frozen=True)
class DeliveryPage:
    """A page of the log, newest first; `older` and `newer` are the cursors of the adjacent pages."""

    lines: list[DeliveryRow]
    older: int | None
    newer: int | None


def outcome_name(state: str, reason: str) -> str:
    """Return the name in `OUTCOMES` of a delivery's state and reason."""
    return CAPTURED if (state, reason) == ("sent", CAPTURED) else _NAMES[state]


def outcome_label(state: str, reason: str, channel: str) -> OutcomeLabel:
    """Return the label of a delivery's state and reason."""
    name = outcome_name(state, reason)
    return _CHANNEL_LABELS.get((name, channel), OUTCOMES[name])


def has_outcome(name: str) -> ColumnElement[bool]:
    """Return the condition that selects the deliveries with an outcome of `OUTCOMES`."""
    states = Delivery.state.in_(OUTCOMES[name].states)
    match name:
        case "sent":
            return and_(states, Delivery.reason != CAPTURED)
        case "kept":
            return and_(states, Delivery.reason == CAPTURED)
    return states


def matching(filters: DeliveryFilters) -> Select[Any]:
    """Build the query for the deliveries that match, in no order."""
    wanted = [has_outcome(name) for name in filters.outcomes if name in OUTCOMES]
    # Subscriptions have a log of their own.
    query = select(Delivery).where(
        or_(Delivery.recipient_id.is_not(None), Delivery.room_message_id.is_not(None))
    )
    if wanted:
        query = query.where(or_(*wanted))
    if filters.channels:
        query = query.where(Delivery.channel.in_(filters.channels))
    if filters.person:
        is_meant = recipients.matches_person(filters.person)
        query = query.where(Delivery.recipient_id.in_(select(User.id).where(is_meant)))
    if filters.search:
        query = query.where(_is_found_by(filters.search))
    if filters.notification_types:
        query = query.outerjoin(Notification, Notification.id == Delivery.notification_id)
        query = query.outerjoin(RoomMessage, RoomMessage.id == Delivery.room_message_id)
        shown_type = func.coalesce(Notification.notification_type, RoomMessage.notification_type)
        query = query.where(shown_type.in_(filters.notification_types))
    if filters.created_after:
        query = query.where(Delivery.created_at >= filters.created_after)
    if filters.created_before:
        query = query.where(Delivery.created_at < filters.created_before)
    return query


def _is_found_by(search: str) -> ColumnElement[bool]:
    """Build the condition that a delivery is meant by a name, part of an address, or its number."""
    is_meant: list[ColumnElement[bool]] = [
        Delivery.recipient_id.in_(select(User.id).where(recipients.matches_person(search)))
    ]
    number = search.removeprefix("#")
    if number.isascii() and number.isdigit() and int(number) <= MAX_ID:
        is_meant.append(Delivery.id == int(number))
    # Spaces as in +44 7700 900142. A text without these characters is a name.
    part = "".join(search.split()).lower()
    if any(mark in part for mark in "@.:/") or part.strip("+-()").isdigit():
        is_meant.append(func.lower(Delivery.address).contains(part, autoescape=True))
    return or_(*is_meant)


def can_resend(delivery: Any) -> ColumnElement[bool]:
    """Build the condition that "resend all" sends a delivery again; takes `Delivery`, or columns of that name."""
    return and_(delivery.state.in_(RESENDABLE), delivery.kind.not_in(BRIEFLY_WANTED))


def count_matching(filters: DeliveryFilters) -> MatchCount:
    """Count the deliveries that match, up to `MAX_COUNTED`, the newest first."""
    newest = matching(filters).with_only_columns(Delivery.state, Delivery.kind).order_by(Delivery.id.desc())
    found = newest.limit(MAX_COUNTED + 1).subquery()
    again = func.count().filter(can_resend(found.c))
    total, resendable = db.session.execute(select(func.count(), again).select_from(found)).one()
    return MatchCount(min(total, MAX_COUNTED), min(resendable, MAX_COUNTED), total <= MAX_COUNTED)


def export(reader: User, filters: DeliveryFilters) -> Iterator[DeliveryRow]:
    """Yield every delivery that matches, newest first, as `page_for` describes them."""
    before: int | None = None
    while True:
        page = page_for(reader, filters, before=before, limit=PAGE_OF_EXPORT)
        yield from page.lines
        before = page.older
        if before is None:
            return


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
    query = matching(filters).options(*_SHOWN)
    outages = channel_outages.current_outages()
    rows, older, newer = paging.newest_first(query, Delivery.id, before=before, after=after, limit=limit)
    return DeliveryPage([delivery_row(row, reader, outages) for row in rows], older, newer)


def get(delivery_id: int) -> Delivery:
    """Return a delivery with its attempts and its captured email. Raises NotFound."""
    query = select(Delivery).where(Delivery.id == delivery_id)
    loaded = query.options(*_SHOWN, joinedload(Delivery.captured), selectinload(Delivery.log))
    # As it is now: it may have been changed in bulk.
    row = db.session.scalars(loaded.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFound(_("Delivery not found."))
    return row


def delivery_row(
    row: Delivery, reader: User, outages: Mapping[str, channel_outages.Outage] | None = None
) -> DeliveryRow:
    """Describe a delivery in the reader's time zone and language."""
    title = row.content.title if row.content else str(TITLES.get(row.kind, row.kind))
    sentence = channel_outages.describe_delivery(
        row,
        channel_outages.current_outages() if outages is None else outages,
        reader.time_zone,
        reader.locale,
    )
    return DeliveryRow(row, outcome_label(row.state, row.reason, row.channel), row.subject or title, sentence)
