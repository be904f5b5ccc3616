"""What calls become: each happening one notification, for the right people, in whatever order they arrive."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.database.base import db
from app.models import HiringJob, Interview, Notification, SourceCall, SourcePerson, User
from app.services.follows import management as follows
from app.services.sources import calls as source_calls
from app.services.sources import connections, mapping, people
from tests.support import factories
from tests.support import source_calls as shapes
from tests.support.source_calls import NOW, ORDINARY, PINGS, START, UNKNOWN
from tests.support.sources import KEY, call, connect, inbox, map_all, outcome

KINDS = sorted(ORDINARY)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "lever"])
def test_a_call_notifies_the_people_it_names_once(
    app: Flask, kind: str, alice: User, bob: User, charlie: User
) -> None:
    source = connect(kind, bob)
    first = call(source, ORDINARY[kind], unique="same")
    again = call(source, ORDINARY[kind], unique="same")
    assert first is not None
    assert again is not None
    assert first.id == again.id
    assert inbox(alice) == []
    map_all()
    assert outcome(first) == ("mapped", "notified")
    ((_type, title),) = inbox(alice)
    assert "Priya Raman" in title
    source_calls.replay(source.id, first.id, actor=bob, now=NOW)
    map_all()
    assert outcome(first) in {("mapped", "published_before"), ("ignored", "no_change")}
    assert len(inbox(alice)) == 1
    assert inbox(charlie) == inbox(bob) == []


def test_a_captured_greenhouse_call_notifies_no_one_again(app: Flask, alice: User, bob: User) -> None:
    """Its signature does not cover the header with the id, so the same body may come with another one."""
    source = connect("greenhouse", bob)
    documents = [
        ORDINARY["greenhouse"],
        shapes.greenhouse_job(),
        {"action": "offer_created", "payload": {"candidate_id": 501, "job_id": 3, "application_id": 1}},
    ]
    for document in documents:
        first = call(source, document, unique="first")
        again = call(source, document, unique="captured")
        map_all()
        assert outcome(first)[0] == outcome(again)[0]
        told = len(inbox(alice))
        later = call(source, document, unique="captured again", now=NOW + timedelta(days=300))
        map_all(NOW + timedelta(days=300, minutes=1))
        assert len(inbox(alice)) == told
        assert outcome(later) != ("mapped", "notified")
    moved_on = shapes.greenhouse_application(at=NOW + MINUTE)
    assert call(source, moved_on, unique="second") is not None
    before = len(inbox(alice))
    map_all()
    assert len(inbox(alice)) == before + 1


@pytest.mark.parametrize("kind", KINDS)
def test_pings_and_unknown_actions_are_stored_and_notify_no_one(
    app: Flask, kind: str, alice: User, bob: User
) -> None:
    source = connect(kind, bob)
    if kind in PINGS:
        assert outcome(call(source, PINGS[kind])) == ("ignored", "ping")
    unknown = call(source, UNKNOWN[kind])
    map_all()
    assert outcome(unknown) == ("ignored", "no_event")
    assert inbox(alice) == []


def test_an_ashby_interview_is_one_interview_through_its_moves(app: Flask, alice: User, bob: User) -> None:
    source = connect("ashby", bob)
    call(source, shapes.ashby_interview(action="interviewScheduleCreate"))
    call(source, shapes.ashby_interview())
    map_all()
    assert inbox(alice) == [("interview_scheduled", "Interview Scheduled for a candidate")]
    interview = db.session.scalars(select(Interview)).one()
    assert (interview.job_title, interview.company_name) == ("Technical interview", "Alder Robotics")
    # The names come with the application, later.
    call(source, shapes.ashby_application("applicationUpdate"))
    map_all()
    db.session.refresh(interview)
    assert (interview.candidate_name, interview.job_title) == ("Priya Raman", "Staff Data Engineer")
    for number, hours in enumerate((2, 5), 1):
        moved = shapes.ashby_interview(hours=hours, happening=f"m{number}", updated=NOW + number * MINUTE)
        call(source, moved, now=NOW + number * MINUTE)
    map_all(NOW + 5 * MINUTE)
    db.session.refresh(interview)
    assert (interview.starts_at, interview.sequence) == (START + timedelta(hours=5), 2)
    cancelled = shapes.ashby_interview("Cancelled", happening="c", updated=NOW + 6 * MINUTE)
    cancelled["data"]["interviewSchedule"]["interviewEvents"] = []
    call(source, cancelled, now=NOW + 6 * MINUTE)
    map_all(NOW + 8 * MINUTE)
    db.session.refresh(interview)
    assert (interview.status, interview.sequence) == ("cancelled", 3)
    assert inbox(alice)[1:] == [
        ("interview_rescheduled", "Priya Raman: interview moved"),
        ("interview_rescheduled", "Priya Raman: interview moved"),
        ("interview_cancelled", "Priya Raman: interview cancelled"),
    ]
    assert db.session.scalars(select(Interview)).one() is interview


@pytest.mark.parametrize("status", ["Scheduled", "NeedsScheduling", "Cancelled"])
def test_an_ashby_interview_that_its_schedule_no_longer_names_was_cancelled(
    app: Flask, alice: User, bob: User, status: str
) -> None:
    source = connect("ashby", bob)
    both = shapes.ashby_interview()
    (first,) = both["data"]["interviewSchedule"]["interviewEvents"]
    both["data"]["interviewSchedule"]["interviewEvents"].append(first | {"id": "interview-2"})
    call(source, both)
    map_all()
    for number in (1, 2):
        fewer = shapes.ashby_interview(status, happening=f"f{number}", updated=NOW + number * MINUTE)
        if status != "Scheduled":
            fewer["data"]["interviewSchedule"]["interviewEvents"] = []
        call(source, fewer, now=NOW + number * MINUTE)
    # An older call that arrives late does not know of interviews that were added since.
    late = shapes.ashby_interview(happening="late", updated=NOW - MINUTE)
    late["data"]["interviewSchedule"]["interviewEvents"] = []
    call(source, late, now=NOW + 3 * MINUTE)
    map_all(NOW + 5 * MINUTE)
    stored = dict(db.session.execute(select(Interview.external_id, Interview.status)).all())
    ended = "scheduled" if status == "Scheduled" else "cancelled"
    assert {name[-1]: found for name, found in stored.items()} == {"1": ended, "2": "cancelled"}
    cancelled = [kind for kind, _title in inbox(alice)].count("interview_cancelled")
    assert cancelled == list(stored.values()).count("cancelled")


@pytest.mark.parametrize("kind", ["calcom", "calendly"])
def test_a_moved_booking_is_one_move_of_the_same_interview(
    app: Flask, kind: str, alice: User, bob: User
) -> None:
    source = connect(kind, bob)
    if kind == "calcom":
        booked = shapes.calcom_booking(uid="a")
        moves = [
            [
                shapes.calcom_booking("BOOKING_CANCELLED", old, created=NOW + number * MINUTE),
                shapes.calcom_booking(
                    "BOOKING_RESCHEDULED", new, number, former=old, created=NOW + number * MINUTE
                ),
            ]
            for number, (old, new) in enumerate(("ab", "bc"), 1)
        ]
        end = shapes.calcom_booking("BOOKING_CANCELLED", "c", 2, created=NOW + 4 * MINUTE)
    else:
        booked = shapes.calendly_invitee(uri="a")
        moves = [
            [
                shapes.calendly_invitee(
                    "invitee.canceled", old, rescheduled=True, created=NOW + number * MINUTE
                ),
                shapes.calendly_invitee(uri=new, hours=number, old=old, created=NOW + number * MINUTE),
            ]
            for number, (old, new) in enumerate(("ab", "bc"), 1)
        ]
        end = shapes.calendly_invitee("invitee.canceled", "c", 2, created=NOW + 4 * MINUTE)
    call(source, booked)
    map_all()
    for number, pair in enumerate(moves, 1):
        found = [call(source, document, now=NOW + number * MINUTE) for document in pair]
        map_all(NOW + (number + 1) * MINUTE)
        assert outcome(found[0]) == ("ignored", "part_of_move")
        assert outcome(found[1]) == ("mapped", "notified")
    call(source, end, now=NOW + 4 * MINUTE)
    map_all(NOW + 5 * MINUTE)
    interview = db.session.scalars(select(Interview)).one()
    assert (interview.status, interview.sequence, interview.starts_at) == (
        "cancelled",
        3,
        START + timedelta(hours=2),
    )
    types = ["interview_scheduled", "interview_rescheduled", "interview_rescheduled", "interview_cancelled"]
    assert [name for name, _title in inbox(alice)] == types


def test_people_are_matched_by_an_admin_and_their_calls_mapped_again(
    app: Flask, alice: User, bob: User, charlie: User
) -> None:
    source = connect("greenhouse", bob)
    job = call(source, shapes.greenhouse_job())
    map_all()
    # It names people, so it does not go to everyone.
    assert outcome(job) == ("unmapped_people", "no_accounts")
    assert job is not None
    assert source_calls.describe(job).verdict == "No account found for 84, 85"
    manager, other = sorted(people.unmatched(source), key=lambda person: person.external)
    people.dismiss(source.id, other.id, actor=bob)
    assert people.set_user(source.id, manager.id, "ALICE@example.test", actor=bob, now=NOW) == 1
    map_all()
    assert outcome(job) == ("mapped", "notified")
    assert inbox(alice) == [("job_created", "New job: Staff Data Engineer")]
    assert inbox(charlie) == []
    assert people.unmatched(source) == []
    assert [person.user for person in people.matched(source)] == [alice]
    people.set_user(source.id, manager.id, "", actor=bob)
    assert people.matched(source) == []


def test_unknown_people_are_suggested_by_name_and_drop_out_once_they_have_an_account(
    app: Flask, alice: User, bob: User
) -> None:
    source = connect("greenhouse", bob)
    found = call(source, shapes.greenhouse_application(recruiter="a.moreau@other.example"))
    map_all()
    assert outcome(found) == ("unmapped_people", "no_accounts")
    waiting = people.unmatched(source)
    assert people.suggestions(waiting) == {waiting[0].id: [alice]}
    factories.user("a.moreau@other.example")
    assert people.unmatched(source) == []


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("greenhouse", shapes.greenhouse_application("new_candidate_application", private=True)),
        ("greenhouse", shapes.greenhouse_job(confidential=True)),
        (
            "ashby",
            {"action": "jobCreate", "data": {"job": {"id": "j", "title": "CEO", "confidential": True}}},
        ),
        ("ashby", shapes.ashby_application("applicationSubmit", team=(), confidential=True)),
        (
            "standard",
            {
                "type": "job.created",
                "data": {"job_title": "CEO", "company_name": "Alder", "is_confidential": True},
            },
        ),
    ],
)
def test_what_is_confidential_never_reaches_everyone(
    app: Flask, kind: str, document: dict[str, Any], bob: User, charlie: User
) -> None:
    found = call(connect(kind, bob), document)
    map_all()
    assert outcome(found)[0] == "unmapped_people"
    assert inbox(charlie) == []


def test_followers_of_a_candidate_get_their_interviews_and_join_no_hiring_team(
    app: Flask, alice: User, bob: User, charlie: User
) -> None:
    follows.set_mode(charlie, "candidate:candidate-1", "follow")
    source = connect("ashby", bob)
    call(source, shapes.ashby_interview())
    map_all()
    assert [name for name, _title in inbox(charlie)] == ["interview_scheduled"]
    assert [name for name, _title in inbox(alice)] == ["interview_scheduled"]
    assert [job.team for job in db.session.scalars(select(HiringJob))] in ([], [[]])


def test_an_announcement_that_names_no_one_goes_to_all_recruiters(app: Flask, alice: User, bob: User) -> None:
    source = connect("lever", bob)
    document = shapes.lever_call("applicationCreated")
    del document["data"]["userId"]
    found = call(source, document)
    map_all()
    assert outcome(found) == ("mapped", "notified")
    assert inbox(alice) == [("candidate_added", "a candidate: new candidate")]


def test_a_confidential_job_that_is_known_keeps_its_later_calls_confidential(
    app: Flask, alice: User, bob: User, charlie: User
) -> None:
    source = connect("ashby", bob)
    job = {"id": "job-1", "title": "CEO", "confidential": True, "hiringTeam": [{"email": alice.email}]}
    call(source, {"webhookActionId": "j", "action": "jobCreate", "data": {"job": job}})
    call(source, shapes.ashby_application("applicationSubmit", team=()))
    map_all()
    # The second names no team, so that of the job counts.
    assert [name for name, _title in inbox(alice)] == ["job_created", "candidate_added"]
    assert inbox(charlie) == []
    assert all(row.is_confidential for row in db.session.scalars(select(Notification)))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "not_json"),
        (b"[1]", "not_json"),
        (b'{"a":[' + b"1," * 60_000 + b"1]}", "too_many_values"),
    ],
)
def test_a_signed_body_that_cannot_be_read_is_stored_and_says_why(
    app: Flask, bob: User, body: bytes, reason: str
) -> None:
    source = connect("ashby", bob)
    assert outcome(call(source, body)) == ("failed", reason)


def test_a_call_that_breaks_the_mapping_does_not_stop_the_others(
    app: Flask, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, bad = connect("standard", bob), shapes.standard_event(candidate_name="x" * 300)
    invalid, good = call(source, bad), call(source, shapes.standard_event())
    broken = call(source, shapes.standard_event("interview.scheduled"), now=NOW - MINUTE)
    monkeypatch.setattr(mapping.interviews, "decide", lambda *_args: 1 / 0)
    map_all()
    assert outcome(broken) == ("failed", "broken")
    assert outcome(invalid) == ("failed", "invalid")
    assert outcome(good) == ("mapped", "notified")
    assert invalid is not None
    assert (
        source_calls.describe(invalid).verdict == "data.candidate_name: This is longer than 255 characters."
    )


def test_names_that_no_database_can_store_lose_only_those_characters(
    any_app: Flask,
) -> None:
    alice, bob = factories.user("alice@example.test"), factories.user("bob@example.test", role="admin")
    found = call(connect("calcom", bob), shapes.calcom_booking(name="Pri\x00ya \ud800Raman"))
    map_all()
    assert outcome(found) == ("mapped", "notified")
    assert inbox(alice) == [("interview_scheduled", "Interview Scheduled for Priya Raman")]


def test_calls_of_a_paused_source_are_stored_and_can_be_replayed(app: Flask, alice: User, bob: User) -> None:
    source = connect("ashby", bob)
    connections.change(source.id, actor=bob, secret=KEY, is_paused=True)
    found = call(source, ORDINARY["ashby"])
    map_all()
    assert outcome(found) == ("ignored", "paused")
    connections.change(source.id, actor=bob, secret=KEY, is_paused=False)
    assert found is not None
    source_calls.replay(source.id, found.id, actor=bob, now=NOW)
    map_all()
    assert outcome(found) == ("mapped", "notified")


def day_of_calls(count: int) -> list[tuple[str, dict[str, Any]]]:
    """Bookings that move and are cancelled, and candidates who move on, from three systems."""
    found: list[tuple[str, dict[str, Any]]] = []
    for number in range(count // 10):
        at = NOW + number * 10 * MINUTE
        uid, person = f"b{number}", f"Candidate {number}"
        who: dict[str, Any] = {"name": person}
        one: dict[str, Any] = {"number": number}
        moved = f"{uid}-2"
        found += [
            ("calcom", document)
            for document in (
                shapes.calcom_booking(uid=uid, created=at, **who),
                shapes.calcom_booking("BOOKING_RESCHEDULED", moved, 2, former=uid, created=at + MINUTE),
                shapes.calcom_booking("BOOKING_CANCELLED", moved, 2, created=at + 2 * MINUTE),
            )
        ]
        found += [
            ("ashby", document)
            for document in (
                shapes.ashby_application(
                    "applicationSubmit", happening=f"n{number}", updated=at, **who, **one
                ),
                shapes.ashby_interview(happening=f"i{number}", updated=at + MINUTE, **one),
                shapes.ashby_interview(
                    happening=f"i{number}", updated=at + MINUTE, action="interviewScheduleCreate", **one
                ),
                shapes.ashby_interview(hours=3, happening=f"m{number}", updated=at + 2 * MINUTE, **one),
            )
        ]
        found += [
            ("greenhouse", document)
            for document in (
                shapes.greenhouse_application("new_candidate_application", first=person, at=at, **one),
                shapes.greenhouse_application(first=person, at=at + MINUTE, **one),
                shapes.greenhouse_application("hire_candidate", first=person, at=at + 2 * MINUTE, **one),
            )
        ]
    return found


@pytest.mark.parametrize("count", [20, pytest.param(5000, marks=pytest.mark.long)])
def test_calls_in_any_order_and_repeated_give_the_same_inboxes(
    app: Flask, alice: User, bob: User, count: int
) -> None:
    chance = random.Random(7)
    documents = list(enumerate(day_of_calls(count)))
    inboxes = []
    for is_shuffled in (False, True):
        sources = {kind: connect(kind, bob) for kind in ("calcom", "ashby", "greenhouse")}
        sent = documents + (chance.choices(documents, k=count // 4) if is_shuffled else [])
        if is_shuffled:
            chance.shuffle(sent)
        later = NOW + timedelta(days=30)
        for place, (kind, document) in sent:
            call(sources[kind], document, now=later, unique=f"c{place}")
        map_all(later + MINUTE)
        inboxes.append(sorted(inbox(alice)[sum(map(len, inboxes)) :]))
        assert db.session.scalars(select(SourceCall).where(SourceCall.state == "failed")).all() == []
        assert db.session.scalars(select(SourcePerson)).all() == []
    assert inboxes[0] == inboxes[1]
    assert len(inboxes[0]) == count // 10 * 9
