"""Publishes an event: writes it, its notifications and their deliveries in one transaction.

The API, the pages and Python callers all go through `publish`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from app import catalog
from app.catalog import ENVELOPE
from app.clock import utc_now
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.database.sqlite import lock_for_writing
from app.database.writing import insert_ignore
from app.models import Interview
from app.services.base import recipients
from app.services.base.errors import Invalid
from app.services.base.recipients import Recipient
from app.services.events.result import EVENTS, PublishResult, earlier_result, outcomes_of_plans
from app.services.interviews import evaluations, reminders
from app.services.interviews import records as interview_records
from app.services.notifications import expiry, stacks
from app.services.routing import fanout, wording
from app.services.routing.reasons import Verdict

# Compiled once, like every statement that each event runs: compiling costs more than running.
_INSERT_ONCE = CompiledStatement(
    lambda: insert_ignore(EVENTS).returning(EVENTS.c.id),
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
        return _publish(event, min(event.occurred_at or now, now), now, dry_run=dry_run)
    except SQLAlchemyError:
        db.session.rollback()
        raise


def _publish(event: IncomingEvent, occurred_at: datetime, now: datetime, *, dry_run: bool) -> PublishResult:
    """Publish an event that happened at `occurred_at`, which is never later than its arrival."""
    if dry_run and (earlier := earlier_result(event.source, event.external_id)):
        return earlier
    try:
        people = _find_recipients(event)
    except Invalid:
        # A repeated event gets its first result even if a recipient has left since.
        if earlier := earlier_result(event.source, event.external_id):
            return earlier
        raise
    if dry_run:
        return _decide_only(event, people, occurred_at, now)
    return _write(event, people, occurred_at, now)


def _find_recipients(event: IncomingEvent) -> list[Recipient]:
    if event.recipients is not None:
        try:
            return recipients.by_emails(event.recipients)
        except Invalid as error:
            raise Invalid({f"data.{name}": text for name, text in error.errors.items()}) from error
    if catalog.EVENTS[event.type].goes_to_everyone:
        return recipients.active_recruiters()
    raise Invalid({"data.recipients": _("Add recipients: a list of email addresses.")})


def _decide_only(
    event: IncomingEvent, people: Sequence[Recipient], occurred_at: datetime, now: datetime
) -> PublishResult:
    is_outdated = event.type in interview_records.STATUS and interview_records.is_outdated(
        interview_records.get_by_external_id(event.data["id"]), event.type, event.data, occurred_at, now
    )
    plans = _plan(_notification_request(event), people, now, is_outdated=is_outdated)
    return PublishResult(None, event.type, outcomes=outcomes_of_plans(plans))


def _write(
    event: IncomingEvent, people: Sequence[Recipient], occurred_at: datetime, now: datetime
) -> PublishResult:
    lock_for_writing()
    event_id = _insert_once(event, occurred_at, now)
    if event_id is None:
        db.session.rollback()
        earlier = earlier_result(event.source, event.external_id)
        return earlier or PublishResult(None, event.type, is_duplicate=True)
    applied = interview_records.apply_event(event.type, event.data, people, occurred_at, now)
    request = _notification_request(event, event_id, applied.interview)
    plans = _plan(request, people, now, is_outdated=applied.is_outdated)
    notification_ids: list[int] = []
    if request and plans and not applied.is_outdated:
        notification_ids = fanout.write(request, plans, now)
    _retract_outdated(applied, now)
    if event.type == evaluations.EVENT:
        evaluations.record_evaluation(event.data, people, occurred_at, now)
    db.session.commit()
    return PublishResult(event_id, event.type, outcomes=outcomes_of_plans(plans, notification_ids))


def _insert_once(event: IncomingEvent, occurred_at: datetime, now: datetime) -> int | None:
    data = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in event.data.items()
    }
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
    return inserted[0].id if inserted else None


def _notification_request(
    event: IncomingEvent, event_id: int | None = None, interview: Interview | None = None
) -> fanout.NotificationRequest | None:
    """Build the request that an event becomes; None if its type only changes state."""
    notification_type = catalog.EVENTS[event.type].notification_type
    if notification_type is None:
        return None
    metadata = event.data.get("metadata")
    facts = {name: value for name, value in event.data.items() if name not in ENVELOPE}
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
        action_url=event.data.get("action_url") or event.data.get("meeting_url") or "",
        metadata=metadata or {},
    )


def _plan(
    request: fanout.NotificationRequest | None,
    people: Sequence[Recipient],
    now: datetime,
    *,
    is_outdated: bool,
) -> list[fanout.Plan]:
    if request is None:
        return []
    if is_outdated:
        skipped = Verdict("skipped", "outdated")
        return [fanout.Plan(user, dict.fromkeys(request.channels, skipped)) for user in people]
    return fanout.plan(request, people, now)


def _retract_outdated(applied: interview_records.AppliedEvent, now: datetime) -> None:
    """Take back notifications and reminders that the event made untrue, in the caller's transaction."""
    interview, stood_at, former_ids = applied.interview, applied.stood_at, applied.stood_for
    if interview is None:
        return
    if stood_at and interview.status != "scheduled":
        reminders.withdraw_reminders(interview, former_ids, stood_at, interview.status, now)
    elif stood_at:
        left_ids = former_ids - {user.id for user in interview.recruiters}
        for notification_type in ("interview_scheduled", "interview_rescheduled"):
            expiry.expire_for_interviews([interview.id], notification_type, now, user_ids=left_ids)
        if interview.starts_at == stood_at:
            reminders.withdraw_reminders(interview, left_ids, stood_at, "left", now)
        else:
            reminders.withdraw_reminders(interview, former_ids, stood_at, "moved", now)
    if applied.is_reopened:
        expiry.expire_for_interviews([interview.id], "evaluation_due", now)
