"""Interview reminders: each lead time of each start, for each recruiter, is decided on exactly once.

The row that says so is written in the transaction that writes the reminder itself, under a unique key. So
it does not matter how many processes look, when they are killed, or how late they start.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.database.writing import upsert
from app.models import Interview, InterviewRecruiter, Reminder
from app.services.base import recipients
from app.services.base.recipients import Recipient
from app.services.interviews import records, reminder_texts
from app.services.interviews.reminder_texts import KIND
from app.services.notifications import expiry
from app.services.routing import fanout, wording

LONGEST_LEAD = timedelta(hours=48)
# How far back interviews that began meanwhile are looked for, to write down that their reminders were missed.
MISSED_SINCE = timedelta(days=4)
# These say "not then": the same start may come back, and its reminder with it.
TAKEN_BACK = ("moved", "cancelled", "completed", "left")
CHUNK = 200


def remind_due(now: datetime | None = None) -> int:
    """Send the reminders that are due; one transaction an interview.

    Returns:
        how many people were reminded.
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
    starts_at: datetime, leads: Collection[int], decided: Mapping[int, str], now: datetime
) -> dict[int, str]:
    """What becomes of one person's reminders of one start, now.

    Args:
        leads: the lead times that the person wants, in minutes.
        decided: lead times that were decided on before, and how.
    Returns:
        The outcome of each lead time that is to be decided now: of several that are due only the nearest is sent.
    """
    open_leads = sorted(lead for lead in leads if decided.get(lead, "moved") in TAKEN_BACK)
    if now >= starts_at:
        return dict.fromkeys(open_leads, "over")
    due = [lead for lead in open_leads if starts_at - timedelta(minutes=lead) <= now]
    outcomes = dict.fromkeys(due, "late")
    if due and not any(lead < due[0] for lead, outcome in decided.items() if outcome == "sent"):
        outcomes[due[0]] = "sent"
    return outcomes


def withdraw_reminders(
    interview: Interview, people: Collection[int], starts_at: datetime, outcome: str, now: datetime
) -> None:
    """Take back what was said or planned about a start that will not be, in the caller's transaction.

    Args:
        people: the ids of its recruiters for whom it will not be.
        starts_at: the start that no longer holds.
        outcome: why: `moved`, `cancelled`, `completed` or `left`.
    """
    expiry.expire_for_interviews([interview.id], KIND, now, user_ids=people)
    verdicts = [
        (user.id, lead, outcome)
        for user in recipients.by_ids(people)
        for lead in sorted(set(user.preference.reminder_lead_minutes))
    ]
    _write_down(interview.id, starts_at, verdicts, now)


def _undecided(ids: Sequence[int], now: datetime) -> list[int]:
    """Those of the interviews for which something is to be decided: a read, so that most runs lock nothing."""
    rows = db.session.execute(select(Interview.id, Interview.starts_at).where(Interview.id.in_(ids))).all()
    their, decided = _recruiters(ids), _decided(ids)
    people = {
        user.id: user for user in recipients.by_ids({number for some in their.values() for number in some})
    }
    return [
        row.id
        for row in rows
        if any(
            decide(row.starts_at, people[number].preference.reminder_lead_minutes, decided[key], now)
            for number in their[row.id]
            if number in people and (key := (row.id, row.starts_at, number))
        )
    ]


def _remind(interview_id: int, now: datetime) -> int:
    lock_for_writing()
    # Read again under the lock: a move or a cancellation came before it, or waits until this is written.
    interview = records.by_id(interview_id, lock=True)
    if interview is None or interview.status != "scheduled":
        db.session.rollback()
        return 0
    people = {user.id: user for user in recipients.by_ids(_recruiters([interview_id])[interview_id])}
    decided = _decided([interview_id])
    verdicts = [
        (user.id, lead, outcome)
        for user in people.values()
        for lead, outcome in decide(
            interview.starts_at,
            user.preference.reminder_lead_minutes,
            decided[interview_id, interview.starts_at, user.id],
            now,
        ).items()
    ]
    sent = _write_down(interview_id, interview.starts_at, verdicts, now)
    by_lead: dict[int, list[Recipient]] = defaultdict(list)
    for user_id, lead in sorted(sent):
        by_lead[lead].append(people[user_id])
    for lead, users in by_lead.items():
        message = _message(interview, lead, now)
        fanout.write(message, fanout.plan(message, users, now), now)
    db.session.commit()
    return len(sent)


def _message(interview: Interview, lead: int, now: datetime) -> fanout.NotificationRequest:
    template, left = wording.by_name(KIND), reminder_texts.minutes_left(interview, now)
    is_prompt = timedelta(minutes=abs(left - lead)) < reminder_texts.TOLERANCE
    return fanout.NotificationRequest(
        notification_type=KIND,
        priority=template.priority,
        channels=tuple(template.channels),
        texts_for=reminder_texts.reminder_texts(interview, lead if is_prompt else left),
        is_template_active=template.is_active,
        interview_id=interview.id,
        interview_sequence=interview.sequence,
        action_url=interview.meeting_url,
        # Gone from the inbox when the interview is over; mail, later than its start, is stopped before sending.
        expires_at=interview.ends_at,
        useful_until=interview.starts_at,
    )


def _recruiters(ids: Collection[int]) -> dict[int, list[int]]:
    pairs = select(InterviewRecruiter.interview_id, InterviewRecruiter.user_id)
    found: dict[int, list[int]] = defaultdict(list)
    for interview_id, user_id in db.session.execute(
        pairs.where(InterviewRecruiter.interview_id.in_(ids)).order_by(InterviewRecruiter.user_id)
    ):
        found[interview_id].append(user_id)
    return found


def _decided(ids: Collection[int]) -> dict[tuple[int, datetime, int], dict[int, str]]:
    """What was decided before, by interview, start and person: lead time and outcome."""
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


def _write_down(
    interview_id: int, starts_at: datetime, verdicts: Sequence[tuple[int, int, str]], now: datetime
) -> list[tuple[int, int]]:
    """Write outcomes by their unique key; answers person and lead time of those that are to be sent, and only here."""
    if not verdicts:
        return []
    common = {"interview_id": interview_id, "starts_at": starts_at, "decided_at": now}
    rows = [
        common | {"user_id": user, "lead_minutes": lead, "outcome": outcome}
        for user, lead, outcome in verdicts
    ]
    insert = upsert(Reminder).values(rows)
    written = db.session.execute(
        insert.on_conflict_do_update(
            index_elements=["interview_id", "starts_at", "lead_minutes", "user_id"],
            set_={"outcome": insert.excluded.outcome, "decided_at": now},
            where=Reminder.outcome.in_(TAKEN_BACK),
        ).returning(Reminder.user_id, Reminder.lead_minutes, Reminder.outcome)
    )
    return [(row.user_id, row.lead_minutes) for row in written if row.outcome == "sent"]
