"""Admin pages for rooms: add, test, change, pause, remove and restore."""

from __future__ import annotations

import html

import pytest
from flask import Flask

from app.models import User
from app.services.rooms import management
from tests.support.delivery import deliver_due
from tests.support.rooms import HOOK, add_room
from tests.support.slack import Slack
from tests.support.web import Reply, WebServer
from tests.views.forms import send

LIST = "/admin/rooms"
FORM = {
    "name": "#hiring",
    "channel": "slack",
    "address": HOOK,
    "categories": "candidate",
    "types": "job_created",
    "jobs": "job-12\r\njob-13",
    "time_zone": "Europe/Paris",
}


@pytest.fixture
def slack(app: Flask, web_server: WebServer) -> Slack:
    app.config["SLACK_BASE_URL"] = web_server.url
    return Slack(web_server)


def test_an_admin_adds_a_room_and_sees_its_test_arrive(slack: Slack, sign_in, bob: User) -> None:
    client = sign_in(bob)
    assert "No rooms yet." in client.get(LIST).text
    added = send(client, LIST, LIST, **FORM)
    page = client.get(added.location).text
    assert "Candidates, Job opened, Job job-12, Job job-13" in html.unescape(page)
    assert "No messages yet." in page
    assert "planted" not in page
    send(client, added.location, f"{added.location}/test")
    assert 'hx-trigger="every 2s"' in client.get(added.location).text
    deliver_due()
    page = client.get(added.location).text
    assert "hx-trigger" not in page.partition('id="messages"')[2].partition("</section>")[0]
    assert "Test from Bellhop" in page
    (call,) = slack.server.calls
    assert b"will look like this" in call.body


def test_rejected_input_comes_back_with_its_errors(sign_in, bob: User) -> None:
    client = sign_in(bob)
    refused = send(client, LIST, LIST, **FORM | {"address": "https://example.com/", "name": ""})
    assert refused.status_code == 422
    text = html.unescape(refused.text)
    assert "Enter a name." in text
    assert "Paste an incoming webhook (https://hooks.slack.com/…)" in text
    assert ">\njob-12\r\njob-13</textarea>" in text
    assert management.list_rooms() == []


def test_a_room_is_changed_paused_removed_and_restored(sign_in, bob: User) -> None:
    room, client = add_room(bob), sign_in(bob)
    path = f"{LIST}/{room.id}"
    send(client, path, f"{path}/settings", **FORM | {"name": "#hired", "address": ""})
    kept = management.get(room.id)
    assert (kept.name, kept.subjects[0]) == ("#hired", "category:candidate")
    wrong = send(client, path, f"{path}/settings", **FORM | {"time_zone": "Mars"})
    assert wrong.status_code == 422
    assert "Choose a time zone" in wrong.text
    send(client, path, f"{path}/pause")
    page = client.get(path).text
    assert "Paused" in page
    assert f'action="{path}/test"' not in page
    send(client, path, f"{path}/resumption")
    assert not management.get(room.id).is_paused
    removed = send(client, path, f"{path}/removal")
    assert removed.location == LIST
    assert client.get(path).status_code == 404
    assert "You can restore a room within a day." in client.get(LIST).text
    send(client, LIST, f"{path}/restoration")
    assert client.get(path).status_code == 200


def test_a_job_id_with_a_comma_stays_one_job(sign_in, bob: User) -> None:
    room, client = add_room(bob, "job:Sales, EMEA;1", "job:job-13"), sign_in(bob)
    path = f"{LIST}/{room.id}"
    shown = html.unescape(client.get(path).text).partition('name="jobs"')[2].partition("</textarea>")[0]
    send(client, path, f"{path}/settings", **FORM | {"address": "", "jobs": shown.partition(">\n")[2]})
    assert management.get(room.id).subjects[-2:] == ["job:Sales, EMEA;1", "job:job-13"]


def test_a_webhooks_secret_is_shown_once(sign_in, bob: User) -> None:
    client = sign_in(bob)
    form = FORM | {"channel": "webhook", "address": "https://example.com/hooks/bellhop"}
    page = send(client, LIST, LIST, **form).text
    (room,) = management.list_rooms()
    assert "whsec_" in page
    assert "whsec_" not in client.get(f"{LIST}/{room.id}").text


def test_a_room_that_is_gone_says_why_and_is_resumed(slack: Slack, sign_in, bob: User) -> None:
    room, client = add_room(bob), sign_in(bob)
    path = f"{LIST}/{room.id}"
    send(client, path, f"{path}/test")
    slack.server.answers = [Reply(410, b"channel_is_archived")]
    deliver_due()
    page = client.get(path).text
    assert "this channel is archived" in page
    assert "Off" in page
    send(client, path, f"{path}/resumption")
    assert management.get(room.id).is_open
    log = client.get("/admin/deliveries").text
    assert "#hiring" in log
    delivery = client.get(path).text.partition("/admin/deliveries/")[2].partition('"')[0]
    assert "#hiring" in client.get(f"/admin/deliveries/{delivery}").text


def test_only_admins_open_the_pages(sign_in, alice: User, bob: User, client) -> None:
    room = add_room(bob)
    for path in (LIST, f"{LIST}/{room.id}"):
        assert sign_in(alice).get(path).status_code == 403
        assert client.get(path).status_code == 302
    assert sign_in(alice).post(f"{LIST}/{room.id}/removal").status_code in {400, 403}
    assert sign_in(bob).get(f"{LIST}/{room.id}/removal").status_code == 405
