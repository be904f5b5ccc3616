"""Which rooms get an event, what they get, and what becomes of it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from standardwebhooks import Webhook as Verifier

from app.channels import CONNECTORS
from app.channels.webhook import WebhookChannel
from app.clock import utc_now
from app.database.base import db
from app.models import Event, Notification, Room, RoomMessage, User
from app.services.base import secret_addresses
from app.services.events import cancel
from app.services.events.publish import IncomingEvent, PublishResult, publish
from app.services.operations import retention
from app.services.rooms import management
from tests.support import factories
from tests.support.delivery import SITE, deliver_due
from tests.support.retention import KEPT
from tests.support.rooms import add_room, posted
from tests.support.slack import TOKEN, Slack
from tests.support.web import Reply, WebServer

STARTS = utc_now().replace(microsecond=0) + timedelta(days=3)


@pytest.fixture
def slack(any_app: Flask, web_server: WebServer) -> Slack:
    any_app.config |= {"SLACK_BOT_TOKEN": TOKEN, "SLACK_BASE_URL": web_server.url}
    return Slack(web_server)


@pytest.fixture
def alice(any_app: Flask) -> User:
    return factories.user("alice@example.test")


@pytest.fixture
def bob(any_app: Flask) -> User:
    return factories.user("bob@example.test", role="admin")


def report(
    user: User,
    kind: str = "candidate.hired",
    *,
    dry_run: bool = False,
    now: datetime | None = None,
    **data: Any,
) -> PublishResult:
    body = factories.event_body(kind, [user.email], **data)
    event = IncomingEvent("/tests", body["id"], kind, now or utc_now(), body["data"], recipients=[user.email])
    return publish(event, dry_run=dry_run, now=now)


def book(user: User, kind: str = "interview.scheduled", starts_at: datetime = STARTS, **data: Any) -> None:
    ends_at = starts_at + timedelta(hours=1)
    report(user, kind, id="iv-1", starts_at=starts_at, ends_at=ends_at, **data)


@pytest.mark.parametrize(
    ("subject", "gets_it"),
    [
        ("*", True),
        ("job:job-12", True),
        ("job:job-13", False),
        ("type:candidate_hired", True),
        ("type:candidate_added", False),
        ("category:candidate", True),
        ("category:interview", False),
    ],
)
def test_a_room_gets_what_is_about_its_subjects(
    subject: str, gets_it: bool, slack: Slack, alice: User, bob: User
) -> None:
    room = add_room(bob, "type:offer_created", subject)
    planned = report(alice, job_id="job-12", dry_run=True)
    assert db.session.scalar(select(func.count()).select_from(Event)) == 0
    result = report(alice, job_id="job-12")
    rows = posted(room)
    assert [verdict.room for verdict in planned.describe_rooms()] == ["#hiring"] * gets_it
    assert planned.describe_rooms() == result.describe_rooms()
    assert len(rows) == gets_it
    deliver_due()
    assert len(slack.server.calls) == gets_it
    assert [row.state for row in posted(room)] == ["sent"] * gets_it


def test_a_room_reads_title_facts_and_reason_in_its_own_time_zone(
    slack: Slack, alice: User, bob: User
) -> None:
    room = add_room(bob, time_zone="Asia/Tokyo")
    book(alice, job_id="job-12")
    deliver_due()
    (call,) = slack.server.calls
    assert call.path == "/services/T1/B1/planted-secret"
    header, line, facts, actions, context = json.loads(call.body)["blocks"]
    assert header["text"]["text"] == posted(room)[0].room_message.title  # type: ignore[union-attr]
    assert "Staff Data Engineer" in line["text"]["text"]
    assert "(Tokyo time)" in facts["fields"][0]["text"]
    assert actions["elements"][0]["text"]["text"] == "Join the interview"
    assert "Posted because “#hiring” gets notifications of this type." in context["elements"][0]["text"]
    assert "http://bellhop.test/notifications?place=all&amp;q=job%3A%22job-12%22" in str(context)
    assert alice.email not in call.body.decode()


def test_a_room_gets_nothing_confidential_unless_it_may(slack: Slack, alice: User, bob: User) -> None:
    open_room = add_room(bob, "job:job-12", "*")
    closed_room = add_room(bob, "job:job-12", name="#board", is_confidential_allowed=True)
    # Later events of the job do not say that it is confidential.
    report(alice, "job.created", job_id="job-12", is_confidential=True)
    result = report(alice, job_id="job-12")
    assert [room.room for room in result.describe_rooms()] == ["#board"]
    book(alice, job_id="job-12")
    book(alice, "interview.rescheduled", STARTS + timedelta(days=1))
    assert posted(open_room) == []
    assert len(posted(closed_room)) == 4


def test_a_job_that_became_confidential_is_not_posted_any_more(slack: Slack, alice: User, bob: User) -> None:
    room = add_room(bob)
    report(alice, job_id="job-12")
    report(alice, "job.created", job_id="job-12", is_confidential=True)
    deliver_due()
    (row,) = posted(room)
    assert (row.state, row.reason) == ("skipped", "confidential")
    assert slack.server.calls == []


def test_the_same_fact_is_posted_once_a_minute(slack: Slack, alice: User, bob: User) -> None:
    room = add_room(bob)
    now = utc_now() - timedelta(minutes=5)
    for seconds in (0, 30, 59, 62):
        report(alice, job_id="job-12", now=now + timedelta(seconds=seconds))
    report(alice, job_id="job-13", now=now)
    book(alice)
    # Reported again, by another system and in other words.
    book(alice, company_name="Alder Robotics Ltd", interviewer="D. Osei")
    deliver_due()
    rows = [(row.state, row.reason) for row in posted(room)]
    merged = ("skipped", "merged")
    assert rows[:5] == [("sent", "sent"), merged, merged, ("sent", "sent"), ("sent", "sent")]
    assert ("sent", "sent") in rows[5:]
    assert len(slack.server.calls) == rows.count(("sent", "sent"))


def test_a_moved_interview_changes_its_message_in_the_bots_channel(
    slack: Slack, alice: User, bob: User
) -> None:
    room = add_room(bob, address="C042")
    book(alice)
    deliver_due()
    book(alice, "interview.rescheduled", STARTS + timedelta(days=1))
    deliver_due()
    (message,) = slack.messages.values()
    assert " → " in message["blocks"][1]["text"]["text"]
    assert [row.remote_id for row in posted(room)] == ["C042/1700000000.000000"] * 2


def test_a_room_that_is_gone_is_turned_off_and_the_admins_are_told(
    slack: Slack, alice: User, bob: User
) -> None:
    room = add_room(bob)
    report(alice)
    slack.server.answers = [Reply(404, b"no_service")]
    deliver_due()
    (row,) = posted(room)
    assert (row.state, row.reason) == ("failed", "refused")
    assert row.reason_data["detail"] == "404 no_service: this webhook was removed in Slack"
    kept = management.get(room.id)
    assert kept.disabled_at is not None
    assert "removed in Slack" in kept.disabled_reason
    alert = db.session.scalars(select(Notification).where(Notification.recipient_id == bob.id)).one()
    assert alert.title == "The room “#hiring” was turned off"
    assert "planted-secret" not in alert.message
    report(alice)
    assert len(posted(room)) == 1
    management.change(room.id, actor=bob, secret=SITE.secret, is_paused=False)
    report(alice, job_id="job-2")
    deliver_due()
    assert posted(room)[-1].state == "sent"


def test_what_waits_for_a_busy_room_waits_for_its_retry_after(slack: Slack, alice: User, bob: User) -> None:
    room = add_room(bob)
    for number in range(3):
        report(alice, job_id=f"job-{number}")
    slack.server.answers = [Reply(429, headers={"Retry-After": "120"})] * 2
    now = utc_now() + timedelta(seconds=1)
    deliver_due(now)
    assert all(row.due_at >= now + timedelta(seconds=120) for row in posted(room))
    slack.server.answers = []  # The second is left if a single thread has been told to wait.
    deliver_due(now + timedelta(minutes=10))
    assert [row.state for row in posted(room)] == ["sent"] * 3


def test_a_paused_room_gets_nothing_and_nothing_later(slack: Slack, alice: User, bob: User) -> None:
    room = add_room(bob)
    report(alice)
    management.change(room.id, actor=bob, secret=SITE.secret, is_paused=True)
    report(alice, job_id="job-2")
    deliver_due()
    (row,) = posted(room)
    assert (row.state, row.reason) == ("skipped", "room_closed")
    assert slack.server.calls == []


def test_an_event_that_is_cancelled_in_time_is_not_posted(slack: Slack, alice: User, bob: User) -> None:
    room = add_room(bob)
    result = report(alice)
    assert result.event_id is not None
    cancel.cancel_by_id(bob, result.event_id)
    deliver_due()
    assert [row.state for row in posted(room)] == ["cancelled"]
    assert slack.server.calls == []


def test_a_repeated_event_answers_with_the_rooms_as_they_are_now(
    slack: Slack, alice: User, bob: User
) -> None:
    add_room(bob)
    body = factories.event_body("candidate.hired", [alice.email])
    event = IncomingEvent(
        "/tests", body["id"], "candidate.hired", utc_now(), body["data"], recipients=[alice.email]
    )
    assert [room.state for room in publish(event).describe_rooms()] == ["pending"]
    deliver_due()
    (again,) = publish(event).describe_rooms()
    assert (again.room, again.channel, again.state, again.reason) == ("#hiring", "slack", "sent", "Sent")


def test_a_webhook_is_signed_with_the_secret_of_the_room(
    any_app: Flask, web_server: WebServer, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECTORS, "webhook", lambda: WebhookChannel(lambda address: address.is_loopback))
    monkeypatch.setattr(secret_addresses, "public_url", lambda address: address)
    room = add_room(bob, channel="webhook", address=web_server.url + "/hook")
    report(alice, job_id="job-12")
    deliver_due()
    (call,) = web_server.calls
    data = Verifier(management.signing_secret(room, SITE.secret)).verify(call.body, call.headers)
    assert data["type"] == "room.message"
    assert data["data"]["job_id"] == "job-12"
    assert data["data"]["room"] == "#hiring"
    assert "id" not in data["data"]


def test_another_key_leaves_addresses_unreadable_and_says_so(slack: Slack, alice: User, bob: User) -> None:
    room = add_room(bob)
    db.session.get_one(Room, room.id).encrypted_address = "other"
    db.session.commit()
    report(alice)
    deliver_due()
    (row,) = posted(room)
    assert row.state == "failed"
    assert "SECRET_KEY was changed" in row.reason_data["detail"]


def test_messages_and_removed_rooms_are_deleted_in_time(slack: Slack, alice: User, bob: User) -> None:
    room, other = add_room(bob), add_room(bob, name="#other")
    report(alice)
    room_id, other_id = room.id, other.id
    management.remove(other_id, actor=bob)
    retention.purge(KEPT, utc_now() + timedelta(hours=23))
    assert db.session.get(Room, other_id) is not None
    retention.purge(KEPT, utc_now() + timedelta(hours=25))
    db.session.expire_all()
    assert db.session.get(Room, other_id) is None
    room = management.get(room_id)
    assert len(posted(room)) == 1
    retention.purge(KEPT, utc_now() + timedelta(days=91))
    assert posted(room) == []
    assert db.session.scalar(select(func.count()).select_from(RoomMessage)) == 0
