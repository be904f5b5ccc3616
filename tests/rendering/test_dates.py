"""Dates in a reader's time zone and language."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.rendering import dates
from app.rendering.context import values_for
from app.rendering.interview_facts import FactsReader, InterviewDetails, facts_without_time, interview_facts

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
    # The hour that is repeated: at the start and the end, at the start only, at the end only.
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
    # Across the hour that is skipped.
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
def test_a_span_says_the_other_day_and_which_of_two_equal_times(
    app: Flask, time_zone: str, start: str, end: str, expected: str
) -> None:
    with app.test_request_context():
        interview = details(start, end)
        assert dates.interval(interview.starts_at, interview.ends_at, time_zone, "en") == expected


FACTS = [
    ("UTC", "2031-03-12T14:00Z", "2031-03-12T15:00Z", "Wed 12 Mar, 14:00\N{EN DASH}15:00"),
    ("UTC", "2030-12-31T23:30Z", "2031-01-01T00:30Z", "Tue 31 Dec 2030, 23:30 \N{EN DASH} Wed 1 Jan, 00:30"),
    ("Europe/Paris", "2031-10-26T00:30Z", "2031-10-26T01:30Z", "Sun 26 Oct, 02:30 CEST\N{EN DASH}02:30 CET"),
]


@pytest.mark.parametrize(("time_zone", "start", "end", "expected"), FACTS)
def test_facts_have_short_times_and_name_the_clock_where_it_is_not_the_readers_own(
    app: Flask, time_zone: str, start: str, end: str, expected: str
) -> None:
    now = datetime(2031, 6, 1, tzinfo=UTC)
    with app.test_request_context():
        interview = details(start, end)
        assert (
            interview_facts(interview, FactsReader(time_zone, "en", now, names_zone=False))[0].text
            == expected
        )
        in_mail = f"{expected} ({dates.zone_label(time_zone)})"
        assert interview_facts(interview, FactsReader(time_zone, "en", now))[0].text == in_mail


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("Room Birch, 3rd floor", ""),
        ("Room 1204, 3rd floor", ""),
        (
            "12 Rue de Rivoli, 75004 Paris",
            "https://www.openstreetmap.org/search?query=12%20Rue%20de%20Rivoli%2C%2075004%20Paris",
        ),
        (
            "10 Downing Street, London SW1A 2AA",
            "https://www.openstreetmap.org/search?query=10%20Downing%20Street%2C%20London%20SW1A%202AA",
        ),
        ("+49 30 901820", "tel:+4930901820"),
        ("Phone: +1 (555) 010-0199", "tel:+15550100199"),
        ("030 901820", "tel:030901820"),
    ],
)
def test_an_address_leads_to_a_map_and_a_number_to_a_call(app: Flask, location: str, url: str) -> None:
    with app.test_request_context():
        interview = replace(details("2031-03-12T14:00Z", "2031-03-12T15:00Z"), location=location)
        where = facts_without_time(interview)[0]
        assert (where.text, where.url) == (location, url)


def test_a_video_call_is_named_by_its_host(app: Flask) -> None:
    url = "https://www.meet.example.com/j/99?pwd=x"
    with app.test_request_context():
        interview = replace(details("2031-03-12T14:00Z", "2031-03-12T15:00Z"), meeting_url=url)
        call = facts_without_time(interview)[0]
        assert (call.label, call.text, call.url, call.plain) == ("Video call", "meet.example.com", url, url)


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


def test_times_below_the_heading_of_a_day_leave_out_what_it_says(app: Flask) -> None:
    start, end = datetime(2031, 3, 12, 23, 30, tzinfo=UTC), datetime(2031, 3, 13, 0, 30, tzinfo=UTC)
    with app.test_request_context():
        assert dates.times_below(start.date(), start, end, "UTC", "en") == "23:30\N{EN DASH}00:30"
        assert dates.times_below(end.date(), start, end, "UTC", "en") == "Wed 23:30\N{EN DASH}00:30"
        long = dates.times_below(start.date(), start, end + timedelta(days=1), "UTC", "en")
        assert long == "23:30 \N{EN DASH} Fri 14 Mar, 00:30"


def test_an_interview_without_an_end_has_its_start(app: Flask) -> None:
    with app.test_request_context():
        data = {"starts_at": datetime.fromisoformat("2027-10-31T01:30Z")}
        values = values_for("interview_scheduled", data, "Europe/Paris", "en")
    assert values["interview_date"] == "Sunday 31 October 2027 at 02:30 CET (Paris time)"


def test_a_reader_with_a_12_hour_clock_gets_times_in_its_form(app: Flask) -> None:
    start, end = datetime(2031, 3, 12, 11, 30, tzinfo=UTC), datetime(2031, 3, 12, 12, 5, tzinfo=UTC)
    with app.test_request_context():
        assert dates.short(start, "UTC", "en@h12", start) == "Wed 12 Mar 11:30 AM"
        assert dates.span(start, end, "UTC", "en@h12", start) == "Wed 12 Mar, 11:30 AM\N{EN DASH}12:05 PM"
        assert (
            dates.short_times(end, end + timedelta(hours=1), "UTC", "en@h12", start)
            == "12:05\N{EN DASH}1:05 PM"
        )
        assert dates.full(start, "UTC", "en@h12") == "Wednesday 12 March 2031 at 11:30 AM (UTC)"
        twice = datetime(2031, 10, 26, 0, 30, tzinfo=UTC)
        assert dates.clock(twice, "Europe/Paris", "en@h12") == "2:30 AM CEST"
        values = values_for("interview_scheduled", {"starts_at": start}, "UTC", "en@h12")
    assert (values["interview_time"], values["interview_day"]) == ("11:30 AM", "Wednesday 12 March 2031")
