"""Hypothesis strategies for preferences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from app import catalog

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 120 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))
BEFORE = FIRST - timedelta(minutes=1)
CLOCKS = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.integers(0, 59))
CELLS = st.dictionaries(
    st.sampled_from(list(catalog.CATEGORIES)),
    st.dictionaries(st.sampled_from(tuple(catalog.CHANNELS)), st.booleans()),
)
SWITCHES = st.fixed_dictionaries(
    {},
    optional={
        **{f"{channel}_enabled": st.booleans() for channel in catalog.CHANNELS},
        **{f"{category}_notifications": st.booleans() for category in catalog.CATEGORIES},
        "daily_digest": st.booleans(),
        "matrix": CELLS,
        "email_delay_minutes": st.sampled_from([0, 5, 15, 60]),
        "time_zone": st.sampled_from(
            ["Europe/Paris", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
        ),
        "paused_until": st.one_of(
            st.none(),
            INSTANTS.map(datetime.isoformat),
        ),
    },
)
QUIET = st.builds(
    lambda on, start, end, days: {"enabled": on, "start": start, "end": end, "days": sorted(days)},
    st.booleans(),
    CLOCKS,
    CLOCKS,
    st.sets(st.integers(0, 6)),
).filter(lambda quiet: quiet["start"] != quiet["end"])
