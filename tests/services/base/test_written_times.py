"""Days and times as people write them, on their own clock and in their own language."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from app.rendering.dates import zone
from app.services.base.written_times import parse_moment, parse_period

# A Thursday, 10:00 in Paris.
NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
PARIS = "Europe/Paris"


def moment(text: str, locale: str = "en", **options: datetime) -> str | None:
    found = parse_moment(text, PARIS, locale, NOW, **options)
    return f"{found.astimezone(zone(PARIS)):%a %d %b %Y %H:%M}" if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fri 9", "Fri 13 Mar 2026 09:00"),
        ("Thu 14:20", "Thu 19 Mar 2026 14:20"),
        ("thu14:20", "Thu 19 Mar 2026 14:20"),
        ("th 1420", "Thu 19 Mar 2026 14:20"),
        ("3 dec 930", "Thu 03 Dec 2026 09:30"),
        ("14:20 tue", "Tue 17 Mar 2026 14:20"),
        ("friday at noon", "Fri 13 Mar 2026 12:00"),
        ("monday", "Mon 16 Mar 2026 09:00"),
        ("next monday 10.30", "Mon 16 Mar 2026 10:30"),
        ("next friday", "Fri 20 Mar 2026 09:00"),
        ("in 2h", "Thu 12 Mar 2026 12:00"),
        ("90 min", "Thu 12 Mar 2026 11:30"),
        ("in a week", "Thu 19 Mar 2026 10:00"),
        ("in 1 month", "Sun 12 Apr 2026 10:00"),
        ("tomorrow", "Fri 13 Mar 2026 09:00"),
        ("tmr 8", "Fri 13 Mar 2026 08:00"),
        ("tomorrow evening", "Fri 13 Mar 2026 18:00"),
        ("this evening", "Thu 12 Mar 2026 18:00"),
        ("tonight", "Thu 12 Mar 2026 18:00"),
        ("9", "Fri 13 Mar 2026 09:00"),
        ("3pm", "Thu 12 Mar 2026 15:00"),
        ("12 am", "Fri 13 Mar 2026 00:00"),
        ("next week", "Mon 16 Mar 2026 09:00"),
        ("3 dec 15:30", "Thu 03 Dec 2026 15:30"),
        ("march 3", "Wed 03 Mar 2027 09:00"),
        ("2026-12-24 10:00", "Thu 24 Dec 2026 10:00"),
        # The clocks skip this time.
        ("2026-03-29 02:30", "Sun 29 Mar 2026 03:30"),
    ],
)
def test_a_moment_is_read_as_people_write_it(text: str, expected: str) -> None:
    assert moment(text) == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "fri 25", "31 feb", "fri fri", "13pm", "in 99999999 weeks", "9 9", ".."]
)
def test_other_text_is_no_moment(text: str) -> None:
    assert moment(text) is None


def test_a_text_of_two_megabytes_is_refused_at_once() -> None:
    started = time.process_time()
    assert moment("\ufdfa" * 600_000) is None
    assert time.process_time() - started < 2


def test_a_moment_may_be_before_the_interview() -> None:
    starts = NOW + timedelta(days=3)
    assert moment("1h before the interview", event_starts_at=starts) == "Sun 15 Mar 2026 09:00"
    assert moment("2 days before interview", event_starts_at=starts) == "Fri 13 Mar 2026 10:00"
    assert moment("before the interview", event_starts_at=starts) == "Sun 15 Mar 2026 09:00"
    assert moment("1h before the interview") is None


def test_names_of_days_are_those_of_the_reader() -> None:
    assert (
        moment("vendredi 9", "fr") == moment("Fr 9", "de") == moment("fri 9", "de") == "Fri 13 Mar 2026 09:00"
    )
    assert moment("3 décembre", "fr") == moment("3 decembre", "fr") == "Thu 03 Dec 2026 09:00"
    assert moment("vendredi 9", "en") is None


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("today", "2026-03-12", "2026-03-13"),
        ("yesterday", "2026-03-11", "2026-03-12"),
        ("2026-01-31", "2026-01-31", "2026-02-01"),
        ("2d", "2026-03-10", "2026-03-11"),
        ("3w", "2026-02-19", "2026-02-20"),
        ("3 weeks ago", "2026-02-19", "2026-02-20"),
        ("1mo", "2026-02-12", "2026-02-13"),
        ("monday", "2026-03-09", "2026-03-10"),
        ("thursday", "2026-03-12", "2026-03-13"),
        ("last thursday", "2026-03-05", "2026-03-06"),
        ("last week", "2026-03-02", "2026-03-09"),
        ("this week", "2026-03-09", "2026-03-16"),
        ("last month", "2026-02-01", "2026-03-01"),
        ("last year", "2025-01-01", "2026-01-01"),
        ("november", "2025-11-01", "2025-12-01"),
        ("march", "2026-03-01", "2026-04-01"),
        ("12 nov", "2025-11-12", "2025-11-13"),
        ("nov 2024", "2024-11-01", "2024-12-01"),
        ("2024", "2024-01-01", "2025-01-01"),
    ],
)
def test_a_period_has_its_first_day_and_an_end(text: str, first: str, end: str) -> None:
    found = parse_period(text, PARIS, "en", NOW)
    assert found is not None
    assert [day.isoformat() for day in found] == [first, end]


@pytest.mark.parametrize(
    "text", ["", "5", "3h", "soon", "31 feb", "99999w", "9999-99-99", "nov dec", "0001-01-01 x"]
)
def test_other_text_is_no_period(text: str) -> None:
    assert parse_period(text, PARIS, "en", NOW) is None
