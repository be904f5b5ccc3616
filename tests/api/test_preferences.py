"""Preferences over the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.clock import utc_now
from app.database.base import db
from app.models import User
from tests.support import factories

URL = "/api/notifications/preferences/"
Headers = Callable[..., dict[str, str]]


def put(client: FlaskClient, headers: dict[str, str], body: dict) -> tuple[int, dict]:
    response = client.put(URL, json=body, headers=headers)
    return response.status_code, response.get_json()


def test_a_new_user_has_the_default_preferences(client: FlaskClient, alice: User, token: Headers) -> None:
    found = client.get(URL, headers=token(alice, "read")).get_json()
    on = ("email_enabled", "in_app_enabled", "interview_notifications", "resume_notifications")
    on += ("system_notifications", "candidate_notifications", "job_notifications", "evaluation_notifications")
    off = (
        "sms_enabled",
        "push_enabled",
        "slack_enabled",
        "webhook_enabled",
        "daily_digest",
        "weekly_summary",
    )
    assert {name: found[name] for name in on + off} == dict.fromkeys(on, True) | dict.fromkeys(off, False)
    assert found["reminder_lead_minutes"] == [1440, 60]
    assert found["quiet_hours"] == {
        "enabled": False,
        "start": "19:00",
        "end": "07:30",
        "days": [0, 1, 2, 3, 4, 5, 6],
    }
    assert (found["time_zone"], found["email_delay_minutes"], found["matrix"]) == ("UTC", 0, {})
    assert found["time_format"] == "24h"


def test_only_the_given_fields_change(client: FlaskClient, alice: User, token: Headers) -> None:
    headers = token(alice)
    before = client.get(URL, headers=headers).get_json()
    change = {
        "daily_digest": True,
        "digest_hour": 7,
        "time_zone": "Asia/Kathmandu",
        "time_format": "12h",
        "quiet_hours": {"enabled": True, "start": "22:00"},
        "matrix": {"job": {"email": False}},
        "reminder_lead_minutes": [15, 2880, 15],
        "email_delay_minutes": 15,
    }
    status, after = put(client, headers, change)
    assert status == 200
    expected = change | {
        "quiet_hours": before["quiet_hours"] | {"enabled": True, "start": "22:00"},
        "reminder_lead_minutes": [2880, 15],
    }
    assert after == before | expected
    assert client.get(URL, headers=headers).get_json() == after
    status, again = put(client, headers, {"matrix": {"job": {"in_app": False}, "system": {"email": False}}})
    assert again["matrix"] == {"job": {"email": False, "in_app": False}, "system": {"email": False}}


def test_put_accepts_the_preferences_that_get_returned(
    client: FlaskClient, alice: User, token: Headers
) -> None:
    headers = token(alice)
    tomorrow = utc_now().date() + timedelta(days=1)
    put(client, headers, {"paused_until": f"{tomorrow + timedelta(days=1)}T00:00:00+01:00"})
    whole = client.get(URL, headers=headers).get_json()
    assert whole["paused_until"] == f"{tomorrow}T23:00:00Z"
    assert put(client, headers, whole) == (200, whole)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"nonsense": True}, "nonsense"),
        ({"email_enabled": "yes"}, "email_enabled"),
        ({"email_enabled": None}, "email_enabled"),
        ({"digest_hour": 24}, "digest_hour"),
        ({"digest_hour": 7.5}, "digest_hour"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"quiet_hours": {"start": "25:00"}}, "quiet_hours.start"),
        ({"quiet_hours": {"start": "7:30"}}, "quiet_hours.start"),
        ({"quiet_hours": {"days": [7]}}, "quiet_hours.days.0"),
        ({"quiet_hours": {"start": "08:00", "end": "08:00"}}, "quiet_hours.end"),
        ({"quiet_hours": {"often": True}}, "quiet_hours.often"),
        ({"matrix": {"sports": {"email": True}}}, "matrix.sports"),
        ({"matrix": {"job": {"fax": True}}}, "matrix.job.fax"),
        ({"matrix": {"job": {"email": 1}}}, "matrix.job.email"),
        ({"reminder_lead_minutes": [14]}, "reminder_lead_minutes.0"),
        ({"reminder_lead_minutes": [2881]}, "reminder_lead_minutes.0"),
        ({"reminder_lead_minutes": list(range(15, 26))}, "reminder_lead_minutes"),
        ({"email_delay_minutes": -1}, "email_delay_minutes"),
        ({"paused_until": "tomorrow"}, "paused_until"),
        ({"paused_until": "2020-01-01T00:00:00Z"}, "paused_until"),
        ({"quiet_hours": {"start": "22:00:30"}}, "quiet_hours.start"),
        ({"paused_until": "2199-01-01T00:00:00Z"}, "paused_until"),
        ({"theme": "pink"}, "theme"),
        ({"user_id": 1}, "user_id"),
    ],
)
def test_an_invalid_value_is_named_and_nothing_changes(
    client: FlaskClient, alice: User, token: Headers, body: dict, field: str
) -> None:
    headers = token(alice)
    before = client.get(URL, headers=headers).get_json()
    status, problem = put(client, headers, {"daily_digest": True} | body)
    assert status == 422
    assert [error["field"] for error in problem["errors"]] == [field]
    assert client.get(URL, headers=headers).get_json() == before


def test_users_change_only_their_own_preferences(
    client: FlaskClient, alice: User, charlie: User, token: Headers
) -> None:
    put(client, token(alice), {"email_enabled": False})
    db.session.expire_all()
    assert charlie.preference.email_enabled
    assert client.put(URL, json={}).status_code == 401
    assert put(client, token(alice, "read"), {})[0] == 403


def test_the_preferences_page_shows_the_change(
    client: FlaskClient, alice: User, token: Headers, sign_in: Callable
) -> None:
    put(client, token(alice), {"quiet_hours": {"enabled": True, "start": "21:15"}})
    page = sign_in(alice).get("/preferences").get_data(as_text=True)
    assert 'value="21:15"' in page
    assert factories.PASSWORD not in page
