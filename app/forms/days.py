"""Reads dates from query strings."""

from __future__ import annotations

from datetime import date


def parse_day(text: str) -> date:
    """Parse a date. Extreme years are refused because a time zone offset could leave the calendar.

    Raises:
        ValueError: it is not a date.
    """
    day = date.fromisoformat(text)
    if not 1970 <= day.year < 2200:
        raise ValueError(text)
    return day
