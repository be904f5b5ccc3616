"""A person as admins see them: how they can be reached, what was sent to them, and what an event would do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import catalog
from app.clock import to_rfc3339, utc_now
from app.database.base import db
from app.models import Delivery, User
from app.services.base.recipients import Recipient
from app.services.deliveries import delivery_log
from app.services.deliveries.delivery_log import DeliveryRow, OutcomeLabel
from app.services.events import data as event_data
from app.services.events import publish as event_publish
from app.services.events.publish import IncomingEvent
from app.services.routing import addresses, reasons, suppressions
from app.services.sending import channel_outages

RECENT = 20
# The source of events that are only simulated.
SOURCE = "bellhop:simulation"
# From now to the start of an interview that is simulated, and its length.
BEGINS_IN, LASTS = timedelta(days=3), timedelta(hours=1)


@dataclass(frozen=True)
class ChannelState:
    """Whether a channel reaches a person.

    Args:
        address: where it leads; empty if nowhere. Browsers and webhooks are counted in `count` instead.
        blocked: why nothing is sent to the address; empty if it is not blocked.
    """

    channel: str
    is_on: bool
    address: str
    count: int
    blocked: str


@dataclass(frozen=True)
class SimulatedVerdict:
    """The effect of an event on one channel, as a sentence in the reader's language and time zone.

    `is_immediate`: it would be sent, or shown in the inbox, at once.
    """

    channel: str
    outcome: OutcomeLabel
    sentence: str
    is_immediate: bool


def channel_states(user: User) -> list[ChannelState]:
    """List the channels and whether they reach a person."""
    found = addresses.find_addresses([Recipient.from_user(user)], catalog.CHANNELS)
    shown = {"email": user.email, "sms": user.phone}
    blocked = suppressions.reasons([(channel, address) for channel, address in shown.items() if address])
    states = []
    for channel in catalog.CHANNELS:
        count = len(found.get((user.id, channel), ()))
        address = shown.get(channel, "") if count else ""
        states.append(
            ChannelState(
                channel,
                getattr(user.preference, f"{channel}_enabled"),
                address,
                count,
                blocked.get((channel, address), ""),
            )
        )
    return states


def recent_deliveries(user: User, reader: User) -> list[DeliveryRow]:
    """List the newest deliveries to a person, described for the reader."""
    newest = select(Delivery).where(Delivery.recipient_id == user.id).order_by(Delivery.id.desc())
    rows = db.session.scalars(newest.options(joinedload(Delivery.notification)).limit(RECENT)).all()
    outages = channel_outages.current_outages()
    return [delivery_log.delivery_row(row, reader, outages) for row in rows]


def simulate_event(
    user: User, event_type: str, *, reader: User, priority: str = "", now: datetime | None = None
) -> list[SimulatedVerdict]:
    """Decide what an event with sample data would do for a person now. Nothing is written or sent.

    Args:
        priority: of the event; empty for that of its template.
    Raises:
        Invalid: the person is deactivated, or the type or the priority does not exist.
    """
    now = now or utc_now()
    values = _sample_data(event_type, now) | ({"priority": priority} if priority else {})
    data = event_data.validate(event_type, values | {"recipients": [user.email]})
    named = data.pop("recipients")
    event = IncomingEvent(SOURCE, str(uuid4()), event_type, now, data, named, None)
    result = event_publish.publish(event, dry_run=True, now=now)
    return [
        SimulatedVerdict(
            outcome.channel,
            delivery_log.outcome_label(outcome.verdict.state, outcome.verdict.reason, outcome.channel),
            reasons.describe(
                outcome.verdict.state,
                outcome.verdict.reason,
                outcome.verdict.data,
                time_zone=reader.time_zone,
                locale=reader.locale,
                due_at=outcome.verdict.due_at,
            ),
            is_immediate=outcome.verdict.reason in {"queued", "shown"},
        )
        for outcome in result.outcomes
    ]


def _sample_data(event_type: str, now: datetime) -> dict[str, Any]:
    """Return the sample data of the catalog, with an interview that is still to come."""
    spec = catalog.EVENTS.get(event_type)
    sample = {field.name: field.sample for field in spec.data} if spec else {}
    if "starts_at" in sample:
        start = (now + BEGINS_IN).replace(microsecond=0)
        sample |= {"starts_at": to_rfc3339(start), "ends_at": to_rfc3339(start + LASTS)}
    if "id" in sample:
        # Not that of an interview that exists.
        sample["id"] = str(uuid4())
    return sample
