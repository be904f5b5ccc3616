"""Turns stored calls into events, in the order in which they happened.

A call may be mapped twice, after a crash or on request: an event with the same key is published once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.database.writing import BULK
from app.models import Source, SourceCall
from app.rendering.texts import one_line
from app.services.base import outages, validation
from app.services.base.errors import Invalid
from app.services.events import data as event_data
from app.services.events import publish
from app.services.interviews import records as interview_records
from app.services.sources import facts as known_facts
from app.services.sources import interviews, people
from app.services.sources.lookups import Lookups
from app.services.sources.receiving import Unreadable, read_document
from app.sources import SOURCES
from app.sources.calls import SourceEvent, digest

# Calls in one run of the job.
BATCH = 200
# Of the outcomes of one call's events, the first of these counts.
STATES = ("failed", "unmapped_people", "mapped", "ignored")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """The outcome of one event of a call; `reason` is a code of `calls.REASONS`, `data` has its values."""

    state: str
    reason: str
    data: dict[str, Any] = field(default_factory=dict)


def map_due(now: datetime | None = None, lookups: Lookups | None = None) -> int:
    """Map the calls that are due; returns how many.

    Args:
        lookups: asks the systems' APIs for what the calls lack; None asks nothing.
    """
    now = now or utc_now()
    waiting = select(SourceCall.id).where(SourceCall.state == "waiting", SourceCall.due_at <= now)
    ids = db.session.scalars(waiting.order_by(SourceCall.occurred_at, SourceCall.id).limit(BATCH)).all()
    for call_id in ids:
        map_call(call_id, now, lookups)
    return len(ids)


def map_call(call_id: int, now: datetime | None = None, lookups: Lookups | None = None) -> None:
    """Map one call and record the outcome.

    Raises:
        SQLAlchemyError: the database is unavailable. The call keeps waiting.
    """
    now = now or utc_now()
    call = db.session.get(SourceCall, call_id, populate_existing=True)
    if call is None or call.state != "waiting":
        return
    try:
        outcome = _map(call, now, lookups)
    except Exception as error:
        if outages.is_outage(error):
            raise
        db.session.rollback()
        log.exception("The call %s of a source could not be mapped", call_id)
        outcome = Outcome("failed", "broken")
    values = {"state": outcome.state, "reason": outcome.reason, "reason_data": outcome.data}
    db.session.execute(
        update(SourceCall).where(SourceCall.id == call_id).values(values), execution_options=BULK
    )
    db.session.commit()


def _map(call: SourceCall, now: datetime, lookups: Lookups | None) -> Outcome:
    try:
        document = read_document(call.body)
    except Unreadable as error:
        return Outcome("failed", str(error))
    mapped = SOURCES[call.source.kind].map_body(document)
    known_facts.learn(call.source, mapped.facts, now)
    interviews.fill_names(call.source, mapped.facts)
    db.session.commit()
    events = [event for each in mapped.events for event in interviews.expand(call.source, each)]
    events += interviews.find_dropped(call, mapped.facts)
    if lookups is not None:
        events = [lookups.complete(call.source, event, now) for event in events]
    outcomes = [_publish(call, event, now) for event in events]
    if not outcomes:
        return Outcome("ignored", "part_of_move" if interviews.is_replaced(call) else "no_event")
    return min(outcomes, key=lambda outcome: STATES.index(outcome.state))


def _publish(call: SourceCall, event: SourceEvent, now: datetime) -> Outcome:
    spec = catalog.EVENTS.get(event.type)
    if spec is None:
        return Outcome("ignored", "no_event")
    source = call.source
    facts = known_facts.read(source, event.about)
    named = event.people or tuple(people.from_keys(facts.get("people", [])))
    emails, others = people.match(source, named, now)
    data, event_type, reason = _event_data(source, event, facts), event.type, ""
    if event.type.startswith("interview."):
        event_type, reason = interviews.decide(call, event, data, emails)
    if reason:
        return Outcome("ignored", reason)
    if named and not emails and (spec.goes_to_everyone or event.has_recipients):
        # It was meant for these people, so it must not reach others instead.
        return Outcome("unmapped_people", "no_accounts", {"people": others})
    # The interviewers of one interview are not the hiring team of its job.
    is_interview = event_type in interview_records.STATUS and source.kind != "standard"
    is_exact = event.has_recipients or is_interview
    if is_interview:
        emails = interviews.add_others(event_type, data, emails, now)
    if emails and not is_exact:
        data["hiring_team"] = emails
    try:
        incoming = publish.IncomingEvent(
            source=source.event_source,
            external_id=_event_id(call, event),
            type=event_type,
            occurred_at=call.occurred_at,
            data=event_data.validate(event_type, data),
            recipients=emails if emails and is_exact else None,
        )
    except Invalid as error:
        detail = " ".join(f"{name}: {text}" for name, text in error.errors.items())
        return Outcome("failed", "invalid", {"detail": detail[:500]})
    interviews.remember_unnamed(source, event, data, now)
    return _publish_once(incoming, others, now)


def _publish_once(incoming: publish.IncomingEvent, others: list[str], now: datetime) -> Outcome:
    try:
        result = publish.publish(incoming, now=now)
    except Invalid:
        db.session.rollback()
        return Outcome("unmapped_people", "no_accounts" if others else "no_people", {"people": others})
    if result.is_duplicate:
        return Outcome("mapped", "published_before")
    reasons = {each.verdict.reason for each in result.outcomes}
    if reasons in ({"outdated"}, {"already_cancelled"}):
        return Outcome("ignored", "outdated" if "outdated" in reasons else "no_change")
    reached = {each.user.email for each in result.outcomes}
    return Outcome("mapped", "notified", {"count": len(reached), "people": others})


def _event_data(source: Source, event: SourceEvent, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the data of an event with facts from earlier calls; only fields of its type are kept."""
    if source.kind == "standard":
        return dict(event.data)  # Its sender knows our fields, so that an unknown one is a mistake.
    own = {name: _fitting(name, value) for name, value in event.data.items()}
    found = {"company_name": source.company_name or source.name, **facts, **own}
    if facts.get("is_confidential"):
        found["is_confidential"] = True
    found.setdefault("job_title", found.get("interview_title"))
    names = {field.name for field in catalog.EVENTS[event.type].data}
    for name in interviews.UNNAMED.keys() & names:
        found[name] = found.get(name) or interviews.UNNAMED[name]
    common = {"candidate_id", "job_id", "is_confidential", "action_url"}
    return {name: value for name, value in found.items() if name in names | common and value}


def _fitting(name: str, value: Any) -> Any:
    """Shorten a text to what its field takes, and drop an address that is not a link."""
    if name in {"meeting_url", "action_url"}:
        return validation.collect({}, name, validation.url, value)
    if name in {"candidate_id", "job_id", "id"}:
        return value if len(value) <= 200 else digest(value)
    return one_line(value)[: 500 if name == "location" else 255] if isinstance(value, str) else value


def _event_id(call: SourceCall, event: SourceEvent) -> str:
    key = event.key or call.external_id
    return key if len(key) <= 255 and key.isprintable() else digest(key)
