"""What a call becomes: the right event, with the people and facts that the body has."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.sources import SOURCES
from app.sources.calls import MappedCall
from tests.support import source_calls as calls
from tests.support.source_calls import ORDINARY, PINGS, UNKNOWN, encode, signed

KINDS = sorted(SOURCES)
PRIYA = {"candidate_name": "Priya Raman", "job_title": "Staff Data Engineer"}


def mapped(kind: str, document: Any) -> MappedCall:
    found = SOURCES[kind].map_body(json.loads(encode(document)))
    assert isinstance(found, MappedCall)
    return found


def outline(kind: str, document: Any) -> list[tuple[str, list[str]]]:
    return [(event.type, [person.key for person in event.people]) for event in mapped(kind, document).events]


@pytest.mark.parametrize(
    ("kind", "document", "event_type"),
    [
        ("ashby", calls.ashby_application(), "candidate.stage_changed"),
        ("ashby", calls.ashby_application("applicationSubmit"), "candidate.added"),
        ("ashby", calls.ashby_application("candidateHire", status="Hired"), "candidate.hired"),
        ("ashby", calls.ashby_application(status="Hired"), "candidate.hired"),
        ("ashby", calls.ashby_application(status="Archived"), "candidate.rejected"),
        ("ashby", calls.ashby_interview(), "interview.scheduled"),
        ("ashby", calls.ashby_interview("Cancelled"), "interview.cancelled"),
        ("ashby", calls.ashby_interview("Complete"), "interview.completed"),
        ("greenhouse", calls.greenhouse_application(), "candidate.stage_changed"),
        ("greenhouse", calls.greenhouse_application("new_candidate_application"), "candidate.added"),
        ("greenhouse", calls.greenhouse_application("hire_candidate"), "candidate.hired"),
        ("greenhouse", calls.greenhouse_application("reject_candidate"), "candidate.rejected"),
        ("calcom", calls.calcom_booking(), "interview.scheduled"),
        ("calcom", calls.calcom_booking("BOOKING_RESCHEDULED", former="b0"), "interview.scheduled"),
        ("calcom", calls.calcom_booking("BOOKING_CANCELLED"), "interview.cancelled"),
        ("calcom", calls.calcom_booking("MEETING_ENDED"), "interview.completed"),
        ("calendly", calls.calendly_invitee(), "interview.scheduled"),
        ("calendly", calls.calendly_invitee("invitee.canceled"), "interview.cancelled"),
        ("standard", calls.standard_event(), "candidate.added"),
    ],
)
def test_each_call_becomes_its_event_for_the_people_it_names(
    kind: str, document: dict[str, Any], event_type: str
) -> None:
    assert outline(kind, document) == [(event_type, ["alice@example.test"])]
    (event,) = mapped(kind, document).events
    if document != calls.ashby_interview() and "schedule" not in str(event.about):
        assert {name: event.data.get(name) for name in PRIYA} == PRIYA or event.type.startswith("interview")


@pytest.mark.parametrize(
    ("kind", "document", "event_type"),
    [
        ("ashby", calls.ashby_interview("WaitingOnFeedback"), "interview.scheduled"),
        ("ashby", {"action": "offerCreate", "data": {"offer": {"id": "o"}}}, "offer.created"),
        (
            "ashby",
            {"action": "offerUpdate", "data": {"offer": {"id": "o", "acceptanceStatus": "Accepted"}}},
            "offer.accepted",
        ),
        ("greenhouse", {"action": "offer_created", "payload": {"id": 1}}, "offer.created"),
        ("greenhouse", {"action": "offer_updated", "payload": {"status": "Accepted"}}, "offer.accepted"),
        ("lever", calls.lever_call("applicationCreated"), "candidate.added"),
        ("lever", calls.lever_call("candidateHired"), "candidate.hired"),
    ],
)
def test_each_other_call_becomes_its_event(kind: str, document: dict[str, Any], event_type: str) -> None:
    assert [event.type for event in mapped(kind, document).events] == [event_type]


@pytest.mark.parametrize("name", ["ownerId", "userId", "triggeredBy", "hiredBy"])
def test_each_person_of_a_lever_call_is_notified(name: str) -> None:
    document = {"event": "candidateHired", "data": {"opportunityId": "o1", name: "lever-user-7"}}
    assert outline("lever", document) == [("candidate.hired", ["lever-user-7"])]


def test_a_booking_has_its_times_place_and_candidate() -> None:
    for kind in ("calcom", "calendly"):
        (event,) = mapped(kind, ORDINARY[kind]).events
        assert event.data["starts_at"] == calls.at()
        assert event.data["ends_at"] == calls.at(1)
        assert event.data["meeting_url"].startswith("https://meet.example.com/")
        assert {name: event.data[name] for name in PRIYA} == PRIYA
        assert "location" not in event.data
    (event,) = mapped("ashby", calls.ashby_interview()).events
    assert event.data["location"] == "Room Birch"
    assert event.data["interviewer"] == "Alice Moreau"
    assert event.about == ("application:application-1", "candidate:candidate-1", "job:job-1")


def test_several_ashby_calls_of_one_happening_are_one_event() -> None:
    hire = mapped("ashby", calls.ashby_application("candidateHire", status="Hired", happening="h")).events
    stage = mapped("ashby", calls.ashby_application(status="Hired", happening="h")).events
    update = mapped("ashby", calls.ashby_application("applicationUpdate", status="Hired", happening="h"))
    assert hire[0].key == stage[0].key
    assert update.events == []
    assert update.facts["application:application-1"]["candidate_name"] == "Priya Raman"
    create, again = (
        mapped("ashby", calls.ashby_interview(action=action)).events
        for action in ("interviewScheduleCreate", "interviewScheduleUpdate")
    )
    assert create == again


def test_the_cancellation_of_a_calendly_move_is_not_an_event() -> None:
    assert outline("calendly", calls.calendly_invitee("invitee.canceled", rescheduled=True)) == []
    info = SOURCES["calendly"].describe_call({}, calls.calendly_invitee(uri="new", old="old"))
    assert (info.subject.rpartition("/")[2], info.replaces.rpartition("/")[2]) == ("new", "old")


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("greenhouse", calls.greenhouse_application(private=True)),
        ("greenhouse", calls.greenhouse_job(confidential=True)),
        ("ashby", calls.ashby_application(confidential=True)),
        (
            "ashby",
            {"action": "jobCreate", "data": {"job": {"id": "j", "title": "CEO", "confidential": True}}},
        ),
        ("standard", calls.standard_event(is_confidential=True)),
    ],
)
def test_what_is_private_or_confidential_says_so(kind: str, document: dict[str, Any]) -> None:
    (event,) = mapped(kind, document).events
    assert event.data["is_confidential"] is True


def test_people_without_an_address_are_named_by_their_id() -> None:
    assert outline("greenhouse", calls.greenhouse_job()) == [("job.created", ["84", "85"])]
    assert outline("lever", calls.lever_call()) == [("candidate.stage_changed", ["lever-user-1"])]


@pytest.mark.parametrize("kind", KINDS)
def test_pings_are_recognised_and_unknown_actions_mean_nothing(kind: str) -> None:
    describe = SOURCES[kind].describe_call
    if kind in PINGS:
        headers, body = signed(kind, PINGS[kind])
        assert describe(headers, json.loads(body)).is_ping
    headers, body = signed(kind, UNKNOWN[kind])
    info = describe(headers, json.loads(body))
    assert not info.is_ping
    assert info.id
    assert info.action
    assert [event for event in mapped(kind, UNKNOWN[kind]).events if kind != "standard"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_repeated_call_has_the_same_id_and_another_call_has_not(kind: str) -> None:
    describe = SOURCES[kind].describe_call
    seen = set()
    for unique, document in (("u1", ORDINARY[kind]), ("u1", ORDINARY[kind]), ("u2", UNKNOWN[kind])):
        headers, body = signed(kind, document, unique=unique)
        seen.add(describe(headers, json.loads(body)).id)
    assert len(seen) == 2


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("kind", ["ashby", "greenhouse", "calcom", "calendly", "standard"])
def test_names_in_any_script_arrive_as_they_are(kind: str, escaped: bool) -> None:
    text = json.dumps(ORDINARY[kind]).replace("Priya", "Zoë 工程師 <i>")
    _headers, body = signed(kind, json.loads(text), escaped=escaped)
    (event,) = SOURCES[kind].map_body(json.loads(body)).events
    assert event.data["candidate_name"] == "Zoë 工程師 <i> Raman"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_body_of_any_other_shape_breaks_nothing(kind: str, data: st.DataObject) -> None:
    document = json.loads(signed(kind, ORDINARY[kind])[1])
    # Replace one value, at any depth, by something else.
    place, names = document, []
    while isinstance(place, dict | list) and place:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        name = data.draw(st.sampled_from([*keys]))
        names.append((place, name))
        place = place[name]
    holder, name = data.draw(st.sampled_from(names))
    if (kind, name) == ("lever", "triggeredAt"):
        return  # Checked with the signature.
    holder[name] = data.draw(JSON)
    SOURCES[kind].describe_call({"webhook-id": "m"}, document)
    SOURCES[kind].map_body(document)


@pytest.mark.parametrize("kind", KINDS)
def test_the_test_call_maps_to_one_event_for_one_person(kind: str) -> None:
    sample = SOURCES[kind].sample("bob@example.test", calls.NOW, "u1")
    (found,) = outline(kind, sample)
    assert found[1] == ["bob@example.test"]
