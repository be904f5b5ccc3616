"""Publishes an event: writes it, its notifications and their deliveries in one transaction.

The API, the pages and Python callers all go through `publish`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app import catalog
from app.catalog import ENVELOPE
from app.clock import utc_now
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.database.writing import insert_ignore, writing
from app.models import Interview, Room
from app.rendering.key_facts import select_facts
from app.services.base.errors import Invalid
from app.services.base.recipients import Recipient
from app.services.events.data import as_json
from app.services.events.result import (
    EVENTS,
    PublishResult,
    earlier_result,
    outcomes_of_plans,
    outcomes_of_rooms,
)
from app.services.interviews import evaluations, reminders
from app.services.interviews import records as interview_records
from app.services.notifications import expiry, inbox_version, stacks
from app.services.rooms import posting
from app.services.routing import fanout, hiring_teams, required_channels, wording
from app.services.routing.candidate_and_job import CandidateAndJob
from app.services.routing.reasons import Verdict
from app.services.routing.routes import find_routes

JOB_OPENED = "job.created"
# Compiled once, like every statement that each event runs: compiling costs more than running.
_INSERT_ONCE = CompiledStatement(
    lambda: insert_ignore(EVENTS).returning(
        EVENTS.c.id, required_channels.HAS_REQUIREMENTS, posting.HAS_OPEN_ROOMS
    ),
    ("source", "external_id", "type", "occurred_at", "received_at", "data"),
)


@dataclass(frozen=True)
class IncomingEvent:
    """An event to publish.

    `data` has been checked by `events.data.validate`. Without `recipients`, the event type decides who gets it.
    Without `occurred_at`, it happened when it arrived.
    """

    source: str
    external_id: str
    type: str
    occurred_at: datetime | None
    data: Mapping[str, Any]
    recipients: Sequence[str] | None = None
    subject: str | None = None


def publish(event: IncomingEvent, *, dry_run: bool = False, now: datetime | None = None) -> PublishResult:
    """Publish an event once: all of it is written, or nothing.

    Args:
        event: an event whose `source` and `external_id` were published before changes nothing.
        dry_run: decide everything, write nothing.
    Returns:
        The verdict for each recipient and channel.
    Raises:
        Invalid: a recipient is unknown or inactive, or the type needs recipients and there are none.
        SQLAlchemyError: the database failed. Nothing was saved, and another event can be published.
    """
    now = now or utc_now()
    try:
        if not dry_run:
            # For the whole event, instead of one for the first read and one for the transaction.
            db.session.connection()
        return _publish(event, min(event.occurred_at or now, now), now, dry_run=dry_run)
    except SQLAlchemyError:
        db.session.rollback()
        raise


def _publish(event: IncomingEvent, occurred_at: datetime, now: datetime, *, dry_run: bool) -> PublishResult:
    """Publish an event that happened at `occurred_at`, which is never later than its arrival."""
    if dry_run and (earlier := earlier_result(event.source, event.external_id)):
        return earlier
    try:
        people, routes = _find_routes(event, now)
    except Invalid:
        # A repeated event gets its first result even if a recipient has left since.
        if earlier := earlier_result(event.source, event.external_id):
            return earlier
        raise
    if dry_run:
        return _decide_only(event, people, routes, occurred_at, now)
    return _write(event, people, routes, occurred_at, now)


def _find_routes(event: IncomingEvent, now: datetime) -> tuple[list[Recipient], dict[int, str]]:
    interview = None
    if event.recipients is None and event.type in interview_records.STATUS:
        interview = interview_records.get_by_external_id(event.data["id"])
    about = _candidate_and_job(event, interview)
    spec = catalog.EVENTS[event.type]
    return find_routes(
        event.recipients, about, spec.notification_type, now, goes_to_everyone=spec.goes_to_everyone
    )


def _decide_only(
    event: IncomingEvent,
    people: Sequence[Recipient],
    routes: Mapping[int, str],
    occurred_at: datetime,
    now: datetime,
) -> PublishResult:
    interview, is_outdated = None, False
    if event.type in interview_records.STATUS:
        interview = interview_records.get_by_external_id(event.data["id"])
        is_outdated = interview_records.is_outdated(interview, event.type, event.data, occurred_at, now)
    applied = interview_records.AppliedEvent(
        interview,
        is_outdated=is_outdated,
        is_repeated=interview_records.is_cancelled_again(interview, event.type),
    )
    request = _notification_request(event, applied=applied)
    plans, skipped = _plan(request, people, applied, now)
    rooms = posting.find_rooms(request) if request and plans else []
    return PublishResult(
        None,
        event.type,
        outcomes=outcomes_of_plans([*plans, *skipped], routes),
        rooms=outcomes_of_rooms(rooms),
    )


def _write(
    event: IncomingEvent,
    people: Sequence[Recipient],
    routes: Mapping[int, str],
    occurred_at: datetime,
    now: datetime,
) -> PublishResult:
    with writing():
        inserted = _insert_once(event, occurred_at, now)
        if inserted is None:
            earlier = earlier_result(event.source, event.external_id)
            return earlier or PublishResult(None, event.type, is_duplicate=True)
        applied = interview_records.apply_event(event.type, event.data, people, occurred_at, now)
        request = _notification_request(
            event, inserted.id, applied, routes, has_requirements=inserted.has_requirements
        )
        plans, skipped = _plan(request, people, applied, now)
        retracted = _retract_outdated(applied, now)
        if event.type == evaluations.EVENT:
            retracted |= evaluations.record_evaluation(event.data, people, occurred_at, now)
        notification_ids: list[int] = []
        rooms: list[Room] = []
        if request and plans:
            notified = {plan.user.id for plan in plans}
            # All inboxes at once, and after the notifications, as their readers do it: locked in another order, two
            # events about the same people would deadlock, or an event and a change by one of them.
            if not retracted <= notified:
                inbox_version.lock(retracted | notified)
            retracted -= notified
            notification_ids = fanout.write(request, plans, now)
            rooms = posting.find_rooms(request) if inserted.has_open_rooms else []
            posting.write(request, rooms, now)
        inbox_version.bump(retracted)
        # After the inboxes, in every event: its row is locked until the end.
        hiring_teams.record(
            request.about if request else _candidate_and_job(event, applied.interview),
            is_confidential=event.data.get("is_confidential") if event.type == JOB_OPENED else None,
        )
    return PublishResult(
        inserted.id,
        event.type,
        outcomes=outcomes_of_plans(plans, routes, notification_ids) + outcomes_of_plans(skipped, routes),
        rooms=outcomes_of_rooms(rooms),
    )


def _insert_once(event: IncomingEvent, occurred_at: datetime, now: datetime) -> Any:
    """Insert the event; returns its row, None if it was published before."""
    data = as_json(event.data)
    if event.recipients:
        data["recipients"] = list(event.recipients)
    inserted = _INSERT_ONCE.fetch(
        source=event.source,
        external_id=event.external_id,
        type=event.type,
        occurred_at=occurred_at,
        received_at=now,
        data=data,
    )
    return inserted[0] if inserted else None


def _notification_request(
    event: IncomingEvent,
    event_id: int | None = None,
    applied: interview_records.AppliedEvent | None = None,
    routes: Mapping[int, str] | None = None,
    *,
    has_requirements: bool = True,
) -> fanout.NotificationRequest | None:
    """Build the request that an event becomes; None if its type only changes state."""
    notification_type = catalog.EVENTS[event.type].notification_type
    if notification_type is None:
        return None
    metadata = event.data.get("metadata")
    facts = {name: value for name, value in event.data.items() if name not in ENVELOPE}
    interview = applied.interview if applied else None
    if applied and (previous_starts_at := _previous_start(event, applied)):
        facts["previous_starts_at"] = previous_starts_at
    template = wording.template_row(notification_type)
    return fanout.NotificationRequest(
        notification_type=notification_type,
        priority=event.data.get("priority") or template.priority,
        channels=tuple(template.channels),
        texts_for=wording.renderer_for(template, notification_type, facts),
        is_template_active=template.is_active,
        event_id=event_id,
        interview_id=interview.id if interview else None,
        interview_sequence=interview.sequence if interview else None,
        subject=stacks.subject_of(
            notification_type, facts | {"source": event.source}, metadata, event.subject
        ),
        about=_candidate_and_job(event, interview),
        facts=select_facts(facts),
        routes=routes or {},
        has_requirements=has_requirements,
        action_url=event.data.get("action_url")
        or (interview.action_url if interview else "")
        or event.data.get("meeting_url", ""),
        metadata=metadata or {},
    )


def _previous_start(event: IncomingEvent, applied: interview_records.AppliedEvent) -> datetime | None:
    """Return when a moved interview was to begin before; None if that is not known, or has not changed."""
    is_move = event.type == "interview.rescheduled" and not applied.is_outdated
    return applied.former_start if is_move and applied.former_start != event.data["starts_at"] else None


def _candidate_and_job(event: IncomingEvent, interview: Interview | None) -> CandidateAndJob:
    """Return what an event is about; an interview knows what a later event about it leaves out."""
    known = {name: getattr(interview, name) for name in interview_records.IDS} if interview else {}
    about = CandidateAndJob.of(known | dict(event.data))
    # The event that opens a job may say that it is not confidential.
    is_decided = event.type == JOB_OPENED and "is_confidential" in event.data
    return about if is_decided else hiring_teams.complete(about)


def _plan(
    request: fanout.NotificationRequest | None,
    people: Sequence[Recipient],
    applied: interview_records.AppliedEvent,
    now: datetime,
) -> tuple[list[fanout.Plan], list[fanout.Plan]]:
    """Decide for each person.

    Returns:
        the plans to write, and those of people to whom the event says nothing new, which are only reported.
    """
    if request is None:
        return [], []
    reason, known = "outdated", {user.id for user in people} if applied.is_outdated else set()
    if applied.interview is not None and applied.is_repeated and not applied.is_outdated:
        reason = "already_cancelled"
        known = interview_records.find_informed_of_cancellation(applied.interview, now)
    not_sent = dict.fromkeys(request.channels, Verdict("skipped", reason))
    skipped = [fanout.Plan(user, not_sent) for user in people if user.id in known]
    others = [user for user in people if user.id not in known] if known else people
    return fanout.plan(request, others, now) if others else [], skipped


def _retract_outdated(applied: interview_records.AppliedEvent, now: datetime) -> set[int]:
    """Take back notifications and reminders that the event made untrue, in the caller's transaction.

    Returns:
        the ids of the people whose inboxes changed; see `expiry.expire_for_interviews`.
    """
    interview, former_start, former_ids = applied.interview, applied.former_start, applied.former_recruiters
    changed: set[int] = set()
    if interview is None:
        return changed
    if former_start and interview.status != "scheduled":
        changed |= reminders.withdraw_reminders(interview, former_ids, former_start, interview.status, now)
    elif former_start:
        left_ids = former_ids - {user.id for user in interview.recruiters}
        for notification_type in ("interview_scheduled", "interview_rescheduled"):
            changed |= expiry.expire_for_interviews([interview.id], notification_type, now, user_ids=left_ids)
        if interview.starts_at == former_start:
            changed |= reminders.withdraw_reminders(interview, left_ids, former_start, "left", now)
        else:
            changed |= reminders.withdraw_reminders(interview, former_ids, former_start, "moved", now)
    if applied.is_reopened:
        changed |= expiry.expire_for_interviews([interview.id], "evaluation_due", now)
    return changed
