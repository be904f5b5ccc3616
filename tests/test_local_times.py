"""Each field for a time takes the hour that the clocks skip and the one that comes twice, and shows what will happen.

A skipped time moves forward as the clocks do, and of a time that comes twice the first is meant. Fields join by
themselves: a new one fails until `STORED` says where its value is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.database.base import db
from app.models import Announcement, Notification, User
from app.rendering import dates
from tests.api.test_foreign_ids import PERSONAL, REPORTED, SHARED
from tests.support import factories
from tests.support.crawl import TYPED
from tests.support.site import Site
from tests.test_pasting import bodies, calls, changed, headers, resolved  # noqa: F401 (a fixture)

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# A time that the clocks skip and one that comes twice, each with what is meant. Lord Howe changes by half an hour, and
# Santiago at midnight.
CHANGES = {
    "Europe/Paris": {
        "2027-03-28T02:30": "2027-03-28T03:30+02:00",
        "2027-10-31T02:30": "2027-10-31T02:30+02:00",
    },
    "America/New_York": {
        "2027-03-14T02:30": "2027-03-14T03:30-04:00",
        "2027-11-07T01:30": "2027-11-07T01:30-04:00",
    },
    "Australia/Lord_Howe": {
        "2027-10-03T02:15": "2027-10-03T02:45+11:00",
        "2027-04-04T01:45": "2027-04-04T01:45+11:00",
    },
    "America/Santiago": {
        "2027-09-05T00:00": "2027-09-05T01:00-03:00",
        "2027-04-03T23:30": "2027-04-03T23:30-03:00",
    },
}
each_zone = pytest.mark.parametrize("name", CHANGES)


def announced(_user: User) -> datetime | None:
    return db.session.scalar(select(Announcement.deliver_at).order_by(Announcement.id.desc()).limit(1))


def snoozed(user: User) -> datetime | None:
    owned = Notification.recipient_id == user.id
    return db.session.scalar(select(func.max(Notification.snoozed_until)).where(owned))


def paused(user: User) -> datetime | None:
    return user.preference.paused_until


ANNOUNCEMENT = {
    "audience": "everyone",
    "title": "Away",
    "message": "Soon.",
    "channels": "in_app",
    "seen": "1",
}
# For each field: where its value is kept, what else its form needs, and the page that shows it.
STORED: dict[tuple[str, str], tuple[Callable[[User], datetime | None], dict[str, str], str]] = {
    ("announcements.create", "deliver_at"): (
        announced,
        ANNOUNCEMENT | {"when": "at"},
        "/admin/announcements",
    ),
    ("notifications.snoozing", "at"): (snoozed, {"until": "date"}, "/notifications?place=later"),
    ("notifications.changes", "at"): (
        snoozed,
        {"until": "date", "action": "snooze", "ids": "1"},
        "/notifications?place=later",
    ),
    ("preferences.pause", "until"): (paused, {"for": "date"}, "/preferences"),
}
# Buttons of the same forms that send the field along and do not read it; the preview shows no time.
WITHOUT = {
    "announcements.preview",
    "announcements.mail",
    "announcements.replace_scheduled",
    "announcements.save_draft",
    "announcements.test",
    "follows.choose",
    "notifications.reading",
    "notifications.archival",
    "notifications.thread",
}


@pytest.fixture(autouse=True)
def _time() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def client(app: Flask, bob: User, sign_in: Callable[[User], FlaskClient]) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    return sign_in(bob)


def test_every_field_for_a_time_is_tried(app: Flask, bob: User) -> None:
    found: dict[str, set[tuple[str, str]]] = {"datetime-local": set(), "date": set(), "time": set()}
    for endpoint, form in Site(app, bob).forms():
        for kind, names in found.items():
            names |= {(endpoint, name) for name, text in form.typed.items() if text == TYPED[kind]}
    assert {field for field in found["datetime-local"] if field[0] not in WITHOUT} == set(STORED)
    assert not found["time"], "times of day belong to no date and are text fields"
    assert found["date"] == {
        ("deliveries.index", "since"),
        ("deliveries.index", "until"),
        ("follows.save", "date"),
        ("people.audit_log", "since"),
        ("people.audit_log", "until"),
    }


@each_zone
def test_a_skipped_time_moves_forward_and_of_two_the_first_is_meant(
    app: Flask, client: FlaskClient, bob: User, name: str
) -> None:
    bob.time_zone = name
    number, urls = factories.notification(bob).id, app.url_map.bind("localhost")
    for given, meant in CHANGES[name].items():
        for (endpoint, field), (stored, more, page) in STORED.items():
            arguments = {"notification_id": number} if endpoint.endswith("snoozing") else {}
            answer = client.post(urls.build(endpoint, arguments, method="POST"), data=more | {field: given})
            assert answer.status_code == 303, (endpoint, answer.text[-800:])
            db.session.expire_all()
            kept = stored(bob)
            assert kept == datetime.fromisoformat(meant), (endpoint, given)
            assert dates.clock(kept, name, "en") in client.get(page).text, (endpoint, meant)


@each_zone
def test_the_days_of_a_filter_begin_and_end_with_the_day(client: FlaskClient, bob: User, name: str) -> None:
    bob.time_zone = name
    for given in CHANGES[name]:
        day = datetime.fromisoformat(given).date()
        # Counted minute by minute, as a clock on the wall would.
        minutes = [
            datetime(day.year, day.month, day.day, tzinfo=UTC) + n * MINUTE for n in range(-1440, 2880)
        ]
        inside = [at for at in minutes if at.astimezone(ZoneInfo(name)).date() == day]
        times = {
            "Before": inside[0] - MINUTE,
            "First": inside[0],
            "Last": inside[-1],
            "After": inside[-1] + MINUTE,
        }
        for title, at in times.items():
            factories.delivery(factories.notification(bob, title), created_at=at)
        text = client.get(f"/admin/deliveries?since={day}&until={day}").text
        assert [title for title in times if title in text] == ["First", "Last"]


def test_the_api_takes_no_time_without_an_offset(app: Flask, bob: User, headers: dict[str, str]) -> None:  # noqa: F811
    client, local = app.test_client(), "2027-10-31T02:30:00"
    document = client.get("/api/openapi.json").json
    numbers = {name: make(bob) for name, make in (PERSONAL | SHARED | REPORTED).items()}
    answers = {}
    for (method, url, media_type, example), strings in bodies(document, numbers):
        for path in [path for path, value in strings if re.match(r"\d{4}-\d\d-\d\dT", value)]:
            body = json.dumps(changed(example, path, local))
            answers[url, path] = client.open(
                url, method=method, content_type=media_type, data=body, headers=headers
            )
    for _method, url, operation in calls(document, numbers):
        for parameter in operation.get("parameters", ()):
            if resolved(document, parameter["schema"]).get("format") == "date-time":
                path = (parameter["name"],)
                answers[url, path] = client.get(url, query_string={path[0]: local}, headers=headers)
    for (url, path), answer in answers.items():
        assert answer.status_code == 422, (url, path, answer.text)
        assert [error["field"].rpartition(".")[2] for error in answer.json["errors"]] == [path[-1]]
    assert len(answers) > 10
