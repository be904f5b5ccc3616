"""When digests are due, over years and in unusual time zones. Uses no database."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog import DAILY_DIGEST, WEEKLY_SUMMARY
from app.services.base.local_time import at_hour
from app.services.digests.settle import MIN_GAP, due_date
from tests.support.time_zones import ZONES

QUARTER = timedelta(minutes=15)


def run(
    kind: str,
    zones: list[tuple[datetime, str]],
    start: datetime,
    end: datetime,
    hour: int = 8,
    step: timedelta = QUARTER,
    down: tuple[datetime, datetime] | None = None,
) -> list[tuple[date, datetime]]:
    """Run the job at every step; return the settled dates and when.

    Args:
        zones: the time zones of a traveller, each with when it begins.
        down: when the job does not run.
    """
    settled: list[tuple[date, datetime]] = []
    now = start
    while now < end:
        zone = [name for since, name in zones if since <= now][-1]
        if not (down and down[0] <= now < down[1]):
            last, last_at = settled[-1] if settled else (None, None)
            if (day := due_date(kind, hour, zone, now, last=last, last_at=last_at)) is not None:
                settled.append((day, now))
        now += step
    return settled


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 2, 8, 23])
def test_there_is_one_digest_each_local_date_at_the_digest_hour(zone: str, hour: int) -> None:
    """In 2018 Brazil and Samoa still had summer time, so every zone with clock changes has two."""
    start = at_hour(date(2018, 1, 1), 0, zone)
    settled = run(DAILY_DIGEST, [(start, zone)], start, at_hour(date(2020, 1, 1), 0, zone), hour)
    assert [day for day, _ in settled] == [date(2018, 1, 1) + timedelta(days=n) for n in range(730)]
    for day, at in settled:
        local = at.astimezone(ZoneInfo(zone))
        assert local.date() == day
        # If the clocks skip the hour, it is due as soon as they have changed.
        assert (local.hour, local.minute) == (hour, 0) or at_hour(day, hour, zone) <= at < at_hour(
            day, hour, zone
        ) + QUARTER


@pytest.mark.parametrize("zone", ZONES)
def test_there_is_one_summary_each_monday(zone: str) -> None:
    start = at_hour(date(2018, 1, 1), 0, zone)
    settled = run(WEEKLY_SUMMARY, [(start, zone)], start, start + timedelta(days=730))
    assert [day for day, _ in settled] == [date(2018, 1, 1) + timedelta(days=7 * n) for n in range(105)]
    assert {at.astimezone(ZoneInfo(zone)).weekday() for _, at in settled} == {0}


def test_a_date_that_a_time_zone_skipped_has_no_digest() -> None:
    """Samoa skipped 30 December 2011."""
    start = at_hour(date(2011, 12, 28), 0, "Pacific/Apia")
    settled = run(DAILY_DIGEST, [(start, "Pacific/Apia")], start, start + timedelta(days=3))
    assert [day.day for day, _ in settled] == [28, 29, 31]


def test_an_hour_that_the_clocks_skip_before_midnight_is_due_an_hour_earlier() -> None:
    """In Greenland 27 March 2027 ends at 23:00."""
    start, nuuk = at_hour(date(2027, 3, 26), 0, "America/Nuuk"), ZoneInfo("America/Nuuk")
    settled = run(DAILY_DIGEST, [(start, "America/Nuuk")], start, start + timedelta(days=3), hour=23)
    assert [(day.day, at.astimezone(nuuk).hour) for day, at in settled] == [(26, 23), (27, 22), (28, 23)]


def test_after_an_outage_of_three_days_one_digest_is_due_at_once() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    down = (datetime(2026, 3, 10, 5, tzinfo=UTC), datetime(2026, 3, 13, 10, tzinfo=UTC))
    settled = run(DAILY_DIGEST, [(start, "Europe/Paris")], start, start + timedelta(days=20), down=down)
    assert [day.day for day, _ in settled] == [*range(1, 10), *range(13, 21)]
    assert dict(settled)[date(2026, 3, 13)] == down[1]


@pytest.mark.parametrize(("back_on", "comes"), [(9, True), (12, True), (14, True), (15, False)])
def test_a_summary_missed_on_monday_is_due_until_saturday(back_on: int, comes: bool) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    down = (datetime(2026, 3, 9, 1, tzinfo=UTC), datetime(2026, 3, back_on, 12, tzinfo=UTC))
    settled = run(WEEKLY_SUMMARY, [(start, "UTC")], start, start + timedelta(days=22), down=down)
    assert (date(2026, 3, 9) in dict(settled)) is comes
    assert date(2026, 3, 16) in dict(settled)


def test_after_an_outage_of_two_weeks_one_late_summary_is_due() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    down = (datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 19, 12, tzinfo=UTC))
    settled = run(WEEKLY_SUMMARY, [(start, "UTC")], start, start + timedelta(days=29), down=down)
    assert [day.day for day, _ in settled] == [2, 16, 23]


def test_the_first_summary_is_due_on_a_monday() -> None:
    start = datetime(2026, 3, 10, tzinfo=UTC)
    assert run(WEEKLY_SUMMARY, [(start, "UTC")], start, start + timedelta(days=9))[0][0] == date(2026, 3, 16)


@given(
    moves=st.lists(
        st.tuples(st.integers(24, 90), st.sampled_from((*ZONES, "Pacific/Honolulu", "Asia/Tokyo"))),
        max_size=6,
    ),
    hour=st.integers(0, 23),
)
def test_travellers_get_one_digest_a_date_and_hours_apart(moves: list[tuple[int, str]], hour: int) -> None:
    """Each move is the hours since the one before, and the next time zone."""
    start = datetime(2026, 3, 25, tzinfo=UTC)
    hours = itertools.accumulate(after for after, _zone in moves)
    zones = [(start, "Europe/Paris")]
    zones += [(start + timedelta(hours=at), zone) for at, (_after, zone) in zip(hours, moves, strict=True)]
    settled = run(DAILY_DIGEST, zones, start, start + timedelta(days=28), hour)
    days = [day for day, _ in settled]
    assert days == sorted(set(days))
    gaps = [later - earlier for (_, earlier), (_, later) in itertools.pairwise(settled)]
    assert all(gap >= MIN_GAP for gap in gaps)
    # Not even those who cross the date line every day wait longer.
    assert all(gap <= timedelta(days=3) for gap in gaps)
