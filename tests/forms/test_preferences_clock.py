"""Times of day as people type them."""

from __future__ import annotations

import pytest

from app.forms.preferences import parse_clock


@pytest.mark.parametrize(
    ("typed", "clock"),
    [
        ("19:30", "19:30"),
        ("19:30:00", "19:30"),
        (" 7:05 ", "07:05"),
        ("7", "07:00"),
        ("1930", "19:30"),
        ("19.30", "19:30"),
        ("7:30 PM", "19:30"),
        ("7 p.m.", "19:00"),
        ("12 am", "00:00"),
        ("12:15pm", "12:15"),
        ("13 pm", "13 pm"),
        ("25:00", "25:00"),
        ("", ""),
        ("soon", "soon"),
    ],
)
def test_a_time_is_read_in_24_and_12_hours(typed: str, clock: str) -> None:
    assert parse_clock(typed) == clock
