"""Bookings of other systems: which interview they are, and whether a call is news about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.database.base import db
from app.models import Interview, Source, SourceCall
from app.services.base import recipients, validation
from app.services.interviews import records
from app.services.routing import routes
from app.services.routing.candidate_and_job import CandidateAndJob
from app.services.sources import facts as known_facts
from app.sources.calls import INTERVIEW, SCHEDULE, SourceEvent, digest

# In place of names that were in no call yet.
UNNAMED = {"candidate_name": "a candidate", "job_title": "an open job", "stage": "another stage"}
NAMES = ("candidate_name", "job_title")
ENDS = ("interview.cancelled", "interview.completed")
PLACES = ("meeting_url", "location")


def expand(source: Source, event: SourceEvent) -> Iterator[SourceEvent]:
    """Yield an event for each interview that it is about: a cancelled schedule may not name its interviews."""
    if not event.type.startswith("interview.") or event.data.get("id") or source.kind == "standard":
        yield event
        return
    for booking in _named_interviews(known_facts.read(source, event.about)):
        yield replace(event, key=f"{event.key}:{booking}", data={**event.data, "id": booking})


def find_dropped(call: SourceCall, facts: Mapping[str, Mapping[str, Any]]) -> Iterator[SourceEvent]:
    """Yield a cancellation for each interview that its schedule named in another call, but not in this one."""
    for schedule in facts:
        if schedule.startswith(SCHEDULE):
            named = _named_interviews(known_facts.read(call.source, [schedule]))
            for booking in named - _named_interviews(facts[schedule]):
                yield SourceEvent("interview.cancelled", f"{call.external_id}:{booking}", {"id": booking})


def is_replaced(call: SourceCall) -> bool:
    """Whether another booking took the place of the one that a call is about."""
    newer = select(SourceCall.id).where(
        SourceCall.source_id == call.source_id, SourceCall.replaces == call.subject
    )
    return bool(call.subject) and db.session.scalar(newer.limit(1)) is not None


def decide(
    call: SourceCall, event: SourceEvent, data: dict[str, Any], emails: Sequence[str]
) -> tuple[str, str]:
    """Compare a call with what is known of its interview, and complete `data` by it.

    Returns:
        The event type to publish, and an empty text; or the code of the reason why there is nothing to publish.
    """
    if call.source.kind == "standard":
        return event.type, ""
    data["id"] = _interview_id(call, str(data.get("id", "")))
    interview = records.get_by_external_id(data["id"])
    # One without details was only reported as completed.
    known = interview if interview is not None and interview.candidate_name else None
    if event.type == "interview.completed":
        return (event.type, "") if known else ("", "unknown_interview")
    if event.type == "interview.cancelled":
        return _decide_cancelled(call, data, known)
    if known is None or call.occurred_at < known.changed_at:
        return event.type, ""
    return _decide_booked(call, data, known, emails)


def add_others(event_type: str, data: Mapping[str, Any], emails: Sequence[str], now: datetime) -> list[str]:
    """Add the followers of the candidate and the job; at the end of an interview also those who knew of it."""
    followers = routes.find_followers_of(CandidateAndJob.of(data), now)
    others = [person.email for person in recipients.by_ids(followers)]
    interview = records.get_by_external_id(data["id"]) if event_type in ENDS else None
    if interview is not None:
        others += [user.email for user in interview.recruiters if user.is_enabled]
    return list(dict.fromkeys([*emails, *others]))


def fill_names(source: Source, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Give names from a call to the interviews that lacked them, in the caller's transaction."""
    for key, told in facts.items():
        names = {name: told[name] for name in NAMES if told.get(name)}
        waiting = known_facts.read(source, [f"unnamed:{key}"])
        for interview_id, missing in waiting.get("interviews", {}).items():
            interview = records.get_by_external_id(interview_id, lock=True)
            for name in set(missing) & names.keys():
                if interview is not None:
                    setattr(interview, name, str(names[name])[:255])


def remember_unnamed(source: Source, event: SourceEvent, data: Mapping[str, Any], now: datetime) -> None:
    """Remember which names of an interview were not known, so that `fill_names` can add them."""
    if not event.type.startswith("interview.") or not event.about:
        return
    facts = known_facts.read(source, event.about)
    missing = [name for name in NAMES if not (event.data | facts).get(name)]
    if missing:
        for key in event.about:
            unnamed = f"unnamed:{key}"
            others = known_facts.read(source, [unnamed]).get("interviews", {})
            known_facts.learn(source, {unnamed: {"interviews": others | {data["id"]: missing}}}, now)
        db.session.commit()


def _decide_booked(
    call: SourceCall, data: dict[str, Any], interview: Interview, emails: Sequence[str]
) -> tuple[str, str]:
    _keep_known_names(data, interview)
    times = (_instant(data, "starts_at"), _instant(data, "ends_at"))
    if interview.status == "scheduled" and times == (interview.starts_at, interview.ends_at):
        has_new_place = any(data.get(name, "") != getattr(interview, name) for name in PLACES)
        has_new_people = not set(emails) <= {user.email for user in interview.recruiters}
        return ("interview.scheduled", "") if has_new_place or has_new_people else ("", "no_change")
    is_move = interview.status == "scheduled" or call.replaces
    return ("interview.rescheduled" if is_move else "interview.scheduled"), ""


def _decide_cancelled(call: SourceCall, data: dict[str, Any], interview: Interview | None) -> tuple[str, str]:
    if is_replaced(call):
        return "", "part_of_move"
    if interview is None:
        return ("interview.cancelled", "") if "starts_at" in data else ("", "unknown_interview")
    if interview.status == "cancelled":
        return "", "no_change"
    for name, value in records.facts(interview).items():
        if value:
            data.setdefault(name, value.isoformat() if isinstance(value, datetime) else value)
    _keep_known_names(data, interview)
    return "interview.cancelled", ""


def _keep_known_names(data: dict[str, Any], interview: Interview) -> None:
    """A name that was learned stays, where the call has none."""
    for name in NAMES:
        if data.get(name) == UNNAMED[name]:
            data[name] = getattr(interview, name)


def _named_interviews(facts: Mapping[str, Any]) -> set[str]:
    # Facts of earlier versions have a list.
    listed = set(facts.get("interviews", []))
    return listed | {name.removeprefix(INTERVIEW) for name in facts if name.startswith(INTERVIEW)}


def _interview_id(call: SourceCall, booking: str) -> str:
    """Our id of the interview: that of the first booking, if the other system gives a moved one a new id."""
    source = call.source
    root = known_facts.read(source, [f"booking:{booking}"]).get("root", "")
    if not root and call.replaces and booking == call.subject:
        root = known_facts.read(source, [f"booking:{call.replaces}"]).get("root", call.replaces)
        known_facts.learn(source, {f"booking:{booking}": {"root": root}}, call.received_at)
        db.session.commit()
    own = f"{source.kind}-{source.public_id[:8]}-{root or booking}"
    return own if len(own) <= 255 else digest(own)


def _instant(data: Mapping[str, Any], name: str) -> datetime | None:
    return validation.collect({}, name, validation.instant, data.get(name))
