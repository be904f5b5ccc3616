"""Greenhouse Recruiting. Its webhooks report no interviews; people of jobs come as ids without addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.sources.calls import (
    CallInfo,
    Document,
    MappedCall,
    Person,
    SourceEvent,
    digest,
    entries,
    full_name,
    hex_signature,
    is_signed,
    known,
    people,
    pick,
    text,
)

HEADER, ID_HEADER = "signature", "greenhouse-event-id"
EVENTS = {
    "new_candidate_application": "candidate.added",
    "candidate_stage_change": "candidate.stage_changed",
    "hire_candidate": "candidate.hired",
    "reject_candidate": "candidate.rejected",
}
OFFERS = {"offer_created", "offer_updated"}


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], _now: datetime) -> bool:
    """Check `Signature: sha256 <hex>` over the body."""
    return is_signed(headers.get(HEADER, ""), (f"sha256 {hex_signature(each, body)}" for each in secrets))


def sign(body: bytes, secret: str, _now: datetime, unique: str) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a signed call."""
    return {HEADER: f"sha256 {hex_signature(secret, body)}", ID_HEADER: unique}, body


def describe_call(headers: Mapping[str, str], document: Document) -> CallInfo:
    """Identify a call by its header; without it, by its content."""
    action, application = text(document, "action"), pick(document, "payload", "application")
    return CallInfo(
        id=headers.get(ID_HEADER, "") or digest(repr(document)),
        action=action,
        occurred_at=text(application, "last_activity_at"),
        is_ping=action == "ping",
    )


def map_body(document: Document) -> MappedCall:
    """Map a call to events."""
    action, payload = text(document, "action"), pick(document, "payload")
    if action == "job_created":
        return _job(pick(payload, "job"), key=digest(repr(document)))
    if action in OFFERS:
        return _offer(action, payload, key=digest(repr(document)))
    application = pick(payload, "application")
    if not isinstance(application, Mapping):
        return MappedCall()
    facts = _facts(application)
    event_type = EVENTS.get(action, "")
    if not event_type:
        return MappedCall(facts=facts)
    data = facts[_key(application)] | known(action_url=text(application, "url"))
    if event_type == "candidate.stage_changed":
        data |= known(stage=text(application, "current_stage", "name"))
    if event_type == "candidate.rejected":
        data |= known(reason=text(application, "rejection_reason", "name"))
    event = SourceEvent(event_type, key=digest(repr(document)), data=data, people=_people(application))
    return MappedCall([event], facts)


def sample(email: str, now: datetime, unique: str) -> dict[str, Any]:
    """Build the body of a test call: a candidate who reached another stage."""
    candidate = {"id": f"test-{unique}", "first_name": "Test", "last_name": "Candidate"}
    application = {
        "id": f"test-{unique}",
        "last_activity_at": now.isoformat(),
        "current_stage": {"id": 1, "name": "Test stage"},
        "candidate": candidate | {"recruiter": {"email": email}},
        "jobs": [{"id": f"test-{unique}", "name": "Test job"}],
    }
    return {"action": "candidate_stage_change", "payload": {"application": application}}


def _key(application: Document) -> str:
    return f"application:{text(application, 'id')}"


def _facts(application: Document) -> dict[str, dict[str, Any]]:
    candidate, job = pick(application, "candidate"), pick(application, "jobs", 0)
    facts = known(
        candidate_id=text(candidate, "id"),
        candidate_name=full_name(candidate),
        job_id=text(job, "id"),
        job_title=text(job, "name"),
        is_confidential=pick(candidate, "is_private") is True
        or any(pick(each, "confidential") is True for each in entries(application, "jobs")),
    )
    team = [person.key for person in _people(application)]
    return {_key(application): facts | known(people=team)}


def _people(application: Document) -> tuple[Person, ...]:
    candidate = pick(application, "candidate")
    found = [pick(candidate, "recruiter"), pick(candidate, "coordinator")]
    named = people(*(_person(each) for each in found))
    return named or people(_person(pick(application, "credited_to")))


def _person(found: Any) -> Person:
    name = text(found, "name") or full_name(found)
    return Person(text(found, "email") or text(found, "user_id") or text(found, "id"), name)


def _job(job: Any, key: str) -> MappedCall:
    facts = known(
        job_id=text(job, "id"),
        job_title=text(job, "name"),
        is_confidential=pick(job, "confidential") is True,
    )
    team = [
        _person(each)
        for role in ("hiring_managers", "recruiters", "coordinators", "sourcers")
        for each in entries(job, "hiring_team", role)
    ]
    return MappedCall([SourceEvent("job.created", key=key, data=facts, people=people(*team))])


def _offer(action: str, payload: Any, key: str) -> MappedCall:
    is_accepted = "accepted" in (text(payload, "status").lower(), text(payload, "offer_status").lower())
    if action == "offer_updated" and not is_accepted:
        return MappedCall()
    event_type = "offer.accepted" if is_accepted else "offer.created"
    # An offer is accepted once, however often it is updated afterwards.
    if text(payload, "id"):
        key = f"offer:{text(payload, 'id')}:{event_type}"
    data = known(candidate_id=text(payload, "candidate_id"), job_id=text(payload, "job_id"))
    about = (f"application:{text(payload, 'application_id')}",)
    return MappedCall([SourceEvent(event_type, key=key, data=data, about=about)])
