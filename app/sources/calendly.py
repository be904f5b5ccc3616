"""Calendly. A move sends a cancellation with `rescheduled` and a booking with `old_invitee`: the booking counts."""

from __future__ import annotations

import re
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
    full_name,
    hex_signature,
    is_recent,
    is_signed,
    known,
    people,
    pick,
    text,
)

HEADER = "calendly-webhook-signature"
# Their own guide's figure.
MAX_AGE_SECONDS = 180
_SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")
EVENTS = {"invitee.created": "interview.scheduled", "invitee.canceled": "interview.cancelled"}


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> bool:
    """Check `Calendly-Webhook-Signature: t=<unix>,v1=<hex>` over the time, a dot and the body."""
    match = _SIGNATURE.fullmatch(headers.get(HEADER, ""))
    if match is None or not is_recent(int(match[1]), now, MAX_AGE_SECONDS):
        return False
    return is_signed(match[2], (hex_signature(each, match[1].encode() + b"." + body) for each in secrets))


def sign(body: bytes, secret: str, now: datetime, _unique: str) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a signed call."""
    seconds = str(int(now.timestamp()))
    signature = hex_signature(secret, seconds.encode() + b"." + body)
    return {HEADER: f"t={seconds},v1={signature}"}, body


def describe_call(_headers: Mapping[str, str], document: Document) -> CallInfo:
    """Identify a call by the invitee and the event."""
    action, invitee = text(document, "event"), pick(document, "payload")
    return CallInfo(
        id=f"{text(invitee, 'uri')}:{action}",
        action=action,
        occurred_at=text(document, "created_at"),
        subject=text(invitee, "uri"),
        replaces=text(invitee, "old_invitee") if action == "invitee.created" else "",
    )


def map_body(document: Document) -> MappedCall:
    """Map a call to events: the hosts are notified, the invitee is the candidate."""
    invitee, event_type = pick(document, "payload"), EVENTS.get(text(document, "event"), "")
    is_part_of_move = event_type == "interview.cancelled" and pick(invitee, "rescheduled") is True
    if not event_type or is_part_of_move or not text(invitee, "uri"):
        return MappedCall()
    booked = pick(invitee, "scheduled_event")
    hosts = entries(booked, "event_memberships")
    event = SourceEvent(
        event_type,
        key=describe_call({}, document).id,
        data=known(
            id=text(invitee, "uri"),
            starts_at=text(booked, "start_time"),
            ends_at=text(booked, "end_time"),
            candidate_name=text(invitee, "name") or full_name(invitee) or text(invitee, "email"),
            candidate_id=text(invitee, "email"),
            job_title=text(booked, "name"),
            meeting_url=text(booked, "location", "join_url"),
            location=text(booked, "location", "location"),
            interviewer=", ".join(name for name in (text(each, "user_name") for each in hosts) if name),
        ),
        people=people(*(Person(text(each, "user_email"), text(each, "user_name")) for each in hosts)),
    )
    return MappedCall([event])


def sample(email: str, now: datetime, unique: str) -> dict[str, Any]:
    """Build the body of a test call: a booking in half an hour, too soon for reminders."""
    start = now.replace(second=0, microsecond=0) + timedelta(minutes=30)
    return {
        "event": "invitee.created",
        "created_at": now.isoformat(),
        "payload": {
            "uri": f"https://api.calendly.com/scheduled_events/test/invitees/{unique}",
            "name": "Test Candidate",
            "email": "candidate@example.com",
            "status": "active",
            "rescheduled": False,
            "scheduled_event": {
                "name": "Test job",
                "start_time": start.isoformat(),
                "end_time": (start + timedelta(minutes=30)).isoformat(),
                "event_memberships": [{"user_email": email}],
            },
        },
    }
