"""From an event to the inbox and the outbox, in one transaction: the one way in for pages, API and Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from flask_babel import gettext as _

from app import catalog
from app.catalog import ENVELOPE
from app.clock import utc_now
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.database.sqlite import lock_for_writing
from app.database.writing import insert_ignore
from app.services.base import recipients
from app.services.base.errors import Invalid
from app.services.base.recipients import Recipient, RecipientRow
from app.services.events import result
from app.services.events.result import EVENTS, PublishResult
from app.services.interviews import evaluated, reminders
from app.services.interviews import records as interview_records
from app.services.notifications import expiry, stacks
from app.services.routing import fanout, wording
from app.services.routing.reasons import Verdict

# Built once, as all statements on this way are: building one costs more than running it.
_INSERT_ONCE = CompiledStatement(
    lambda: insert_ignore(EVENTS).returning(EVENTS.c.id),
    ("source", "external_id", "type", "occurred_at", "received_at", "data"),
)


@dataclass(frozen=True)
class IncomingEvent:
    """An event as it comes in, its data validated by `event_data.validate`. No recipients: whoever the type goes to."""

    source: str
    external_id: str
    type: str
    occurred_at: datetime
    data: Mapping[str, Any]
    recipients: Sequence[str] | None = None
    subject: str | None = None


def publish(event: IncomingEvent, *, dry_run: bool = False, now: datetime | None = None) -> PublishResult:
    """Write an event, one notification a recipient and one delivery a channel, all or nothing, and once.

    Args:
        dry_run: decide everything and write nothing.
    Returns:
        The verdict for each recipient and channel.
    Raises:
        Invalid: a recipient is unknown or inactive, or the type needs recipients and there are none.
    """
    now = now or utc_now()
    if dry_run and (earlier := result.earlier_result(event.source, event.external_id)):
        return earlier
    try:
        people = _recipients(event)
    except Invalid:
        # Whoever has left since changes nothing about what was reported before.
        if earlier := result.earlier_result(event.source, event.external_id):
            return earlier
        raise
    if dry_run:
        outdated = event.type in interview_records.STATUS and interview_records.is_outdated(
            interview_records.get_by_external_id(event.data["id"]), event.type, event.data, event.occurred_at
        )
        plans = _plan(_message(event, None, None), people, now, is_outdated=outdated)
        return PublishResult(None, event.type, say=partial(result.result_of_plans, plans, None))
    lock_for_writing()
    event_id = _insert_once(event, now)
    if event_id is None:
        db.session.rollback()
        earlier = result.earlier_result(event.source, event.external_id)
        return earlier or PublishResult(None, event.type, is_duplicate=True)
    applied = interview_records.apply_event(event.type, event.data, people, event.occurred_at)
    message = _message(event, event_id, applied.interview)
    plans = _plan(message, people, now, is_outdated=applied.is_outdated)
    ids: list[int] = []
    if message and plans and not applied.is_outdated:
        ids = fanout.write(message, plans, now)
    _take_back(applied, now)
    if event.type == evaluated.EVENT:
        evaluated.record_evaluation(event.data, people, event.occurred_at, now)
    db.session.commit()
    return PublishResult(event_id, event.type, say=partial(result.result_of_plans, plans, ids or None))


def _take_back(applied: interview_records.AppliedEvent, now: datetime) -> None:
    """Take back, in the caller's transaction, what an event has made untrue."""
    interview, stood_at, everybody = applied.interview, applied.stood_at, applied.stood_for
    if interview is None:
        return
    if stood_at and interview.status != "scheduled":
        reminders.withdraw_reminders(interview, everybody, stood_at, interview.status, now)
    elif stood_at:
        left = everybody - {user.id for user in interview.recruiters}
        for kind in ("interview_scheduled", "interview_rescheduled"):
            expiry.expire_for_interviews([interview.id], kind, now, user_ids=left)
        if interview.starts_at == stood_at:
            reminders.withdraw_reminders(interview, left, stood_at, "left", now)
        else:
            reminders.withdraw_reminders(interview, everybody, stood_at, "moved", now)
    if applied.is_reopened:
        expiry.expire_for_interviews([interview.id], "evaluation_due", now)


def _recipients(event: IncomingEvent) -> list[RecipientRow]:
    if event.recipients is not None:
        try:
            return recipients.by_emails(event.recipients)
        except Invalid as error:
            raise Invalid({f"data.{name}": text for name, text in error.errors.items()}) from error
    if catalog.EVENTS[event.type].goes_to_everyone:
        return recipients.active_recruiters()
    raise Invalid({"data.recipients": _("Say who this is for: a list of email addresses.")})


def _insert_once(event: IncomingEvent, now: datetime) -> int | None:
    made = _INSERT_ONCE.fetch(
        source=event.source,
        external_id=event.external_id,
        type=event.type,
        occurred_at=event.occurred_at,
        received_at=now,
        data=_as_json(event.data) | ({"recipients": list(event.recipients)} if event.recipients else {}),
    )
    return made[0].id if made else None


def _as_json(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in data.items()}


def _message(event: IncomingEvent, event_id: int | None, interview: Any) -> fanout.NotificationRequest | None:
    notification_type = catalog.EVENTS[event.type].notification_type
    if notification_type is None:
        return None
    data = {name: value for name, value in event.data.items() if name not in ENVELOPE}
    template = wording.template_row(notification_type)
    return fanout.NotificationRequest(
        notification_type=notification_type,
        priority=event.data.get("priority") or template.priority,
        channels=tuple(template.channels),
        texts_for=wording.renderer_for(template, notification_type, data),
        is_template_active=template.is_active,
        event_id=event_id,
        interview_id=interview.id if interview else None,
        interview_sequence=interview.sequence if interview else None,
        subject=stacks.subject_of(
            notification_type, data | {"source": event.source}, event.data.get("metadata"), event.subject
        ),
        action_url=event.data.get("action_url") or event.data.get("meeting_url") or "",
        metadata=event.data.get("metadata") or {},
    )


def _plan(
    message: fanout.NotificationRequest | None,
    people: Sequence[Recipient],
    now: datetime,
    *,
    is_outdated: bool,
) -> list[fanout.Plan]:
    if message is None:
        return []
    if is_outdated:
        late = Verdict("skipped", "outdated")
        return [fanout.Plan(user, dict.fromkeys(message.channels, late)) for user in people]
    return fanout.plan(message, people, now)
