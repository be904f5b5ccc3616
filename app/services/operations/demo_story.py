"""The story of the demo: six weeks of interviews, resumes, candidates and alerts, in office hours."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.database.base import db
from app.models import Interview, User
from app.rendering import dates
from app.rendering.dates import zone

CANDIDATES = (
    "Priya Raman",
    "Omar Haddad",
    "Aisha Khan",
    "Leila Farouk",
    "Jonas Weber",
    "Sofía Herrera",
    "Tomasz Nowak",
    "Grace Adeyemi",
    "Yuki Tanaka",
    "Élodie Martin",
    "Samuel Ortiz",
    "Ingrid Solberg",
)
INTERVIEWERS = ("Daniel Osei", "Hannah Schmidt", "Marcus Lee", "Chiara Rossi")
JOBS = (
    "Staff Data Engineer",
    "Product Designer",
    "Customer Success Lead",
    "Backend Engineer",
    "Finance Partner",
)
COMPANIES = ("Alder Robotics", "Northwind Health", "Fjord Energy")
PLACES = ("Room Birch, 3rd floor", "12 Rue de Rivoli, 75004 Paris", "Phone: +33 1 99 00 12 34", "", "", "")
PLATFORM = "https://hire.bellhop.example"
# The page on the platform that each type of notification leads to.
PAGES = {
    **dict.fromkeys(
        ("interview_scheduled", "interview_rescheduled", "interview_cancelled"), "interviews/{id}"
    ),
    "interview_reminder": "interviews/{id}",
    "evaluation_due": "interviews/{id}/evaluation",
    "resume_processed": "resumes/{filename}",
    "bulk_upload_completed": "uploads/{total_files}",
    **dict.fromkeys(("candidate_added", "candidate_stage_changed"), "candidates/{candidate_id}"),
    **dict.fromkeys(("candidate_hired", "candidate_rejected"), "candidates/{candidate_id}"),
    **dict.fromkeys(("offer_created", "offer_accepted", "approval_requested"), "offers/{candidate_id}"),
    "job_created": "jobs/{job_id}",
    "evaluation_completed": "candidates/{candidate_id}/evaluations",
    "system_alert": "status",
}
SKILLS = (
    ["Python", "SQL", "dbt"],
    ["Figma", "Research"],
    ["German", "Salesforce"],
    ["Go", "Kafka", "PostgreSQL"],
)
ALERTS = (
    ("Calendar sync is delayed", "New interviews may take 20 minutes to appear. Nothing is lost.", "medium"),
    ("Resume parser is back", "Files uploaded between 09:10 and 09:40 are being parsed now.", "low"),
    ("Sign-in provider unreachable", "People who sign in through SSO see an error. We are on it.", "urgent"),
)
STAGES = ("Phone screen", "Technical interview", "Final interview", "Reference check")
WEEKS = 6


@dataclass
class Draft:
    """A notification to create. `fields` overrides columns of its row."""

    user: User
    kind: str
    at: datetime
    data: dict[str, Any]
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def action_url(self) -> str:
        """Its page on the platform; "" for digests."""
        page = PAGES.get(self.kind)
        return f"{PLATFORM}/{page.format_map(self.data)}" if page else ""


def drafts(people: Sequence[User], now: datetime, chance: random.Random) -> Iterator[Draft]:
    """Yield past and planned notifications, in no particular order.

    Args:
        people: two recruiters and an admin.
    """
    ruth, maya, admin = people
    for days_ago in range(WEEKS * 7 - 1, -1, -1):
        day = now - timedelta(days=days_ago)
        if day.weekday() >= 5 and days_ago:
            continue
        for user in (ruth, maya):
            for _ in range(chance.randint(2, 5)):
                yield from _happening(user, day - timedelta(minutes=chance.randint(2, 560)), now, chance)
    for title, message, priority in ALERTS:
        for user in people:
            at = now - timedelta(hours=chance.randint(3, 700))
            yield Draft(
                user, "system_alert", at, {"title": title, "message": message}, {"priority": priority}
            )
    upcoming = _interview(ruth, now + timedelta(hours=20), chance)
    yield Draft(
        ruth, "interview_reminder", now - timedelta(minutes=4), _facts(upcoming), {"interview": upcoming}
    )
    moved = _interview(ruth, now + timedelta(days=1, hours=3), chance)
    for minutes_ago, hours_later in ((22, 2), (47, 26), (95, 25)):
        before = moved.starts_at + timedelta(hours=hours_later)
        yield Draft(
            ruth,
            "interview_rescheduled",
            now - timedelta(minutes=minutes_ago),
            _facts(moved),
            {"interview": moved, "priority": "urgent", "previous_starts_at": before},
        )
    for number, person in enumerate(CANDIDATES[:9]):
        at = now - timedelta(minutes=130 + number)
        yield Draft(ruth, "resume_processed", at, _resume(person, chance), {"about": "demo-upload"})
    yield from _outcomes(ruth, now, chance)
    planned = {"title": "Maintenance on Sunday", "message": "Bellhop pauses from 06:00 to 06:30 UTC."}
    yield Draft(
        ruth, "system_alert", now, planned, {"deliver_at": now + timedelta(days=3), "status": "pending"}
    )
    yield Draft(
        maya, "system_alert", now - timedelta(days=9), planned, {"status": "cancelled", "surfaced_at": None}
    )
    yield from _agenda(ruth, now, chance)
    lost = {"filename": "cv-final-2.docx", "extracted_data": "no text found"}
    by_mail_only = {"status": "failed", "surfaced_at": None}
    yield Draft(maya, "resume_processed", now - timedelta(days=5), lost, by_mail_only)
    for kind, days in (("daily_digest", 1), ("weekly_summary", 4)):
        at = now - timedelta(days=days)
        data = {
            "unread_count": 12,
            "digest_date": dates.day(at, admin.time_zone, admin.locale),
            "headline": "12 unread",
        }
        yield Draft(admin, kind, at, data, {"read_at": now - timedelta(hours=20)})


def _happening(user: User, at: datetime, now: datetime, chance: random.Random) -> Iterator[Draft]:
    person = chance.choice(CANDIDATES)
    subject = _application(person, chance)
    roll = chance.random()
    if roll < 0.4:
        interview = _interview(user, at + timedelta(days=chance.randint(1, 6), hours=2), chance)
        kind = chance.choice(("interview_scheduled", "interview_scheduled", "interview_rescheduled"))
        fields: dict[str, Any] = {"interview": interview}
        if kind == "interview_rescheduled":
            fields["previous_starts_at"] = interview.starts_at + timedelta(days=chance.choice((-1, 1, 2)))
        yield Draft(user, kind, at, _facts(interview), fields)
        if interview.ends_at < now:
            interview.status = "completed"
        if interview.status == "completed" and chance.random() < 0.5:
            due = interview.ends_at + timedelta(hours=1)
            yield Draft(user, "evaluation_due", min(due, now), _facts(interview), {"interview": interview})
        elif chance.random() < 0.15:
            interview.status = "cancelled"
            yield Draft(
                user,
                "interview_cancelled",
                at + timedelta(minutes=1),
                _facts(interview),
                {"interview": interview},
            )
    elif roll < 0.62:
        yield Draft(user, "resume_processed", at, _resume(person, chance))
    elif roll < 0.68:
        total, failed = chance.randint(40, 400), chance.randint(0, 12)
        counts = {"total_files": total, "successful": total - failed, "failed": failed}
        yield Draft(user, "bulk_upload_completed", at, counts)
    elif roll < 0.82:
        yield Draft(user, "candidate_added", at, subject)
    elif roll < 0.9:
        job = {key: value for key, value in subject.items() if not key.startswith("candidate")}
        yield Draft(user, "job_created", at, job)
    else:
        yield Draft(user, "evaluation_completed", at, subject)


def _agenda(user: User, now: datetime, chance: random.Random) -> Iterator[Draft]:
    """Yield an interview that is next, another at the same time, and one without an evaluation."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    starts = (hour + timedelta(hours=1), hour + timedelta(minutes=90), hour - timedelta(hours=5))
    soon, overlapping, over = (_interview(user, starts_at, chance) for starts_at in starts)
    for interview, starts_at in zip((soon, overlapping, over), starts, strict=True):
        # Not moved into office hours: the demo may be opened at any time.
        interview.starts_at, interview.ends_at = starts_at, starts_at + timedelta(hours=1)
    for interview in (soon, overlapping):
        at = now - timedelta(hours=chance.randint(50, 90))
        yield Draft(user, "interview_scheduled", at, _facts(interview), {"interview": interview})
    over.status, over.completed_at = "completed", over.ends_at
    yield Draft(user, "evaluation_due", now - timedelta(hours=3), _facts(over), {"interview": over})


def _application(person: str, chance: random.Random) -> dict[str, Any]:
    job = chance.choice(JOBS)
    return {
        "candidate_id": f"demo-candidate-{CANDIDATES.index(person) + 1}",
        "candidate_name": person,
        "job_id": f"demo-job-{JOBS.index(job) + 1}",
        "job_title": job,
        "company_name": chance.choice(COMPANIES),
    }


def _outcomes(user: User, now: datetime, chance: random.Random) -> Iterator[Draft]:
    """Yield a stage, then a rejection or a hire, for each candidate."""
    for days_ago, person in enumerate(CANDIDATES, 1):
        at, subject = now - timedelta(days=days_ago), _application(person, chance)
        before, after = sorted(chance.sample(range(len(STAGES)), 2))
        stages = {"previous_stage": STAGES[before], "stage": STAGES[after]}
        yield Draft(user, "candidate_stage_changed", at, subject | stages)
        if days_ago % 2:
            yield Draft(user, "candidate_rejected", at + timedelta(hours=5), subject)
            continue
        ask = {"requested_by": "Maya Lindqvist", "request": f"the offer to {person}"}
        yield Draft(user, "approval_requested", at + timedelta(hours=1), subject | ask)
        for hours, kind in enumerate(("offer_created", "offer_accepted", "candidate_hired"), 2):
            yield Draft(user, kind, at + timedelta(hours=hours), subject)


def _resume(person: str, chance: random.Random) -> dict[str, Any]:
    extracted = {"name": person, "skills": chance.choice(SKILLS), "years": chance.randint(2, 14)}
    return {"filename": f"{person.lower().replace(' ', '-')}.pdf", "extracted_data": extracted}


def _office_hours(instant: datetime, user: User, chance: random.Random) -> datetime:
    """Move an instant to a full or half hour of a working day in the person's time zone, on the same day or later."""
    there = instant.astimezone(zone(user.time_zone))
    there += timedelta(days=7 - there.weekday() if there.weekday() >= 5 else 0)
    hour = there.hour if 9 <= there.hour < 18 else chance.randint(9, 17)
    there = there.replace(hour=hour, minute=chance.choice((0, 30)), second=0, microsecond=0)
    return there.astimezone(instant.tzinfo)


def _interview(user: User, starts_at: datetime, chance: random.Random) -> Interview:
    starts_at = _office_hours(starts_at, user, chance)
    while _is_taken(starts_at, user):
        starts_at = _office_hours(_hour_later(starts_at, user), user, chance)
    place = chance.choice(PLACES)
    number = chance.randint(1000, 99999)
    interview = Interview(
        external_id=f"demo-{number}-{int(starts_at.timestamp())}-{user.id}",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        **_application(chance.choice(CANDIDATES), chance),
        location=place,
        meeting_url="" if place else f"https://meet.example.com/{number}",
        interviewer=chance.choice(INTERVIEWERS),
        action_url=f"{PLATFORM}/interviews/demo-{number}",
        status="scheduled",
        changed_at=starts_at - timedelta(days=7),
        recruiters=[user],
    )
    db.session.add(interview)
    return interview


def _hour_later(instant: datetime, user: User) -> datetime:
    """Return the next office hour in the person's time zone: after the last one, the first of the next day."""
    there = instant.astimezone(zone(user.time_zone)) + timedelta(hours=1)
    return (there if there.hour < 18 else there + timedelta(hours=15)).astimezone(instant.tzinfo)


def _is_taken(starts_at: datetime, user: User) -> bool:
    near = Interview.starts_at.between(starts_at - timedelta(minutes=59), starts_at + timedelta(minutes=59))
    return (
        db.session.scalar(select(Interview.id).where(near, Interview.recruiters.contains(user))) is not None
    )


def _facts(interview: Interview) -> dict[str, Any]:
    names = (
        "starts_at",
        "ends_at",
        "candidate_id",
        "job_id",
        "candidate_name",
        "job_title",
        "company_name",
        "location",
        "meeting_url",
        "interviewer",
    )
    return {"id": interview.external_id} | {name: getattr(interview, name) for name in names}
