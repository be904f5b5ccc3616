"""Follows and mutes decide who is notified: routing, dry run and explanation agree."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Event, Follow, HiringJob, Notification, User
from app.services.base.errors import Invalid
from app.services.deliveries import explanations
from app.services.events import data as event_data
from app.services.events.publish import IncomingEvent, publish
from app.services.events.result import PublishResult
from app.services.follows import management
from app.services.routing import required_channels
from app.services.sending.worker import DeliveryWorker
from tests.support import factories

ABOUT = {"candidate_id": "C-1", "job_id": "J-1"}
SHOWN = "Shown in the inbox"
SUBJECTS = ("candidate:C-1", "job:J-1", "type:candidate_added", "candidate:C-2")


def added(recipients: list[str] | None = None, **data: Any) -> IncomingEvent:
    body = factories.event_body("candidate.added", **ABOUT | data)
    checked = event_data.validate("candidate.added", body["data"])
    return IncomingEvent("/tests", body["id"], "candidate.added", None, checked, recipients)


def reached(result: PublishResult) -> dict[str, str]:
    """Return the sentence that says why, by the first name of each person in whose inbox the event appears."""
    return {
        verdict.recipient_email.partition("@")[0]: verdict.route
        for verdict in result.describe_verdicts()
        if verdict.channel == "in_app" and verdict.state == "sent"
    }


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        ("candidate:C-1", "Follows the candidate."),
        ("job:J-1", "Follows the job."),
    ],
)
def test_followers_and_the_team_get_what_names_no_recipients(alice, bob, charlie, subject, why):
    management.set_mode(alice, subject, "follow")
    assert reached(publish(added())) == {"alice": why}
    team = publish(added(hiring_team=[bob.email], is_confidential=True))
    assert reached(team).keys() == {"alice", "bob"}
    assert reached(publish(added([bob.email]))).keys() == {"bob"}


def test_a_follow_of_a_type_adds_people_but_never_to_what_is_confidential(alice, bob, charlie):
    management.set_mode(bob, "type:candidate_added", "follow")
    assert reached(publish(added())).keys() == {"alice", "bob", "charlie"}
    assert reached(publish(added(hiring_team=[alice.email]))).keys() == {"alice", "bob"}
    secret = publish(added(hiring_team=[alice.email], is_confidential=True))
    assert reached(secret).keys() == {"alice"}
    # The job's team is known by now; of another job it is not.
    assert reached(publish(added(is_confidential=True))).keys() == {"alice"}
    with pytest.raises(Invalid, match="confidential"):
        publish(added(is_confidential=True, job_id="J-2"))


def test_deactivated_followers_and_ended_follows_lead_to_no_one(alice, bob, charlie):
    now = utc_now()
    management.set_mode(alice, "job:J-1", "follow", now + timedelta(hours=1), now=now)
    assert reached(publish(added(), now=now)).keys() == {"alice"}
    assert reached(publish(added(), now=now + timedelta(hours=1))).keys() == {"alice", "charlie"}
    management.set_mode(bob, "job:J-1", "follow")
    bob.is_enabled = False
    db.session.commit()
    assert reached(publish(added(), now=now + timedelta(hours=1))).keys() == {"alice", "charlie"}


def test_a_mute_beats_a_follow_but_not_urgent_or_a_required_channel(alice, bob):
    management.set_mode(alice, "candidate:C-1", "follow")
    management.set_mode(alice, "job:J-1", "mute")
    states = {v.channel: (v.state, v.reason) for v in publish(added()).describe_verdicts()}
    assert states["in_app"] == states["email"] == ("skipped", "Not sent: this job is muted")
    assert reached(publish(added(priority="urgent"))).keys() == {"alice"}
    required_channels.require("candidate", "email", "Policy", actor=bob)
    states = {v.channel: v.state for v in publish(added()).describe_verdicts()}
    assert states == {"in_app": "skipped", "email": "pending"}


def test_a_mute_stops_what_already_waits_to_be_sent(alice, worker: DeliveryWorker):
    publish(added([alice.email]))
    management.set_mode(alice, "candidate:C-1", "mute")
    worker.deliver_due(utc_now())
    mail = db.session.scalars(select(Delivery).filter_by(channel="email")).one()
    assert (mail.state, mail.reason) == ("skipped", "candidate_muted")


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    wishes=st.lists(
        st.tuples(
            st.sampled_from(("alice", "charlie")),
            st.sampled_from(SUBJECTS),
            st.sampled_from(management.MODES),
            st.sampled_from([None, timedelta(minutes=1), timedelta(days=1)]),
        ),
        max_size=5,
    ),
    data=st.fixed_dictionaries(
        {"is_confidential": st.booleans(), "priority": st.sampled_from(["medium", "urgent"])},
        optional={"hiring_team": st.just(["alice@example.test"])},
    ),
)
def test_routing_dry_run_and_explanation_agree(
    app: Flask, alice: User, charlie: User, wishes: list[tuple[Any, ...]], data: dict[str, Any]
) -> None:
    for learned in (Follow, HiringJob):
        db.session.execute(delete(learned))
    db.session.commit()
    people, start = {"alice": alice, "charlie": charlie}, utc_now()
    for name, subject, mode, lasting in wishes:
        management.set_mode(people[name], subject, mode, start + lasting if lasting else None, now=start)
    now, event = start + timedelta(hours=1), added(**data)
    dry, real = lines(event, now, dry_run=True), lines(event, now)
    assert dry == real
    explained = []
    for row in db.session.scalars(select(Notification).join(Event).filter_by(external_id=event.external_id)):
        owner = db.session.get_one(User, row.recipient_id)
        told = explanations.for_owner(owner, row.id)
        ways = [way for way in told.channels if way.reason != "not_used"]
        explained += [(owner.email, way.channel, way.sentence, told.recipient_reason) for way in ways]
    assert sorted(explained) == sorted(real)
    shown = {email.partition("@")[0] for email, channel, reason, _why in real if reason == SHOWN}
    assert shown == expected(wishes, data)


def lines(event: IncomingEvent, now: datetime, *, dry_run: bool = False) -> list[tuple[str, str, str, str]]:
    try:
        result = publish(event, now=now, dry_run=dry_run)
    except Invalid:
        return []
    return [(v.recipient_email, v.channel, v.reason, v.route) for v in result.describe_verdicts()]


def expected(wishes: list[tuple[Any, ...]], data: dict[str, Any]) -> set[str]:
    """State the rule again: who sees the event in the inbox."""
    last = {(name, subject): (mode, lasting) for name, subject, mode, lasting in wishes}
    current = {key: mode for key, (mode, lasting) in last.items() if lasting != timedelta(minutes=1)}

    def wish(mode: str, *subjects: str) -> set[str]:
        return {name for (name, subject), each in current.items() if each == mode and subject in subjects}

    reached = wish("follow", *SUBJECTS[:2]) | ({"alice"} if "hiring_team" in data else set())
    if not data["is_confidential"]:
        reached = (reached or {"alice", "charlie"}) | wish("follow", SUBJECTS[2])
    return reached if data["priority"] == "urgent" else reached - wish("mute", *SUBJECTS[:3])
