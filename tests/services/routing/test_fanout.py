"""The channels of a notification: those of its template, and those that each person has turned on."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, PhoneCode, PreferenceLock, PushSubscription, User, Webhook
from app.services.deliveries import explanations
from app.services.events import publish as event_publish
from app.services.events import python_api
from app.services.events.publish import IncomingEvent
from app.services.routing import addresses
from tests.support import factories

ON = {"sms_enabled": True, "push_enabled": True, "webhook_enabled": True}


def reachable(email: str, **preference: Any) -> User:
    """Create a person with a verified phone number, two browsers and a webhook."""
    user = factories.user(email, phone="+442079460958", preference=preference)
    db.session.add(PhoneCode(user_id=user.id, phone=user.phone, salt="s", verified_at=utc_now()))
    for number in (1, 2):
        endpoint = f"https://push.example.com/{email}/{number}"
        db.session.add(PushSubscription(user_id=user.id, endpoint=endpoint, p256dh="p", auth="a", label="x"))
    db.session.add(Webhook(user_id=user.id, url="https://hooks.example.com/", secret_salt="s"))
    db.session.commit()
    return user


def publish(*people: User, dry_run: bool = False, **data: Any) -> event_publish.PublishResult:
    body = factories.event_body("resume.processed", **data)
    event = IncomingEvent(
        source="/tests",
        external_id=body["id"],
        type="resume.processed",
        occurred_at=utc_now(),
        data=body["data"],
        recipients=[user.email for user in people],
    )
    return event_publish.publish(event, dry_run=dry_run)


def states(user: User) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    rows = select(Delivery).where(Delivery.recipient_id == user.id).order_by(Delivery.id)
    for row in db.session.scalars(rows):
        found.setdefault(row.channel, []).append((row.state, row.reason))
    return found


def test_a_persons_channels_are_added_to_the_templates(any_app: Flask) -> None:
    alice = reachable("alice@example.test", **ON)
    publish(alice)
    found = states(alice)
    assert found["sms"] == found["webhook"] == [("pending", "queued")]
    # One delivery for each browser, because one may be gone.
    assert found["push"] == [("pending", "queued")] * 2
    note = db.session.scalars(select(Notification)).one()
    assert note.channels == ["email", "in_app", "sms", "push", "webhook"]


def test_without_own_channels_the_templates_are_used(any_app: Flask) -> None:
    alice = reachable("alice@example.test")
    publish(alice)
    assert set(states(alice)) == {"email", "in_app"}


def test_a_channel_without_an_address_says_what_is_missing(any_app: Flask) -> None:
    charlie = factories.user(
        "charlie@example.test",
        phone="+442079460958",
        preference=ON | {"slack_enabled": True, "teams_enabled": True},
    )
    hook = Webhook(user_id=charlie.id, url="https://h.example.com/", secret_salt="s", disabled_at=utc_now())
    db.session.add(hook)
    db.session.commit()
    publish(charlie)
    found = states(charlie)
    assert all(found[name] == [("skipped", "no_address")] for name in catalog.PERSONAL_CHANNELS)
    note = db.session.scalars(select(Notification)).one()
    words = {each.channel: each.sentence for each in explanations.for_owner(charlie, note.id).channels}
    assert words["sms"] == "Not sent: no verified phone number"
    assert words["push"] == "Not sent: no browser is registered"
    assert words["webhook"] == "Not sent: no webhook is turned on"


def test_the_matrix_applies_to_added_channels(any_app: Flask) -> None:
    alice = reachable("alice@example.test", **ON, matrix={"resume": {"push": False}})
    publish(alice)
    assert states(alice)["push"] == [("skipped", "matrix_off")]
    assert states(alice)["sms"] == [("pending", "queued")]


def test_channels_named_by_the_caller_are_used_exactly(any_app: Flask) -> None:
    alice = reachable("alice@example.test", **ON)
    python_api.create_notification(alice, "system_alert", "Hello", "There", channels=["in_app", "push"])
    assert set(states(alice)) == {"in_app", "push"}


def test_a_required_channel_is_used_for_people_who_turned_it_off(any_app: Flask) -> None:
    alice = reachable("alice@example.test")
    db.session.add(PreferenceLock(category="resume", channel="sms", reason="On call"))
    db.session.commit()
    publish(alice)
    assert states(alice)["sms"] == [("pending", "queued")]
    assert "push" not in states(alice)


def test_an_added_channel_is_held_during_a_pause(any_app: Flask) -> None:
    until = utc_now() + timedelta(hours=3)
    alice = reachable("alice@example.test", **ON, paused_until=until)
    publish(alice)
    assert states(alice)["sms"] == [("pending", "paused")]


@pytest.mark.parametrize("preference", [ON, {}, {"sms_enabled": True}, ON | {"daily_digest": True}])
def test_a_dry_run_equals_the_real_run_for_added_channels(any_app: Flask, preference: dict[str, Any]) -> None:
    alice = reachable("alice@example.test", **preference)
    bob = reachable("bob@example.test", **ON, matrix={"resume": {"sms": False}})
    dry = publish(alice, bob, dry_run=True).describe_verdicts()
    real = publish(alice, bob).describe_verdicts()
    assert [(v.recipient_email, v.channel, v.state, v.reason) for v in dry] == [
        (v.recipient_email, v.channel, v.state, v.reason) for v in real
    ]


def test_only_verified_and_active_addresses_are_found(any_app: Flask) -> None:
    alice, bob = reachable("alice@example.test"), reachable("bob@example.test")
    bob.phone = "+442079460000"  # Changed and not verified.
    hook = db.session.scalars(select(Webhook).where(Webhook.user_id == bob.id)).one()
    hook.disabled_at = utc_now()
    db.session.commit()
    found = addresses.find_addresses([alice, bob], ["email", "sms", "push", "webhook", "in_app"])
    assert found[alice.id, "sms"] == ("+442079460958",)
    assert len(found[alice.id, "push"]) == len(found[bob.id, "push"]) == 2
    assert (bob.id, "sms") not in found
    assert (bob.id, "webhook") not in found
    assert found[bob.id, "email"] == ("bob@example.test",)


def test_metadata_may_be_any_mapping(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    python_api.create_notification(
        alice, "system_alert", "Hello", "There", metadata=MappingProxyType({"a": 1})
    )
    assert db.session.scalars(select(Notification.data)).one() == {"a": 1}
