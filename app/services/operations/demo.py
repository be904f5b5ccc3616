"""Demo data: three people and six weeks of plausible notifications, of every type and in every state.

No delivery is due, so the demo never sends anything.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from app import catalog, search_text
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import (
    Delivery,
    DeliveryAttempt,
    EvaluationReminder,
    Event,
    Interview,
    Notification,
    Reminder,
    Suppression,
    User,
)
from app.models.preference import UserNotificationPreference
from app.rendering import texts as rendering_texts
from app.rendering.context import values_for
from app.rendering.dates import zone
from app.rendering.key_facts import select_facts
from app.services.accounts import passwords
from app.services.accounts.demo_people import PASSWORD, PEOPLE
from app.services.events.data import as_json
from app.services.notifications import stacks
from app.services.operations.demo_story import Draft, drafts

# How an email may end: its state, the reason code, and the server's reply to each attempt.
EMAIL_RESULTS: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "sent": ("sent", "sent", [("sent", "250 2.0.0 Ok: queued")]),
    "failed": ("failed", "refused", [("failed", "550 5.7.1 Message refused by policy")]),
    "slow": (
        "sent",
        "sent",
        [("retry_wait", "450 4.7.1 Greylisted, try again in 60 seconds"), ("sent", "250 2.0.0 Ok: queued")],
    ),
    "skipped": ("skipped", "category_off", []),
    "expired": ("expired", "expired", [("retry_wait", "450 4.2.0 Mailbox busy, try again later")]),
}


def load(now: datetime | None = None) -> bool:
    """Load the demo data into an empty database.

    Returns:
        False if there are people already; then nothing was changed.
    """
    now = now or utc_now()
    with writing():
        if db.session.scalar(select(User.id).limit(1)) is not None:
            return False
        chance = random.Random(2026)  # noqa: S311  # The same data at every first start.
        people = _people()
        for draft in sorted(drafts(people, now, chance), key=lambda draft: draft.at):
            _add_notification(draft, now, chance)
        _record_reminders(now)
        db.session.add(
            Suppression(channel="email", address="gone@bellhop.example", reason="550 5.1.1 No such mailbox")
        )
    return True


def _record_reminders(now: datetime) -> None:
    """Record the reminders that are due as sent, so none is sent at the first start."""
    db.session.flush()
    soon = select(Interview).where(Interview.starts_at > now, Interview.starts_at <= now + timedelta(days=1))
    for interview in db.session.scalars(soon):
        facts = {
            "interview_id": interview.id,
            "starts_at": interview.starts_at,
            "outcome": "sent",
            "decided_at": now,
        }
        leads = [lead for lead in (1440, 60) if interview.starts_at - timedelta(minutes=lead) <= now]
        db.session.add_all(
            Reminder(user_id=user.id, lead_minutes=lead, **facts)
            for user in interview.recruiters
            for lead in leads
        )
    for interview in db.session.scalars(select(Interview).where(Interview.completed_at.is_not(None))):
        db.session.add_all(
            EvaluationReminder(
                interview_id=interview.id,
                user_id=user.id,
                local_date=now.astimezone(zone(user.time_zone)).date(),
                made_at=now,
            )
            for user in interview.recruiters
        )


def _people() -> list[User]:
    password_hash = passwords.hash_password(PASSWORD)
    people = [
        User(
            email=email,
            name=name,
            role=role,
            time_zone=time_zone,
            password_hash=password_hash,
            preference=UserNotificationPreference(),
        )
        for email, name, role, time_zone in PEOPLE
    ]
    db.session.add_all(people)
    db.session.flush()
    return people


def _add_notification(draft: Draft, now: datetime, chance: random.Random) -> None:
    user, spec, fields = draft.user, catalog.TYPES[draft.kind], draft.fields
    data = draft.data | {"previous_starts_at": fields.get("previous_starts_at")}
    values = values_for(spec.name, data, user.time_zone, user.locale)
    texts = rendering_texts.built_in(spec.name, values)
    age = now - draft.at
    is_seen = age > timedelta(days=2) and chance.random() < min(0.97, 0.7 + age.days / 40)
    read_at = fields.get("read_at") or (
        draft.at + timedelta(minutes=chance.randint(3, 300)) if is_seen else None
    )
    is_done = is_seen and chance.random() < 0.35
    deliver_at = fields.get("deliver_at")
    interview, about = fields.get("interview"), fields.get("about", "")
    if interview:
        db.session.flush()
        about = str(interview.id)
    status = fields.get("status") or ("read" if read_at else "sent")
    row = Notification(
        recipient_id=user.id,
        event=_event(draft),
        interview=interview,
        interview_sequence=0 if interview else None,
        notification_type=spec.name,
        category=spec.category,
        title=str(draft.data.get("title") or texts.title),
        message=str(draft.data.get("message") or texts.message),
        priority=fields.get("priority", spec.template.priority),
        status=status,
        channels=["email", "in_app"],
        facts=select_facts(data),
        action_url=draft.action_url,
        candidate_id=draft.data.get("candidate_id"),
        job_id=draft.data.get("job_id"),
        words=search_text.index_text(
            texts.title, texts.message, values.get("candidate_name", ""), values.get("job_title", "")
        ),
        created_at=draft.at,
        deliver_at=deliver_at,
        surfaced_at=fields.get("surfaced_at", deliver_at or draft.at),
        sent_at=draft.at if status in {"sent", "read"} else None,
        read_at=read_at,
        archived_at=read_at if is_done else None,
        stack_key=stacks.stack_key(spec.name, about, draft.at, user.time_zone),
    )
    db.session.add(row)
    db.session.flush()
    _add_deliveries(row, user, chance)


def _event(draft: Draft) -> Event | None:
    """Build the event that would have caused it; None for types that Bellhop sends by itself."""
    event_type = next(
        (event for event in catalog.EVENTS.values() if event.notification_type == draft.kind), None
    )
    if event_type is None:
        return None
    return Event(
        source="bellhop:demo",
        external_id=str(uuid4()),
        type=event_type.name,
        occurred_at=draft.at,
        received_at=draft.at,
        data=as_json(draft.data) | {"recipients": [draft.user.email]},
    )


def _add_deliveries(row: Notification, user: User, chance: random.Random) -> None:
    """Add its in-app delivery and its email. One email in twenty has a result other than sent."""
    if row.status in {"pending", "cancelled"}:
        # Its email is turned off, because the demo sends nothing; in the app it still appears on time.
        is_pending = row.status == "pending"
        state, reason = ("pending", "scheduled") if is_pending else ("cancelled", "cancelled")
        _add_delivery(row, "in_app", "", result=(state, reason, ""), due_at=row.deliver_at or row.created_at)
        _add_delivery(row, "email", user.email, result=("skipped", "channel_off", ""))
        return
    if row.status != "failed":
        _add_delivery(row, "in_app", "", result=("sent", "shown", ""))
    result = EMAIL_RESULTS["failed" if row.status == "failed" else "sent"]
    if chance.random() < 0.05:
        result = chance.choice(list(EMAIL_RESULTS.values()))
    state, reason, replies = result
    detail = replies[-1][1] if replies else ""
    email = _add_delivery(row, "email", user.email, result=(state, reason, detail), attempts=len(replies))
    for number, (outcome, text) in enumerate(replies, 1):
        at = row.created_at + timedelta(seconds=2 + 62 * (number - 1))
        db.session.add(
            DeliveryAttempt(
                delivery_id=email.id,
                number=number,
                started_at=at,
                finished_at=at,
                outcome=outcome,
                response=text,
            )
        )


def _add_delivery(
    row: Notification, channel: str, address: str, *, result: tuple[str, str, str], **fields: Any
) -> Delivery:
    """Add a delivery with its result: the state, the reason and its detail."""
    state, reason, detail = result
    delivery = Delivery(
        notification_id=row.id,
        recipient_id=row.recipient_id,
        channel=channel,
        address=address,
        state=state,
        reason=reason,
        reason_data={"channel": channel, "category": row.category, "detail": detail},
        created_at=row.created_at,
        due_at=fields.pop("due_at", row.created_at),
        sent_at=row.created_at + timedelta(seconds=2) if state == "sent" else None,
        **fields,
    )
    db.session.add(delivery)
    db.session.flush()
    return delivery
