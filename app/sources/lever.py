"""Lever. The signature is in the body and covers only `token` and `triggeredAt`; bodies have ids, but no names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from app.sources.calls import (
    CallInfo,
    Document,
    Lookup,
    MappedCall,
    Person,
    SourceEvent,
    has_too_many_values,
    hex_signature,
    is_recent,
    is_signed,
    known,
    people,
    pick,
    text,
)

# One captured signature would fit any body, so it is accepted for a short time only, and its token once.
MAX_AGE_SECONDS = 300
# Milliseconds. Larger numbers are not times, and one with hundreds of digits cannot become a float.
LONGEST_TIME = 10**15
API_URL = "https://api.lever.co"
EVENTS = {
    "applicationCreated": "candidate.added",
    "candidateHired": "candidate.hired",
    "candidateStageChange": "candidate.stage_changed",
}
USER_IDS = ("ownerId", "userId", "triggeredBy", "hiredBy")


def verify(_headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> bool:
    """Check `signature` in the body: hex over `token` and `triggeredAt`."""
    if has_too_many_values(body):  # The signature is in the body, which is decoded before it can be checked.
        return False
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return False
    triggered_at, token, given = (pick(document, name) for name in ("triggeredAt", "token", "signature"))
    if type(triggered_at) is not int or not isinstance(token, str) or not isinstance(given, str):
        return False
    if not 0 <= triggered_at < LONGEST_TIME:
        return False
    message = f"{token}{triggered_at}".encode("utf-8", "surrogatepass")
    is_fresh = is_recent(triggered_at / 1000, now, MAX_AGE_SECONDS)
    return is_fresh and is_signed(given, (hex_signature(each, message) for each in secrets))


def sign(body: bytes, secret: str, now: datetime, unique: str) -> tuple[dict[str, str], bytes]:
    """Return no headers, and the body with its signature."""
    milliseconds = int(now.timestamp() * 1000)
    signature = hex_signature(secret, f"{unique}{milliseconds}".encode())
    signed = {"token": unique, "triggeredAt": milliseconds, "signature": signature}
    return {}, json.dumps(json.loads(body) | signed).encode()


def describe_call(_headers: Mapping[str, str], document: Document) -> CallInfo:
    """Identify a call by its token, so that a captured signature works once."""
    milliseconds, data = pick(document, "triggeredAt"), pick(document, "data")
    return CallInfo(
        id=text(document, "token"),
        action=text(document, "event"),
        occurred_at=datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(),
        # "Verify connection" sends a signed call without an opportunity.
        is_ping=not text(data, "opportunityId") and not text(data, "candidateId"),
    )


def map_body(document: Document) -> MappedCall:
    """Map a call to events."""
    event_type, data = EVENTS.get(text(document, "event"), ""), pick(document, "data")
    if not event_type:
        return MappedCall()
    named = people(*(Person(text(data, name)) for name in USER_IDS))
    candidate_id = text(data, "opportunityId") or text(data, "candidateId")
    event = SourceEvent(
        event_type,
        key="",
        data=known(candidate_id=candidate_id),
        people=named,
        about=(f"candidate:{candidate_id}",),
    )
    return MappedCall([event])


def build_lookup(event: SourceEvent, facts: Mapping[str, Any]) -> Lookup | None:
    """Ask for the opportunity, unless its name is known; its stage may have changed since."""
    candidate_id = event.data.get("candidate_id", "")
    if not candidate_id or (facts.get("candidate_name") and event.type != "candidate.stage_changed"):
        return None
    expand = "expand=applications&expand=stage&expand=owner"
    return Lookup("GET", f"/v1/opportunities/{quote(candidate_id, safe='')}?{expand}")


def read_answer(event: SourceEvent, document: Document) -> MappedCall:
    """Learn the candidate's name, the job and the owner; the stage is that of this event only."""
    found = pick(document, "data")
    owner, posting = pick(found, "owner"), pick(found, "applications", 0, "posting")
    facts = known(
        candidate_name=text(found, "name"),
        job_id=text(posting, "id"),
        job_title=text(posting, "text"),
        is_confidential=text(found, "confidentiality") == "confidential",
    )
    stage = known(stage=text(found, "stage", "text")) if event.type == "candidate.stage_changed" else {}
    named = people(Person(text(owner, "email"), text(owner, "name")), *event.people)
    completed = replace(event, data=event.data | stage, people=named)
    return MappedCall([completed], {event.about[0]: facts})


def sample(email: str, _now: datetime, unique: str) -> dict[str, Any]:
    """Build the body of a test call: a candidate who reached another stage."""
    data = {"opportunityId": f"test-{unique}", "userId": email}
    return {"event": "candidateStageChange", "data": data}
