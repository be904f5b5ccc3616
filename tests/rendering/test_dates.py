"""Dates in a reader's time zone and language."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask

from app.rendering import dates


def test_an_interview_over_midnight_names_both_days(app: Flask) -> None:
    with app.test_request_context():
        text = dates.interval(
            datetime(2031, 3, 12, 23, 0, tzinfo=UTC), datetime(2031, 3, 13, 0, 30, tzinfo=UTC), "UTC", "en"
        )
    assert text == "Wednesday 12 March 2031, 23:00 to Thursday 13 March 2031, 00:30 (UTC)"
