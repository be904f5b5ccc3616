from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import force_locale
from flask_login import login_user

from app.database.base import db
from app.models import User
from app.views.web import datetime_filters

NOW = datetime(2026, 2, 26, 10, 42, tzinfo=UTC)  # a Thursday


@pytest.mark.parametrize(
    ("instant", "short", "long"),
    [
        (datetime(2026, 2, 26, 10, 41, 30, tzinfo=UTC), "now", "just now"),
        (datetime(2026, 2, 26, 10, 38, tzinfo=UTC), "4m", "4 minutes ago"),
        (datetime(2026, 2, 26, 9, 40, tzinfo=UTC), "1h", "1 hour ago"),
        (datetime(2026, 2, 25, 17, 12, tzinfo=UTC), "17:12", "Wednesday 25 February at 17:12"),
        (datetime(2026, 2, 23, 16, 48, tzinfo=UTC), "Mon", "Monday 23 February at 16:48"),
        (datetime(2026, 2, 12, 9, 0, tzinfo=UTC), "12 Feb", "Thursday 12 February at 09:00"),
        (datetime(2025, 12, 1, 9, 0, tzinfo=UTC), "Dec 2025", "Monday 1 December 2025 at 09:00"),
    ],
)
def test_a_rows_time_gets_coarser_with_age(app: Flask, instant: datetime, short: str, long: str) -> None:
    with app.test_request_context():
        assert (datetime_filters.short_time(instant, NOW), datetime_filters.long_time(instant, NOW)) == (
            short,
            long,
        )


def test_days_begin_at_the_readers_midnight(app: Flask, alice: User) -> None:
    alice.time_zone = "Pacific/Auckland"
    db.session.commit()
    with app.test_request_context():
        login_user(alice)
        # 10:30 UTC is half past eleven at night there; an hour later it is the next day.
        assert datetime_filters.short_time(datetime(2026, 2, 25, 10, 30, tzinfo=UTC), NOW) == "23:30"
        assert datetime_filters.exact_time(datetime(2026, 2, 25, 11, 30, 7, tzinfo=UTC)) == "26 Feb 00:30:07"
        assert datetime_filters.short_time(datetime(2026, 2, 25, 11, 30, tzinfo=UTC), NOW) == "23h"


@pytest.mark.parametrize(
    ("day", "head"),
    [
        (date(2026, 2, 26), ("Today", "Thursday 26 February")),
        (date(2026, 2, 25), ("Yesterday", "Wednesday 25 February")),
        (date(2026, 2, 23), ("Monday", "23 February")),
        (date(2026, 2, 12), ("12 February", "Thursday")),
        (date(2025, 2, 12), ("12 February 2025", "Wednesday")),
    ],
)
def test_the_heading_of_a_day_repeats_nothing(app: Flask, day: date, head: tuple[str, str]) -> None:
    with app.test_request_context():
        assert (datetime_filters.day_name(day, NOW), datetime_filters.day_note(day, NOW)) == head


def test_a_constant_time_has_the_form_of_each_reader(app: Flask) -> None:
    with app.test_request_context(), force_locale("en@h12"):
        template = app.jinja_env.from_string('{{ "14:20"|time_of_day }}')
        assert template.render() == "2:20 PM"
    with app.test_request_context(), force_locale("en@h23"):
        assert template.render() == "14:20"


def test_names_follow_the_readers_language(app: Flask) -> None:
    with app.test_request_context(), force_locale("fr"):
        assert datetime_filters.short_time(datetime(2026, 2, 23, 9, 0, tzinfo=UTC), NOW) == "lun."
        assert datetime_filters.full_day(datetime(2026, 2, 23, tzinfo=UTC).date(), NOW) == "lundi 23 février"


@pytest.mark.parametrize(("instant", "name"), [("2027-10-31T00:30Z", "CEST"), ("2027-10-31T01:30Z", "CET")])
def test_a_time_in_a_repeated_hour_says_which(app: Flask, alice: User, instant: str, name: str) -> None:
    alice.time_zone = "Europe/Paris"
    db.session.commit()
    then = datetime.fromisoformat(instant)
    before, after = then - timedelta(days=1), then + timedelta(days=3)
    with app.test_request_context():
        login_user(alice)
        assert datetime_filters.clock_time(then) == f"02:30 {name}"
        assert datetime_filters.exact_time(then) == f"31 Oct 02:30:00 {name}"
        assert datetime_filters.back_at(then, before) == f"Back tomorrow at 02:30 {name}"
        assert datetime_filters.menu_time(then, before) == f"Sun 02:30 {name}"
        assert datetime_filters.long_time(then, after) == f"Sunday 31 October at 02:30 {name}"
        assert datetime_filters.full_time(then).endswith(f" {name}")
        assert datetime_filters.clock_time(before).endswith(":30")
