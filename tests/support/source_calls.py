"""Calls of other systems in the shapes of their documentation, with invented people, and their signatures."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from app.sources import SOURCES

SECRET = "a secret of this source only"
NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
START = NOW + timedelta(days=3)


def encode(document: Any, *, escaped: bool = True) -> bytes:
    """The body of a call, with letters beyond ASCII escaped or raw."""
    return json.dumps(document, ensure_ascii=escaped).encode()


def signed(
    kind: str,
    document: Any,
    *,
    secret: str = SECRET,
    now: datetime = NOW,
    unique: str = "u1",
    escaped: bool = True,
) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a call as the other system would send it."""
    body = document if isinstance(document, bytes) else encode(document, escaped=escaped)
    headers, body = SOURCES[kind].sign(body, secret, now, unique)
    return headers, body


def at(hours: float = 0) -> str:
    return (START + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def ashby_interview(
    status: str = "Scheduled",
    hours: float = 0,
    *,
    happening: str = "h1",
    action: str = "interviewScheduleUpdate",
    updated: datetime = NOW,
    interviewer: str = "alice@example.test",
    number: int = 1,
) -> dict[str, Any]:
    schedule = {
        "id": f"schedule-{number}",
        "status": status,
        "applicationId": f"application-{number}",
        "candidateId": f"candidate-{number}",
        "interviewStageId": "stage-1",
        "scheduledBy": {
            "id": "user-9",
            "firstName": "Alice",
            "lastName": "Moreau",
            "email": "alice@example.test",
        },
        "createdAt": NOW.isoformat(),
        "updatedAt": updated.isoformat(),
        "interviewEvents": [
            {
                "id": f"interview-{number}",
                "interviewId": "kind-1",
                "startTime": at(hours),
                "endTime": at(hours + 1),
                "meetingLink": "https://meet.example.com/iv-1",
                "location": "Room Birch",
                "interviewers": [
                    {"id": "user-1", "firstName": "Alice", "lastName": "Moreau", "email": interviewer}
                ],
                "interview": {"title": "Technical interview", "jobId": "job-1"},
            }
        ],
    }
    return {"webhookActionId": happening, "action": action, "data": {"interviewSchedule": schedule}}


def ashby_application(
    action: str = "candidateStageChange",
    *,
    happening: str = "h2",
    name: str = "Priya Raman",
    status: str = "Active",
    stage: str = "Onsite",
    team: tuple[str, ...] = ("alice@example.test",),
    number: int = 1,
    updated: datetime = NOW,
    confidential: bool = False,
) -> dict[str, Any]:
    application = {
        "id": f"application-{number}",
        "status": status,
        "updatedAt": updated.isoformat(),
        "candidate": {
            "id": f"candidate-{number}",
            "name": name,
            "primaryEmailAddress": {"value": "priya@example.com"},
        },
        "currentInterviewStage": {"id": "stage-2", "title": stage, "type": "Active"},
        "job": {"id": "job-1", "title": "Staff Data Engineer", "confidential": confidential},
        "hiringTeam": [
            {"email": email, "role": "Recruiter", "userId": f"user-{email}", "firstName": "", "lastName": ""}
            for email in team
        ],
    }
    return {"webhookActionId": happening, "action": action, "data": {"application": application}}


def calcom_booking(
    trigger: str = "BOOKING_CREATED",
    uid: str = "booking-1",
    hours: float = 0,
    *,
    former: str = "",
    created: datetime = NOW,
    name: str = "Priya Raman",
    organizer: str = "alice@example.test",
) -> dict[str, Any]:
    payload = {
        "uid": uid,
        "title": f"Staff Data Engineer between Alice Moreau and {name}",
        "eventTitle": "Staff Data Engineer",
        "type": "staff-data-engineer",
        "startTime": at(hours),
        "endTime": at(hours + 1),
        "organizer": {"name": "Alice Moreau", "email": organizer, "timeZone": "Europe/Paris"},
        "attendees": [{"name": name, "email": "priya@example.com", "timeZone": "Asia/Kolkata"}],
        "location": "integrations:daily",
        "metadata": {"videoCallUrl": "https://meet.example.com/booking-1"},
        "status": "ACCEPTED",
    }
    if former:
        payload["rescheduleUid"] = former
    return {
        "triggerEvent": trigger,
        "createdAt": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "payload": payload,
    }


def calendly_invitee(
    event: str = "invitee.created",
    uri: str = "invitee-1",
    hours: float = 0,
    *,
    old: str = "",
    rescheduled: bool = False,
    created: datetime = NOW,
    name: str = "Priya Raman",
    host: str = "alice@example.test",
) -> dict[str, Any]:
    base = "https://api.calendly.com/scheduled_events/event-1/invitees/"
    return {
        "event": event,
        "created_at": created.isoformat(),
        "created_by": "https://api.calendly.com/users/user-1",
        "payload": {
            "uri": base + uri,
            "email": "priya@example.com",
            "name": name,
            "status": "canceled" if event == "invitee.canceled" else "active",
            "rescheduled": rescheduled,
            "old_invitee": base + old if old else None,
            "new_invitee": None,
            "scheduled_event": {
                "uri": "https://api.calendly.com/scheduled_events/event-1",
                "name": "Staff Data Engineer",
                "start_time": at(hours),
                "end_time": at(hours + 1),
                "location": {"type": "zoom", "join_url": "https://meet.example.com/zoom-1"},
                "event_memberships": [{"user": "https://api.calendly.com/users/user-1", "user_email": host}],
            },
        },
    }


def greenhouse_application(
    action: str = "candidate_stage_change",
    *,
    first: str = "Priya",
    recruiter: str = "alice@example.test",
    private: bool = False,
    number: int = 1,
    at: datetime = NOW,
) -> dict[str, Any]:
    application = {
        "id": number,
        "status": "active",
        "last_activity_at": at.isoformat(),
        "current_stage": {"id": 71, "name": "Onsite", "interviews": []},
        "candidate": {
            "id": 500 + number,
            "first_name": first,
            "last_name": "Raman",
            "email_addresses": [{"value": "priya@example.com", "type": "personal"}],
            "recruiter": {"id": 55, "email": recruiter, "name": "Alice Moreau"},
            "coordinator": None,
            "is_private": private,
        },
        "jobs": [{"id": 3, "name": "Staff Data Engineer", "confidential": False}],
        "rejection_reason": {"id": 8, "name": "Position filled"},
    }
    return {"action": action, "payload": {"application": application}}


def greenhouse_job(*, confidential: bool = False) -> dict[str, Any]:
    team = {
        "hiring_managers": [{"user_id": 84, "employee_id": None}],
        "recruiters": [{"user_id": 85, "employee_id": None}],
        "coordinators": [],
        "sourcers": [],
    }
    job = {
        "id": 3,
        "name": "Staff Data Engineer",
        "status": "open",
        "confidential": confidential,
        "hiring_team": team,
    }
    return {"action": "job_created", "payload": {"job": job}}


def lever_call(
    event: str = "candidateStageChange", *, user: str = "lever-user-1", number: int = 1
) -> dict[str, Any]:
    data = {
        "opportunityId": f"opportunity-{number}",
        "candidateId": f"candidate-{number}",
        "fromStageId": "stage-1",
        "toStageId": "stage-2",
        "userId": user,
    }
    return {"event": event, "data": data}


def standard_event(
    kind: str = "candidate.added", recipient: str = "alice@example.test", **data: Any
) -> dict[str, Any]:
    facts = {"candidate_name": "Priya Raman", "job_title": "Staff Data Engineer", "recipients": [recipient]}
    return {"type": kind, "timestamp": NOW.isoformat(), "data": facts | data}


# For each system: an ordinary call, a ping and a call that means nothing to Bellhop.
ORDINARY: dict[str, dict[str, Any]] = {
    "ashby": ashby_application(),
    "greenhouse": greenhouse_application(),
    "lever": lever_call(),
    "calcom": calcom_booking(),
    "calendly": calendly_invitee(),
    "standard": standard_event(),
}
PINGS: dict[str, dict[str, Any]] = {
    "ashby": {"action": "ping", "data": {"webhookActionType": "candidateHire"}},
    "greenhouse": {"action": "ping", "web_hook_id": 11, "payload": {}},
    "lever": {"event": "candidateHired", "data": {}},
    "calcom": {"triggerEvent": "PING", "createdAt": NOW.isoformat(), "payload": {"type": "Test"}},
    "standard": {"type": "ping", "timestamp": NOW.isoformat(), "data": {}},
}
UNKNOWN: dict[str, dict[str, Any]] = {
    "ashby": {"webhookActionId": "h9", "action": "surveySubmit", "data": {"survey": {"id": "s1"}}},
    "greenhouse": {"action": "department_created", "payload": {"id": 1, "name": "Data"}},
    "lever": {"event": "contactCreated", "data": {"opportunityId": "o1"}},
    "calcom": {"triggerEvent": "FORM_SUBMITTED", "createdAt": NOW.isoformat(), "payload": {}},
    "calendly": {"event": "routing_form_submission.created", "created_at": NOW.isoformat(), "payload": {}},
    "standard": {"type": "weather.changed", "timestamp": NOW.isoformat(), "data": {}},
}
