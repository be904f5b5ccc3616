"""Dates in a reader's time zone and language."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask

from app.rendering import dates
from app.rendering.context import values_for
from app.rendering.interview_facts import InterviewDetails, interview_facts

SPANS = [
    # On one day.
    ("UTC", "2031-03-12T14:00Z", "2031-03-12T15:00Z", "Wednesday 12 March 2031, 14:00 to 15:00 (UTC)"),
    # Over midnight, for some readers only.
    (
        "UTC",
        "2031-03-12T23:00Z",
        "2031-03-13T00:30Z",
        "Wednesday 12 March 2031, 23:00 to Thursday 13 March 2031, 00:30 (UTC)",
    ),
    (
        "America/New_York",
        "2031-03-12T23:00Z",
        "2031-03-13T00:30Z",
        "Wednesday 12 March 2031, 19:00 to 20:30 (New York time)",
    ),
    (
        "Pacific/Apia",
        "2031-03-12T10:30Z",
        "2031-03-12T11:30Z",
        "Wednesday 12 March 2031, 23:30 to Thursday 13 March 2031, 00:30 (Apia time)",
    ),
    # Several days.
    (
        "Europe/Paris",
        "2030-03-11T07:00Z",
        "2030-03-13T15:00Z",
        "Monday 11 March 2030, 08:00 to Wednesday 13 March 2030, 16:00 (Paris time)",
    ),
    # The hour that comes twice: at the start and the end, at the start only, at the end only.
    (
        "Europe/Paris",
        "2027-10-31T00:30Z",
        "2027-10-31T01:30Z",
        "Sunday 31 October 2027, 02:30 CEST to 02:30 CET (Paris time)",
    ),
    (
        "Europe/Paris",
        "2027-10-31T01:30Z",
        "2027-10-31T02:30Z",
        "Sunday 31 October 2027, 02:30 CET to 03:30 (Paris time)",
    ),
    (
        "Europe/Paris",
        "2027-10-30T21:30Z",
        "2027-10-31T00:30Z",
        "Saturday 30 October 2027, 23:30 to Sunday 31 October 2027, 02:30 CEST (Paris time)",
    ),
    (
        "America/New_York",
        "2027-11-07T05:30Z",
        "2027-11-07T06:30Z",
        "Sunday 7 November 2027, 01:30 EDT to 01:30 EST (New York time)",
    ),
    (
        "Australia/Lord_Howe",
        "2027-04-03T14:45Z",
        "2027-04-03T15:15Z",
        "Sunday 4 April 2027, 01:45 UTC+11:00 to 01:45 UTC+10:30 (Lord Howe time)",
    ),
    (
        "Africa/Casablanca",
        "2027-02-07T01:30Z",
        "2027-02-07T02:30Z",
        "Sunday 7 February 2027, 02:30 UTC+01:00 to 02:30 UTC+00:00 (Casablanca time)",
    ),
    # Over the hour that does not exist.
    (
        "Europe/Paris",
        "2027-03-28T00:30Z",
        "2027-03-28T01:30Z",
        "Sunday 28 March 2027, 01:30 to 03:30 (Paris time)",
    ),
    (
        "Australia/Lord_Howe",
        "2027-10-02T15:15Z",
        "2027-10-02T15:45Z",
        "Sunday 3 October 2027, 01:45 to 02:45 (Lord Howe time)",
    ),
]


def details(start: str, end: str) -> InterviewDetails:
    begins, ends = datetime.fromisoformat(start), datetime.fromisoformat(end)
    return InterviewDetails("iv-1", begins, ends, "Priya Raman", "Staff Data Engineer", "Alder Robotics")


@pytest.mark.parametrize(("time_zone", "start", "end", "expected"), SPANS)
def test_a_span_says_another_day_and_which_of_two_equal_times(
    app: Flask, time_zone: str, start: str, end: str, expected: str
) -> None:
    with app.test_request_context():
        interview = details(start, end)
        assert dates.interval(interview.starts_at, interview.ends_at, time_zone, "en") == expected
        assert interview_facts(interview, time_zone, "en")[0].text == expected


@pytest.mark.parametrize(("time_zone", "start", "end", "expected"), SPANS)
def test_templates_say_the_end_if_it_is_another_day(
    app: Flask, time_zone: str, start: str, end: str, expected: str
) -> None:
    with app.test_request_context():
        data = {"starts_at": datetime.fromisoformat(start), "ends_at": datetime.fromisoformat(end)}
        values = values_for("interview_scheduled", data, time_zone, "en")
    day, _comma, rest = expected.partition(", ")
    times, _space, zone = rest.partition(" (")
    begins, _to, ends = times.partition(" to ")
    is_on_two_days = "," in ends
    assert values["interview_day"] == day
    assert values["interview_time"] == (times if is_on_two_days else begins)
    assert values["interview_date"] == (expected if is_on_two_days else f"{day} at {begins} ({zone}")


def test_an_interview_without_an_end_has_its_start(app: Flask) -> None:
    with app.test_request_context():
        data = {"starts_at": datetime.fromisoformat("2027-10-31T01:30Z")}
        values = values_for("interview_scheduled", data, "Europe/Paris", "en")
    assert values["interview_date"] == "Sunday 31 October 2027 at 02:30 CET (Paris time)"
