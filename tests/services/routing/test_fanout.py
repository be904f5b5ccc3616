"""Which channels a notification takes: its template's, and what each person has switched on."""

from __future__ import annotations

from datetime import timedelta
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
    """Somebody with a verified phone, two browsers and a webhook."""
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


def test_what_a_person_switched_on_is_added_to_the_templates_channels(any_app: Flask) -> None:
    alice = reachable("alice@example.test", **ON)
    publish(alice)
    found = states(alice)
    assert found["sms"] == found["webhook"] == [("pending", "queued")]
    # Two browsers, two deliveries: one may be gone while the other shows it.
    assert found["push"] == [("pending", "queued")] * 2
    note = db.session.scalars(select(Notification)).one()
    assert note.channels == ["email", "in_app", "sms", "push", "webhook"]


def test_who_switched_nothing_on_hears_as_before(any_app: Flask) -> None:
    alice = reachable("alice@example.test")
    publish(alice)
    assert set(states(alice)) == {"email", "in_app"}


def test_who_switched_a_way_on_but_cannot_be_reached_by_it_is_told_what_is_missing(any_app: Flask) -> None:
    charlie = factories.user("charlie@example.test", phone="+442079460958", preference=ON)
    hook = Webhook(user_id=charlie.id, url="https://h.example.com/", secret_salt="s", disabled_at=utc_now())
    db.session.add(hook)
    db.session.commit()
    publish(charlie)
    found = states(charlie)
    assert all(found[name] == [("skipped", "no_address")] for name in catalog.PERSONAL_CHANNELS)
    note = db.session.scalars(select(Notification)).one()
    told = {way.channel: way.words for way in explanations.for_owner(charlie, note.id).ways}
    assert told["sms"] == "Not sent: there is no verified phone number"
    assert told["push"] == "Not sent: no browser asked for notifications"
    assert told["webhook"] == "Not sent: no webhook is switched on"


def test_a_switch_of_a_category_counts_for_an_added_way_too(any_app: Flask) -> None:
    alice = reachable("alice@example.test", **ON, matrix={"resume": {"push": False}})
    publish(alice)
    assert states(alice)["push"] == [("skipped", "matrix_off")]
    assert states(alice)["sms"] == [("pending", "queued")]


def test_whoever_names_the_channels_gets_those_and_no_others(any_app: Flask) -> None:
    alice = reachable("alice@example.test", **ON)
    python_api.create_notification(alice, "system_alert", "Hello", "There", channels=["in_app", "push"])
    assert set(states(alice)) == {"in_app", "push"}


def test_what_an_admin_locked_reaches_who_switched_it_off(any_app: Flask) -> None:
    alice = reachable("alice@example.test")
    db.session.add(PreferenceLock(category="resume", channel="sms", reason="On call"))
    db.session.commit()
    publish(alice)
    assert states(alice)["sms"] == [("pending", "queued")]
    assert "push" not in states(alice)


def test_an_added_way_waits_for_the_morning_like_any_other(any_app: Flask) -> None:
    until = utc_now() + timedelta(hours=3)
    alice = reachable("alice@example.test", **ON, paused_until=until)
    publish(alice)
    assert states(alice)["sms"] == [("pending", "paused")]


@pytest.mark.parametrize("preference", [ON, {}, {"sms_enabled": True}, ON | {"daily_digest": True}])
def test_the_dry_run_says_what_the_real_run_does(any_app: Flask, preference: dict[str, Any]) -> None:
    alice = reachable("alice@example.test", **preference)
    bob = reachable("bob@example.test", **ON, matrix={"resume": {"sms": False}})
    foreseen = publish(alice, bob, dry_run=True).describe_verdicts()
    done = publish(alice, bob).describe_verdicts()
    assert [(v.recipient_email, v.channel, v.state, v.reason) for v in foreseen] == [
        (v.recipient_email, v.channel, v.state, v.reason) for v in done
    ]


def test_addresses_are_each_persons_own_and_only_those_that_may_be_used(any_app: Flask) -> None:
    alice, bob = reachable("alice@example.test"), reachable("bob@example.test")
    bob.phone = "+442079460000"  # Changed, and not verified since.
    hook = db.session.scalars(select(Webhook).where(Webhook.user_id == bob.id)).one()
    hook.disabled_at = utc_now()
    db.session.commit()
    found = addresses.find_addresses([alice, bob], ["email", "sms", "push", "webhook", "in_app"])
    assert found[alice.id, "sms"] == ("+442079460958",)
    assert len(found[alice.id, "push"]) == len(found[bob.id, "push"]) == 2
    assert (bob.id, "sms") not in found
    assert (bob.id, "webhook") not in found
    assert found[bob.id, "email"] == ("bob@example.test",)
