"""Ashby. One happening sends several calls with the same `webhookActionId`: each event is taken from one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.sources.calls import (
    INTERVIEW,
    SCHEDULE,
    CallInfo,
    Document,
    Lookup,
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

HEADER = "ashby-signature"
API_URL = "https://api.ashbyhq.com"
BOOKED = {"Scheduled", "WaitingOnFeedback"}
ENDED = {"Cancelled": "interview.cancelled", "Complete": "interview.completed"}


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], _now: datetime) -> bool:
    """Check `Ashby-Signature: sha256=<hex>` over the body."""
    return is_signed(headers.get(HEADER, ""), (f"sha256={hex_signature(each, body)}" for each in secrets))


def sign(body: bytes, secret: str, _now: datetime, _unique: str) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a signed call."""
    return {HEADER: f"sha256={hex_signature(secret, body)}"}, body


def describe_call(_headers: Mapping[str, str], document: Document) -> CallInfo:
    """Identify a call by the happening and the action."""
    action, data = text(document, "action"), pick(document, "data")
    happened = (
        text(data, "interviewSchedule", "updatedAt")
        or text(data, "application", "updatedAt")
        or text(data, "offer", "updatedAt")
    )
    return CallInfo(
        id=f"{_happening(document)}:{action}",
        action=action,
        occurred_at=happened,
        is_ping=action == "ping",
        subject=text(data, "interviewSchedule", "id"),
    )


def map_body(document: Document) -> MappedCall:
    """Map a call to events."""
    action, data = text(document, "action"), pick(document, "data")
    happening = _happening(document)
    if action in {"interviewScheduleCreate", "interviewScheduleUpdate"}:
        return _interviews(happening, pick(data, "interviewSchedule"))
    if action == "jobCreate":
        return _job(happening, pick(data, "job"))
    if action in {"offerCreate", "offerUpdate"}:
        return _offer(happening, pick(data, "offer"), is_new=action == "offerCreate")
    application = pick(data, "application")
    if not isinstance(application, Mapping):
        return MappedCall()
    facts = _application_facts(application)
    event_type = _application_event(action, application)
    if not event_type:
        return MappedCall(facts=facts)
    stage = text(application, "currentInterviewStage", "title")
    team = _team(application) or people(Person(text(application, "creditedToUser", "email")))
    event = SourceEvent(
        event_type,
        key=f"{happening}:{event_type}",
        data=_own_facts(application)
        | (known(stage=stage) if event_type == "candidate.stage_changed" else {})
        | (
            known(reason=text(application, "archiveReason", "text"))
            if event_type == "candidate.rejected"
            else {}
        ),
        people=team,
        about=(f"job:{text(application, 'job', 'id')}",),
    )
    return MappedCall([event], facts)


def build_lookup(event: SourceEvent, facts: Mapping[str, Any]) -> Lookup | None:
    """Ask for the application of an interview or an offer, which have no names."""
    application_id = next(
        (key.partition(":")[2] for key in event.about if key.startswith("application:")), ""
    )
    found = {**facts, **event.data}
    if not application_id or (found.get("candidate_name") and found.get("job_title")):
        return None
    return Lookup("POST", "/application.info", {"applicationId": application_id})


def read_answer(event: SourceEvent, document: Document) -> MappedCall:
    """Learn the names and the team of the application."""
    application = pick(document, "results")
    return MappedCall([event], _application_facts(application) if isinstance(application, Mapping) else {})


def sample(email: str, now: datetime, unique: str) -> dict[str, Any]:
    """Build the body of a test call: a candidate who reached another stage."""
    application = {
        "id": f"test-application-{unique}",
        "status": "Active",
        "updatedAt": now.isoformat(),
        "candidate": {"id": f"test-candidate-{unique}", "name": "Test Candidate"},
        "currentInterviewStage": {"title": "Test stage", "type": "Active"},
        "job": {"id": f"test-job-{unique}", "title": "Test job"},
        "hiringTeam": [{"email": email, "role": "Recruiter"}],
    }
    return {"webhookActionId": unique, "action": "candidateStageChange", "data": {"application": application}}


def _happening(document: Document) -> str:
    """The id that the calls of one happening share; without it, one that repeats of this call share."""
    return text(document, "webhookActionId") or digest(repr(document))


def _application_event(action: str, application: Document) -> str:
    if action == "applicationSubmit":
        return "candidate.added"
    if action == "candidateHire":
        return "candidate.hired"
    if action != "candidateStageChange":
        return ""  # `applicationUpdate` only accompanies the others.
    status = text(application, "status")
    if status == "Hired" or text(application, "currentInterviewStage", "type") == "Hired":
        return "candidate.hired"  # Also reported by `candidateHire`, with the same key.
    withdrew = text(application, "archiveReason", "reasonType") == "RejectedByCandidate"
    return "candidate.rejected" if status == "Archived" and not withdrew else "candidate.stage_changed"


def _own_facts(application: Document) -> dict[str, Any]:
    return known(
        candidate_id=text(application, "candidate", "id"),
        candidate_name=text(application, "candidate", "name"),
        job_id=text(application, "job", "id"),
        job_title=text(application, "job", "title"),
        is_confidential=pick(application, "job", "confidential") is True,
    )


def _application_facts(application: Document) -> dict[str, dict[str, Any]]:
    facts = _own_facts(application)
    names = known(candidate_name=facts.get("candidate_name"))
    team = [person.key for person in _team(application)]
    return {
        f"application:{text(application, 'id')}": facts | known(people=team),
        f"candidate:{facts.get('candidate_id', '')}": names,
    }


def _team(owner: Document) -> tuple[Person, ...]:
    return people(*(_person(each) for each in entries(owner, "hiringTeam")))


def _person(found: Document) -> Person:
    return Person(text(found, "email") or text(found, "userId"), full_name(found, "firstName", "lastName"))


def _job(happening: str, job: Any) -> MappedCall:
    facts = known(
        job_id=text(job, "id"),
        job_title=text(job, "title"),
        is_confidential=pick(job, "confidential") is True,
    )
    author = pick(job, "author")
    team = people(*_team(job), _person(author) if isinstance(author, Mapping) else None)
    event = SourceEvent("job.created", key=f"{happening}:job.created", data=facts, people=team)
    return MappedCall([event], {f"job:{text(job, 'id')}": facts})


def _offer(happening: str, offer: Any, *, is_new: bool) -> MappedCall:
    is_accepted = text(offer, "acceptanceStatus") == "Accepted"
    if not is_new and not is_accepted:
        return MappedCall()
    event_type = "offer.accepted" if is_accepted else "offer.created"
    # An offer is accepted once, however often it is updated afterwards.
    key = f"offer:{text(offer, 'id')}:{event_type}" if text(offer, "id") else f"{happening}:{event_type}"
    event = SourceEvent(event_type, key=key, data={}, about=(f"application:{text(offer, 'applicationId')}",))
    return MappedCall([event])


def _interviews(happening: str, schedule: Any) -> MappedCall:
    """Map a schedule to its interviews: each of its events is one."""
    status = text(schedule, "status")
    event_type = ENDED.get(status) or ("interview.scheduled" if status in BOOKED else "")
    listed = entries(schedule, "interviewEvents")
    schedule_key = f"{SCHEDULE}{text(schedule, 'id')}"
    named = {schedule_key: {f"{INTERVIEW}{text(each, 'id')}": True for each in listed}}
    if not event_type:
        return MappedCall(facts=named if isinstance(pick(schedule, "interviewEvents"), list) else {})
    scheduler = pick(schedule, "scheduledBy")
    booked_by = _person(scheduler) if isinstance(scheduler, Mapping) else None
    events = []
    for each in listed:
        interviewers = entries(each, "interviewers")
        events.append(
            SourceEvent(
                event_type,
                key=f"{happening}:{text(each, 'id')}",
                data=known(
                    id=text(each, "id"),
                    starts_at=text(each, "startTime"),
                    ends_at=text(each, "endTime"),
                    meeting_url=text(each, "meetingLink"),
                    location=text(each, "location"),
                    interviewer=", ".join(
                        name
                        for name in (full_name(who, "firstName", "lastName") for who in interviewers)
                        if name
                    ),
                    interview_title=text(each, "interview", "title"),
                    candidate_id=text(schedule, "candidateId"),
                    job_id=text(each, "interview", "jobId"),
                ),
                people=people(*map(_person, interviewers), booked_by),
                about=(
                    f"application:{text(schedule, 'applicationId')}",
                    f"candidate:{text(schedule, 'candidateId')}",
                    f"job:{text(each, 'interview', 'jobId')}",
                ),
            )
        )
    if not events and status in ENDED:
        # Without its interviews: those that an earlier call named.
        return MappedCall([SourceEvent(event_type, key=happening, data={}, about=(schedule_key,))])
    return MappedCall(events, named)
