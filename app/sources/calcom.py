"""Cal.com. A booking that is moved gets a new `uid`, and names the former one in `rescheduleUid`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.sources.calls import (
    CallInfo,
    Document,
    MappedCall,
    Person,
    SourceEvent,
    entries,
    hex_signature,
    is_signed,
    known,
    people,
    pick,
    text,
)

HEADER = "x-cal-signature-256"
EVENTS = {
    "BOOKING_CREATED": "interview.scheduled",
    "BOOKING_RESCHEDULED": "interview.scheduled",
    "BOOKING_CANCELLED": "interview.cancelled",
    "MEETING_ENDED": "interview.completed",
}


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], _now: datetime) -> bool:
    """Check `X-Cal-Signature-256: <hex>` over the body."""
    return is_signed(headers.get(HEADER, ""), (hex_signature(each, body) for each in secrets))


def sign(body: bytes, secret: str, _now: datetime, _unique: str) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a signed call."""
    return {HEADER: hex_signature(secret, body)}, body


def describe_call(_headers: Mapping[str, str], document: Document) -> CallInfo:
    """Identify a call by its booking, its trigger and its time."""
    action, created_at, booking = (
        text(document, "triggerEvent"),
        text(document, "createdAt"),
        _booking(document),
    )
    uid = text(booking, "uid")
    return CallInfo(
        id=f"{uid}:{action}:{created_at}",
        action=action,
        occurred_at=created_at,
        is_ping=action == "PING",
        subject=uid,
        replaces=text(booking, "rescheduleUid") if EVENTS.get(action) == "interview.scheduled" else "",
    )


def map_body(document: Document) -> MappedCall:
    """Map a call to events: the organizer and the team are notified, the first attendee is the candidate."""
    booking, event_type = _booking(document), EVENTS.get(text(document, "triggerEvent"), "")
    if not event_type or not text(booking, "uid"):
        return MappedCall()
    candidate = pick(booking, "attendees", 0)
    location = text(booking, "location")
    video = text(booking, "metadata", "videoCallUrl")
    is_link = location.startswith(("https://", "http://"))
    event = SourceEvent(
        event_type,
        key=describe_call({}, document).id,
        data=known(
            id=text(booking, "uid"),
            starts_at=text(booking, "startTime"),
            ends_at=text(booking, "endTime"),
            candidate_name=text(candidate, "name") or text(candidate, "email"),
            candidate_id=text(candidate, "email"),
            job_title=text(booking, "eventTitle") or text(booking, "title") or text(booking, "type"),
            meeting_url=video or (location if is_link else ""),
            # "integrations:…" is the name of the video system, not a place.
            location="" if is_link or location.startswith("integrations:") else location,
            interviewer=text(booking, "organizer", "name"),
        ),
        people=people(
            Person(text(booking, "organizer", "email"), text(booking, "organizer", "name")),
            *(
                Person(text(each, "email"), text(each, "name"))
                for each in entries(booking, "team", "members")
            ),
        ),
    )
    return MappedCall([event])


def sample(email: str, now: datetime, unique: str) -> dict[str, Any]:
    """Build the body of a test call: a booking in half an hour, too soon for reminders."""
    start = now.replace(second=0, microsecond=0) + timedelta(minutes=30)
    return {
        "triggerEvent": "BOOKING_CREATED",
        "createdAt": now.isoformat(),
        "payload": {
            "uid": f"test-{unique}",
            "eventTitle": "Test job",
            "startTime": start.isoformat(),
            "endTime": (start + timedelta(minutes=30)).isoformat(),
            "organizer": {"email": email},
            "attendees": [{"name": "Test Candidate", "email": "candidate@example.com"}],
        },
    }


def _booking(document: Document) -> Any:
    # The calls about meetings have the booking's fields at the top.
    return pick(document, "payload") or document
