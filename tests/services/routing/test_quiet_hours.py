"""Quiet hours in each person's time zone, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.routing import quiet_hours

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = [
    "Europe/Paris",
    "Australia/Lord_Howe",
    "America/New_York",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "UTC",
]


def person(zone: str, **fields: Any) -> Any:
    preference = SimpleNamespace(
        **{
            "quiet_enabled": True,
            "quiet_start": time(22),
            "quiet_end": time(7),
            "quiet_days": list(range(7)),
            "paused_until": None,
        }
        | fields
    )
    return SimpleNamespace(id=1, time_zone=zone, preference=preference)


def until(user: Any, instant: datetime) -> datetime | None:
    return quiet_hours.quiet_until(user, user.preference, instant)


def local(zone: str, text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "before", "after", "hours"),
    [
        # Shorter in spring, longer in autumn. Lord Howe changes by half an hour.
        ("Europe/Paris", "2026-03-28T22:00", "2026-03-29T07:00", 8),
        ("Europe/Paris", "2026-10-24T22:00", "2026-10-25T07:00", 10),
        ("Australia/Lord_Howe", "2026-10-03T22:00", "2026-10-04T07:00", 8.5),
        ("Australia/Lord_Howe", "2026-04-04T22:00", "2026-04-05T07:00", 9.5),
    ],
)
def test_quiet_hours_end_by_the_wall_clock_when_clocks_change(
    zone: str, before: str, after: str, hours: float
) -> None:
    user, start, end = person(zone), local(zone, before), local(zone, after)
    assert end - start == timedelta(hours=hours)
    assert until(user, start - timedelta(seconds=1)) is None
    for minutes in range(0, int(hours * 60), 5):
        assert until(user, start + timedelta(minutes=minutes)) == end
    assert until(user, end) is None


@pytest.mark.parametrize(
    ("zone", "night"), [("Europe/Paris", "2026-10-25"), ("Australia/Lord_Howe", "2026-04-05")]
)
def test_an_end_that_occurs_twice_is_the_later_one(zone: str, night: str) -> None:
    clock = "02:30" if zone == "Europe/Paris" else "01:45"
    user = person(zone, quiet_end=time.fromisoformat(clock))
    first, second = (local(zone, f"{night}T{clock}", fold) for fold in (0, 1))
    assert second > first
    assert until(user, first + timedelta(minutes=5)) == second


@pytest.mark.parametrize(
    ("zone", "night"), [("Europe/Paris", "2026-03-29"), ("Australia/Lord_Howe", "2026-10-04")]
)
def test_an_end_that_clocks_skip_is_not_early(zone: str, night: str) -> None:
    clock = "02:30" if zone == "Europe/Paris" else "02:15"
    user = person(zone, quiet_end=time.fromisoformat(clock))
    end = until(user, local(zone, f"{night}T00:30"))
    assert end is not None
    assert end.astimezone(ZoneInfo(zone)).time() > time.fromisoformat(clock)


def test_quiet_hours_belong_to_the_day_on_which_they_start() -> None:
    user = person("Europe/Paris", quiet_days=[4])  # Friday
    friday, saturday = "2026-11-27", "2026-11-28"
    assert until(user, local("Europe/Paris", f"{friday}T23:00")) == local("Europe/Paris", f"{saturday}T07:00")
    assert until(user, local("Europe/Paris", f"{saturday}T03:00")) == local(
        "Europe/Paris", f"{saturday}T07:00"
    )
    assert until(user, local("Europe/Paris", f"{friday}T03:00")) is None
    assert until(user, local("Europe/Paris", f"{saturday}T23:00")) is None


@given(
    zone=st.sampled_from(ZONES),
    start=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    end=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    days=st.sets(st.integers(0, 6)),
    instant=st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes)),
)
def test_quiet_hours_equal_a_simple_model_of_the_wall_clock(
    zone: str, start: time, end: time, days: set[int], instant: datetime
) -> None:
    """The model only knows the wall clock, so days around a clock change are left out."""
    if start == end:
        return
    user = person(zone, quiet_start=start, quiet_end=end, quiet_days=sorted(days))
    wall_clock = instant.astimezone(ZoneInfo(zone))
    offsets = {
        (wall_clock + timedelta(hours=n)).astimezone(UTC).astimezone(ZoneInfo(zone)).utcoffset()
        for n in range(-25, 26)
    }
    found = until(user, instant)
    if found is not None:
        assert found > instant
        assert until(user, found) is None or start < end
    if len(offsets) > 1:
        return
    now, today = wall_clock.time(), wall_clock.weekday()
    if start < end:
        expected = today in days and start <= now < end
    else:
        expected = (today in days and now >= start) or ((today - 1) % 7 in days and now < end)
    assert (found is not None) == expected
    if found is not None:
        assert found.astimezone(ZoneInfo(zone)).time() == end


def test_a_pause_that_ends_in_quiet_hours_is_extended() -> None:
    paused = local("Europe/Paris", "2026-11-27T23:30")
    user = person("Europe/Paris", paused_until=paused)
    held = quiet_hours.hold_until(user, user.preference, local("Europe/Paris", "2026-11-27T15:00"))
    assert held is not None
    assert held.reason == "quiet_hours"
    morning = local("Europe/Paris", "2026-11-28T07:00")
    assert morning <= held.until < morning + timedelta(seconds=quiet_hours.SPREAD_SECONDS)


def test_messages_to_many_people_are_spread_over_minutes() -> None:
    morning = local("Europe/Paris", "2026-11-28T07:00")
    ends = set()
    for number in range(1000):
        user = person("Europe/Paris")
        user.id = number
        held = quiet_hours.hold_until(user, user.preference, morning - timedelta(hours=3))
        assert held is not None
        assert timedelta(0) <= held.until - morning < timedelta(minutes=4)
        ends.add(held.until)
    assert len(ends) == quiet_hours.SPREAD_SECONDS


def test_the_spread_does_not_reach_the_next_quiet_hours() -> None:
    for number in range(240):
        user = person("Europe/Paris", quiet_start=time(0), quiet_end=time(23, 59))
        user.id = number
        held = quiet_hours.hold_until(user, user.preference, local("Europe/Paris", "2026-11-27T12:00"))
        assert held is not None
        assert until(user, held.until) is None
