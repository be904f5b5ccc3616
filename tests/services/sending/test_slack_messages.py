"""Direct messages in Slack: from an event to what Slack shows."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import ChannelOutage, Delivery, Suppression, User
from app.services.events.publish import IncomingEvent, publish
from app.services.routing import addresses
from tests.support import factories
from tests.support.delivery import deliver_due
from tests.support.slack import TOKEN, Slack
from tests.support.web import Reply, WebServer

STARTS = utc_now().replace(microsecond=0) + timedelta(days=3)


@pytest.fixture
def slack(any_app: Flask, web_server: WebServer) -> Slack:
    any_app.config |= {"SLACK_BOT_TOKEN": TOKEN, "SLACK_BASE_URL": web_server.url}
    return Slack(web_server, {"alice@example.test": "U1"})


@pytest.fixture
def alice(any_app: Flask) -> User:
    return factories.user("alice@example.test", preference={"slack_enabled": True})


def report(alice: User, kind: str = "interview.scheduled", starts_at: datetime = STARTS) -> None:
    body = factories.event_body(kind, [alice.email], id="iv-1")
    times = {"starts_at": starts_at, "ends_at": starts_at + timedelta(hours=1)}
    data = body["data"] | times
    publish(IncomingEvent("/tests", body["id"], kind, utc_now(), data, recipients=[alice.email]))


def sent_to(alice: User) -> Delivery:
    query = select(Delivery).where(Delivery.channel == "slack").order_by(Delivery.id.desc())
    return db.session.scalars(query.execution_options(populate_existing=True)).first()  # type: ignore[return-value]


def test_a_booking_is_posted_with_its_facts_and_the_way_to_join(slack: Slack, alice: User) -> None:
    report(alice)
    deliver_due()
    row = sent_to(alice)
    assert (row.state, row.remote_id, row.address) == ("sent", "D1/1700000000.000000", alice.email)
    (message,) = slack.messages.values()
    _header, _text, facts, actions, context = message["blocks"]
    assert [field["text"].partition("\n")[0] for field in facts["fields"]] == [
        "*When*",
        "*Where*",
        "*Video call*",
        "*Candidate*",
        "*Job*",
        "*Company*",
        "*Interviewer*",
    ]
    assert actions["elements"][0]["text"]["text"] == "Join the interview"
    assert "You get this because you're a recruiter on this interview." in context["elements"][0]["text"]
    assert f"<http://bellhop.test/notifications/{row.notification_id}|Read in Bellhop>" in str(context)


def test_a_moved_interview_changes_the_message_and_a_cancelled_one_is_news(slack: Slack, alice: User) -> None:
    report(alice)
    deliver_due()
    report(alice, "interview.rescheduled", STARTS + timedelta(days=1))
    deliver_due()
    (message,) = slack.messages.values()
    assert " → " in message["blocks"][1]["text"]["text"]
    assert sent_to(alice).remote_id == "D1/1700000000.000000"
    report(alice, "interview.cancelled", STARTS + timedelta(days=1))
    deliver_due()
    assert len(slack.messages) == 2


def test_slack_is_offered_only_where_there_is_a_bot(slack: Slack, alice: User, any_app: Flask) -> None:
    assert "slack" in addresses.reachable_channels(alice)
    any_app.config["SLACK_BOT_TOKEN"] = ""
    assert "slack" not in addresses.reachable_channels(alice)
    report(alice)
    row = sent_to(alice)
    assert (row.state, row.reason) == ("skipped", "no_address")


def test_a_person_whom_slack_does_not_know_is_told_so_and_asked_for_again(slack: Slack, alice: User) -> None:
    slack.members.clear()
    report(alice)
    deliver_due()
    row = sent_to(alice)
    assert (row.state, row.reason) == ("failed", "refused")
    assert "no active member" in row.reason_data["detail"]
    assert db.session.scalar(select(Suppression)) is None
    slack.members[alice.email] = "U1"
    report(alice, "interview.cancelled")
    deliver_due()
    assert sent_to(alice).state == "sent"


def test_a_busy_slack_is_asked_again_after_its_retry_after(slack: Slack, alice: User) -> None:
    report(alice)
    slack.server.answers = [Reply(429, headers={"Retry-After": "300"})]
    now = utc_now() + timedelta(seconds=1)
    deliver_due(now)
    row = sent_to(alice)
    assert (row.state, row.reason) == ("retry_wait", "deferred")
    assert row.due_at >= now + timedelta(seconds=300)
    deliver_due(row.due_at)
    assert sent_to(alice).state == "sent"


def test_a_revoked_token_fails_the_message_and_is_recorded_as_an_outage(slack: Slack, alice: User) -> None:
    slack.errors["users.lookupByEmail"] = "token_revoked"
    report(alice)
    deliver_due()
    row = sent_to(alice)
    assert (row.state, row.reason) == ("failed", "refused")
    assert row.reason_data["detail"] == "token_revoked: SLACK_BOT_TOKEN was revoked"
    outage = db.session.get_one(ChannelOutage, "slack")
    assert outage.is_our_fault
