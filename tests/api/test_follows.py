"""The caller's follows and mutes over the API."""

from __future__ import annotations

from datetime import timedelta

from app.clock import utc_now
from tests.api.conftest import error_fields

URL = "/api/follows/"


def test_follows_are_set_replaced_listed_and_removed_by_their_owner_only(client, alice, charlie, token):
    headers, others = token(alice), token(charlie)
    wish = {"subject": "candidate:C-1", "mode": "follow", "until": None}
    made = client.post(URL, json=wish, headers=headers)
    assert made.status_code == 201
    assert {name: made.json[name] for name in wish} == wish
    until = (utc_now() + timedelta(days=1)).replace(microsecond=0)
    again = client.post(URL, json=wish | {"mode": "mute", "until": until.isoformat()}, headers=headers)
    assert (again.status_code, again.json["id"], again.json["mode"]) == (200, made.json["id"], "mute")
    assert [row["id"] for row in client.get(URL, headers=headers).json["results"]] == [made.json["id"]]
    assert client.get(URL, headers=others).json["results"] == []
    path = f"{URL}{made.json['id']}/"
    assert client.delete(path, headers=others).status_code == 404
    assert client.delete(path, headers=headers).status_code == 204
    assert client.delete(path, headers=headers).status_code == 404


def test_an_unusable_follow_is_refused_by_field(client, alice, token):
    headers, past = token(alice), (utc_now() - timedelta(minutes=1)).isoformat()
    good = {"subject": "type:job_created", "mode": "mute"}
    for field, values in {
        "subject": (
            "",
            "job:",
            "team:1",
            "type:daily_digest",
            "type:none",
            "candidate:" + "x" * 201,
            None,
            7,
        ),
        "mode": ("", "like", None),
        "until": (past, "tomorrow"),
    }.items():
        for value in values:
            response = client.post(URL, json=good | {field: value}, headers=headers)
            assert error_fields(response) == [field], value
    assert client.get(URL, headers=headers).json["results"] == []
