"""The story of the demo: six weeks of interviews, resumes, candidates and alerts, in office hours."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.database.base import db
from app.models import Interview, User
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
JOBS = (
    "Staff Data Engineer",
    "Product Designer",
    "Customer Success Lead",
    "Backend Engineer",
    "Finance Partner",
)
COMPANIES = ("Alder Robotics", "Northwind Health", "Fjord Energy")
PLACES = ("Room Birch, 3rd floor", "Room Aspen", "")
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
WEEKS = 6


@dataclass
class Draft:
    """A notification to create. `fields` overrides columns of its row."""

    user: User
    kind: str
    at: datetime
    data: dict[str, Any]
    fields: dict[str, Any] = field(default_factory=dict)


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
    for minutes_ago in (22, 47, 95):
        yield Draft(
            ruth,
            "interview_rescheduled",
            now - timedelta(minutes=minutes_ago),
            _facts(moved),
            {"interview": moved, "priority": "urgent"},
        )
    for number, person in enumerate(CANDIDATES[:9]):
        at = now - timedelta(minutes=130 + number)
        yield Draft(ruth, "resume_processed", at, _resume(person, chance), {"about": "demo-upload"})
    planned = {"title": "Maintenance on Sunday", "message": "Bellhop pauses from 06:00 to 06:30 UTC."}
    yield Draft(
        ruth, "system_alert", now, planned, {"deliver_at": now + timedelta(days=3), "status": "pending"}
    )
    yield Draft(
        maya, "system_alert", now - timedelta(days=9), planned, {"status": "cancelled", "surfaced_at": None}
    )
    lost = {"filename": "cv-final-2.docx", "extracted_data": "no text found"}
    by_mail_only = {"status": "failed", "surfaced_at": None}
    yield Draft(maya, "resume_processed", now - timedelta(days=5), lost, by_mail_only)
    for kind, days in (("daily_digest", 1), ("weekly_summary", 4)):
        data = {"unread_count": 12, "digest_date": "yesterday"}
        yield Draft(admin, kind, now - timedelta(days=days), data, {"read_at": now - timedelta(hours=20)})


def _happening(user: User, at: datetime, now: datetime, chance: random.Random) -> Iterator[Draft]:
    person, job, company = chance.choice(CANDIDATES), chance.choice(JOBS), chance.choice(COMPANIES)
    subject = {"candidate_name": person, "job_title": job, "company_name": company}
    roll = chance.random()
    if roll < 0.4:
        interview = _interview(user, at + timedelta(days=chance.randint(1, 6), hours=2), chance)
        kind = chance.choice(("interview_scheduled", "interview_scheduled", "interview_rescheduled"))
        yield Draft(user, kind, at, _facts(interview), {"interview": interview})
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
        yield Draft(user, "job_created", at, subject)
    else:
        yield Draft(user, "evaluation_completed", at, subject)


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
    place = chance.choice(PLACES)
    number = chance.randint(1000, 99999)
    interview = Interview(
        external_id=f"demo-{number}-{int(starts_at.timestamp())}-{user.id}",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        candidate_name=chance.choice(CANDIDATES),
        job_title=chance.choice(JOBS),
        company_name=chance.choice(COMPANIES),
        location=place,
        meeting_url="" if place else f"https://meet.example.com/{number}",
        interviewer=chance.choice(CANDIDATES),
        status="scheduled",
        changed_at=starts_at - timedelta(days=7),
        recruiters=[user],
    )
    db.session.add(interview)
    return interview


def _facts(interview: Interview) -> dict[str, Any]:
    names = (
        "starts_at",
        "candidate_name",
        "job_title",
        "company_name",
        "location",
        "meeting_url",
        "interviewer",
    )
    return {name: getattr(interview, name) for name in names}
