"""Announcements over the API."""

from __future__ import annotations

from datetime import timedelta

import time_machine

from app.clock import utc_now

API = "/api/notifications"


def test_announcements_are_created_listed_and_cancelled(client, alice, bob, admin_headers):
    later = (utc_now() + timedelta(days=1)).isoformat()
    body = {
        "recipients": [alice.email, bob.email],
        "title": "Down on Friday",
        "message": "M",
        "deliver_at": later,
    }
    made = client.post(f"{API}/create/", json=body, headers=admin_headers).json
    assert (made["state"], made["written"]) == ("scheduled", 2)
    now = client.post(
        f"{API}/create/", json={"everyone": True, "title": "T", "message": "M"}, headers=admin_headers
    ).json
    assert now["state"] == "written"
    page = client.get(f"{API}/announcements/?limit=1", headers=admin_headers).json
    assert [row["id"] for row in page["results"]] == [now["id"]]
    following = client.get(page["next"].removeprefix("http://bellhop.test"), headers=admin_headers).json
    assert [row["id"] for row in following["results"]] == [made["id"]]
    path = f"{API}/announcements/{made['id']}/"
    found = client.get(path, headers=admin_headers).json
    assert (found["state"], found["author"], found["named"], found["everyone"]) == (
        "scheduled",
        bob.email,
        2,
        False,
    )
    assert found["deliveries"] == {"email": {"waiting": 2}, "in_app": {"waiting": 2}}
    for _twice in range(2):
        cancelled = client.post(f"{path}cancel/", headers=admin_headers)
        assert (cancelled.status_code, cancelled.json["state"], cancelled.json["written"]) == (
            200,
            "cancelled",
            0,
        )
    assert cancelled.json["deliveries"] == {"email": {"withheld": 2}, "in_app": {"withheld": 2}}
    assert client.post(f"{API}/announcements/{now['id']}/cancel/", headers=admin_headers).status_code == 409
    assert client.get(f"{API}/announcements/999/", headers=admin_headers).status_code == 404


def test_a_scheduled_announcement_is_invisible_until_its_time(client, alice, admin_headers, token):
    body = {"recipients": [alice.email], "title": "Secret", "message": "M"}
    body["deliver_at"] = (utc_now() + timedelta(hours=1)).isoformat()
    [row] = client.post(f"{API}/create/", json=body, headers=admin_headers).json["notifications"]
    path, hers = f"{API}/{row['id']}/", token(alice)
    for answer in (
        client.get(path, headers=hers),
        client.get(f"{path}?peek=true", headers=hers),
        client.get(f"{path}explain/", headers=hers),
        client.post(f"{API}/mark-read/", json={"notification_id": row["id"]}, headers=hers),
    ):
        assert answer.status_code == 404
    change = {"action": "done", "notification_ids": [row["id"]]}
    assert client.post(f"{API}/changes/", json=change, headers=hers).json["updated"] == 0
    with time_machine.travel(utc_now() + timedelta(hours=2)):
        assert client.get(path, headers=token(alice)).json["title"] == "Secret"
