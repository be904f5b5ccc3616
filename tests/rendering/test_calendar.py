"""Calendar files as Outlook, Google and Apple read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from icalendar import Calendar

from app.rendering.calendar import build_calendar_file
from app.rendering.interview_facts import InterviewDetails

START = datetime(2030, 3, 11, 22, 30, tzinfo=UTC)
LINK = "https://meet.example.com/abc-defg?pwd=a,b;c&x=1"
INTERVIEW = InterviewDetails(
    "iv-1",
    START,
    START + timedelta(hours=1),
    "Zoë O'Brien, PhD; née 山田",
    "Staff Data Engineer",
    "Alder & Söhne",
    meeting_url=LINK,
    location="12 rue de l'Église, 2e étage; salle B\\C",
    interviewer="Jürgen",
)


def build(interview: InterviewDetails = INTERVIEW, **values: Any) -> bytes:
    arguments: dict[str, Any] = {
        "method": "REQUEST",
        "sequence": 2,
        "organizer": ("Bellhop, Inc.", "bellhop@example.com"),
        "attendee": ('Anna "Annie" Müller; HR', "anna@example.com"),
        "made_at": START - timedelta(days=3),
    }
    return build_calendar_file(interview, **arguments | values)


def parsed(file: bytes) -> tuple[Any, Any]:
    calendar = Calendar.from_ical(file)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


@pytest.fixture(autouse=True)
def _in_a_request(app: Flask) -> Any:
    with app.test_request_context():
        yield


def test_lines_are_folded_at_75_octets_and_end_in_crlf() -> None:
    file = build(replace(INTERVIEW, candidate_name="山田" * 60))
    assert file.endswith(b"\r\n")
    assert b"\n" not in file.replace(b"\r\n", b"")
    assert max(len(line) for line in file.split(b"\r\n")) <= 75
    file.decode()
    for line in file.split(b"\r\n"):
        line.decode()
    assert "山田" * 60 in parsed(file)[1]["summary"]


def test_texts_are_escaped_and_parsed_back_unchanged() -> None:
    file = build()
    assert r"PhD\; née".encode() in file.replace(b"\r\n ", b"")
    _calendar, event = parsed(file)
    assert event["summary"] == "Interview: Zoë O'Brien, PhD; née 山田, Staff Data Engineer"
    assert event["location"] == INTERVIEW.location
    assert f"Where: {INTERVIEW.location}" in event["description"].splitlines()


def test_the_link_is_where_each_calendar_expects_it() -> None:
    file = build()
    _calendar, event = parsed(file)
    assert event["description"].splitlines()[0] == f"Video call: {LINK}"
    assert event["url"] == LINK
    assert event["conference"] == LINK
    assert event["conference"].params["VALUE"] == "URI"
    assert event["x-google-conference"] == LINK
    assert f"X-GOOGLE-CONFERENCE:{LINK}".encode() in file.replace(b"\r\n ", b"")
    assert event["location"] != LINK


def test_without_a_place_the_link_is_the_place() -> None:
    _calendar, event = parsed(build(replace(INTERVIEW, location="")))
    assert event["location"] == LINK


def test_without_a_link_there_is_no_conference() -> None:
    _calendar, event = parsed(build(replace(INTERVIEW, meeting_url="")))
    assert not {"URL", "CONFERENCE", "X-GOOGLE-CONFERENCE"} & set(event)
    assert "Video call" not in event["description"]


@pytest.mark.parametrize(("method", "status"), [("REQUEST", "CONFIRMED"), ("CANCEL", "CANCELLED")])
def test_an_invitation_and_its_cancellation_have_what_calendars_require(method: str, status: str) -> None:
    calendar, event = parsed(build(method=method))
    assert (calendar["version"], calendar["method"], calendar["calscale"]) == ("2.0", method, "GREGORIAN")
    assert (event["status"], event["sequence"]) == (status, 2)
    assert event["uid"] == parsed(build())[1]["uid"]
    assert event["dtstamp"].dt == START - timedelta(days=3)
    assert event["organizer"] == "mailto:bellhop@example.com"
    assert event["organizer"].params["CN"] == "Bellhop, Inc."
    assert event["attendee"] == "mailto:anna@example.com"
    assert event["attendee"].params["CN"] == "Anna 'Annie' Müller; HR"
    assert event["attendee"].params["PARTSTAT"] == "NEEDS-ACTION"
    assert event["attendee"].params["ROLE"] == "REQ-PARTICIPANT"


@pytest.mark.parametrize("length", [timedelta(hours=3), timedelta(days=2, hours=8)])
def test_times_are_in_utc_for_any_duration(length: timedelta) -> None:
    paris = START.astimezone().replace(microsecond=0)
    file = build(replace(INTERVIEW, starts_at=paris, ends_at=paris + length))
    assert b"DTSTART:20300311T223000Z" in file
    _calendar, event = parsed(file)
    assert event["dtend"].dt - event["dtstart"].dt == length
