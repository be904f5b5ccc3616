"""Reminds recruiters before interviews: each lead time of each start, for each recruiter, exactly once.

The outcome is recorded under a unique key, in the transaction that creates the reminder. It does not matter how many
processes run this, when they are killed, or how late they start.

A reminder becomes stale in three ways. `decide` skips one that is late when a closer one is due too. When an interview
is moved, cancelled or reassigned, `withdraw_reminders` expires those in the inbox and records the outcome of those that
are still to come. A reminder that was created but waits to be sent is checked again by `sending.preflight_rules`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.database.writing import upsert, writing
from app.models import Interview, InterviewRecruiter, Reminder
from app.rendering.key_facts import select_facts
from app.services.base import recipients
from app.services.base.recipients import Recipient
from app.services.interviews import records, reminder_texts
from app.services.interviews.reminder_texts import KIND
from app.services.notifications import expiry, inbox_version
from app.services.routing import fanout, wording

LONGEST_LEAD = timedelta(minutes=catalog.LEAD_MINUTES[-1])
# Interviews that began within this time get their missed reminders recorded.
MISSED_SINCE = timedelta(days=4)
# Outcomes of withdrawn reminders. When an interview is moved back to a start, its reminders are due again.
WITHDRAWN = ("moved", "cancelled", "completed", "left")
CHUNK = 200


def remind_due(now: datetime | None = None) -> int:
    """Send the reminders that are due, in one transaction per interview.

    Returns:
        how many reminders were sent.
    """
    now = now or utc_now()
    window = Interview.starts_at > now - MISSED_SINCE, Interview.starts_at <= now + LONGEST_LEAD
    near = select(Interview.id).where(*window, Interview.status == "scheduled").order_by(Interview.starts_at)
    ids = list(db.session.scalars(near))
    count = 0
    for start in range(0, len(ids), CHUNK):
        undecided = _undecided(ids[start : start + CHUNK], now)
        db.session.commit()
        count += sum(_remind(interview_id, now) for interview_id in undecided)
    return count


def decide(
    starts_at: datetime,
    leads: Collection[int],
    decided: Mapping[int, str],
    now: datetime,
    *,
    reported_at: datetime | None = None,
) -> dict[int, str]:
    """Decide on one person's reminders of one start.

    Args:
        leads: the lead times that the person wants, in minutes.
        decided: the outcomes so far, by lead time.
        reported_at: when the person was notified of the start. A lead time that had passed by then would repeat it.
    Returns:
        the outcome of each lead time that is decided now. Of several that are due only the closest is sent.
    """
    open_leads = sorted(lead for lead in leads if decided.get(lead, "moved") in WITHDRAWN)
    if now >= starts_at:
        return dict.fromkeys(open_leads, "over")
    # Only a clock that was ahead, and has been set back, can have decided that it was over.
    open_leads = sorted({*open_leads, *(lead for lead in leads if decided.get(lead) == "over")})
    due = [lead for lead in open_leads if starts_at - timedelta(minutes=lead) <= now]
    outcomes = dict.fromkeys(due, "late")
    if reported_at is not None:
        passed = [lead for lead in due if starts_at - timedelta(minutes=lead) <= reported_at]
        outcomes |= dict.fromkeys(passed, "passed")
        due = [lead for lead in due if lead not in passed]
    if due and not any(lead < due[0] for lead, outcome in decided.items() if outcome == "sent"):
        outcomes[due[0]] = "sent"
    return outcomes


def withdraw_reminders(
    interview: Interview, people: Collection[int], starts_at: datetime, outcome: str, now: datetime
) -> set[int]:
    """Expire and skip the reminders of a start that no longer applies, in the caller's transaction.

    Args:
        people: the ids of the recruiters whom it no longer applies to.
        starts_at: the start.
        outcome: the reason: `moved`, `cancelled`, `completed` or `left`.
    Returns:
        the ids of the people whose inboxes changed; see `expiry.expire_for_interviews`.
    """
    changed = expiry.expire_for_interviews([interview.id], KIND, now, user_ids=people)
    outcomes = [
        (user.id, lead, outcome)
        for user in recipients.by_ids(people)
        for lead in sorted(set(user.preference.reminder_lead_minutes))
    ]
    _record_outcomes(interview.id, starts_at, outcomes, now)
    return changed


def _undecided(ids: Sequence[int], now: datetime) -> list[int]:
    """Find the interviews with reminders to decide on, without a lock: most runs find none."""
    rows = db.session.execute(select(Interview.id, Interview.starts_at).where(Interview.id.in_(ids))).all()
    recruiters, decided = _recruiters(ids), _decided(ids)
    everyone = {user_id for user_ids in recruiters.values() for user_id in user_ids}
    leads = {user.id: user.preference.reminder_lead_minutes for user in recipients.by_ids(everyone)}

    def is_undecided(interview_id: int, starts_at: datetime) -> bool:
        return any(
            decide(
                starts_at,
                leads[user_id],
                decided[interview_id, starts_at, user_id],
                now,
                reported_at=reported_at,
            )
            for user_id, reported_at in recruiters[interview_id].items()
            if user_id in leads
        )

    return [row.id for row in rows if is_undecided(row.id, row.starts_at)]


def _remind(interview_id: int, now: datetime) -> int:
    with writing():
        # Read again under the lock, because it may have been moved or cancelled.
        interview = records.by_id(interview_id, lock=True)
        if interview is None or interview.status != "scheduled":
            return 0
        reported_at, decided = _recruiters([interview_id])[interview_id], _decided([interview_id])
        people = {user.id: user for user in recipients.by_ids(reported_at)}
        outcomes = [
            (user.id, lead, outcome)
            for user in people.values()
            for lead, outcome in decide(
                interview.starts_at,
                user.preference.reminder_lead_minutes,
                decided[interview_id, interview.starts_at, user.id],
                now,
                reported_at=reported_at[user.id],
            ).items()
        ]
        sent = _record_outcomes(interview_id, interview.starts_at, outcomes, now)
        by_lead: dict[int, list[Recipient]] = defaultdict(list)
        for user_id, lead in sorted(sent):
            by_lead[lead].append(people[user_id])
        if len(by_lead) > 1:
            inbox_version.lock(user_id for user_id, _lead in sent)
        for lead, users in by_lead.items():
            request = _request(interview, lead, now)
            fanout.write(request, fanout.plan(request, users, now), now)
    return len(sent)


def _request(interview: Interview, lead: int, now: datetime) -> fanout.NotificationRequest:
    template = wording.by_name(KIND)
    left = reminder_texts.minutes_left(interview, now)
    is_prompt = timedelta(minutes=abs(left - lead)) < reminder_texts.TOLERANCE
    return fanout.NotificationRequest(
        notification_type=KIND,
        priority=template.priority,
        channels=tuple(template.channels),
        texts_for=reminder_texts.reminder_texts(interview, lead if is_prompt else left),
        is_template_active=template.is_active,
        interview_id=interview.id,
        interview_sequence=interview.sequence,
        about=records.candidate_and_job(interview),
        facts=select_facts(records.facts(interview)),
        action_url=interview.action_url or interview.meeting_url,
        # It leaves the inbox when the interview ends, but is not sent once the interview has begun.
        expires_at=interview.ends_at,
        useful_until=interview.starts_at,
    )


def _recruiters(ids: Collection[int]) -> dict[int, dict[int, datetime | None]]:
    """Return the recruiters of interviews, by user id, and when each was notified of the start."""
    columns = (
        InterviewRecruiter.interview_id,
        InterviewRecruiter.user_id,
        InterviewRecruiter.start_reported_at,
    )
    query = select(*columns).where(InterviewRecruiter.interview_id.in_(ids))
    found: dict[int, dict[int, datetime | None]] = defaultdict(dict)
    for interview_id, user_id, reported_at in db.session.execute(query.order_by(InterviewRecruiter.user_id)):
        found[interview_id][user_id] = reported_at
    return found


def _decided(ids: Collection[int]) -> dict[tuple[int, datetime, int], dict[int, str]]:
    """Return the outcomes so far: by interview, start and person, then by lead time."""
    found: dict[tuple[int, datetime, int], dict[int, str]] = defaultdict(dict)
    columns = (
        Reminder.interview_id,
        Reminder.starts_at,
        Reminder.user_id,
        Reminder.lead_minutes,
        Reminder.outcome,
    )
    for interview_id, starts_at, user_id, lead, outcome in db.session.execute(
        select(*columns).where(Reminder.interview_id.in_(ids))
    ):
        found[interview_id, starts_at, user_id][lead] = outcome
    return found


def _record_outcomes(
    interview_id: int, starts_at: datetime, outcomes: Sequence[tuple[int, int, str]], now: datetime
) -> list[tuple[int, int]]:
    """Record outcomes that no other process has recorded.

    Args:
        outcomes: of a user id, a lead time in minutes, and an outcome each.
    Returns:
        user id and lead time of those that this process has to send.
    """
    if not outcomes:
        return []
    common = {"interview_id": interview_id, "starts_at": starts_at, "decided_at": now}
    rows = [
        common | {"user_id": user, "lead_minutes": lead, "outcome": outcome}
        for user, lead, outcome in outcomes
    ]
    insert = upsert(Reminder).values(rows)
    written = db.session.execute(
        insert.on_conflict_do_update(
            index_elements=["interview_id", "starts_at", "lead_minutes", "user_id"],
            set_={"outcome": insert.excluded.outcome, "decided_at": now},
            where=Reminder.outcome.in_((*WITHDRAWN, "over")),
        ).returning(Reminder.user_id, Reminder.lead_minutes, Reminder.outcome)
    )
    return [(row.user_id, row.lead_minutes) for row in written if row.outcome == "sent"]
