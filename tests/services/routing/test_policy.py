"""Preferences apply from the next message on, and a dry run equals the real run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services.events import data as event_data
from app.services.events import publish as event_publish
from app.services.notifications import actions
from app.services.preferences import editing as preference_editing
from app.services.routing import reasons, required_channels
from app.services.sending.worker import DeliveryWorker
from tests.support import factories
from tests.support.preferences import BEFORE, INSTANTS, QUIET, SWITCHES

THOROUGH = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NOTIFYING = [name for name, event in catalog.EVENTS.items() if event.notification_type]
EVENTS = st.tuples(st.sampled_from(NOTIFYING), st.sampled_from([None, *catalog.PRIORITIES]))


def event_in(kind: str, recipient: User, **data: Any) -> event_publish.IncomingEvent:
    # An interview of its own: of the same one, only the newest event counts.
    own = {"id": f"iv-{factories.unique()}"} if kind.startswith("interview.") else {}
    body = factories.event_body(kind, [recipient.email], **own | data)
    checked = event_data.validate(kind, body["data"])
    return event_publish.IncomingEvent(
        "/tests", body["id"], kind, datetime.fromisoformat(body["time"]), checked, [recipient.email]
    )


def verdicts_of(published: event_publish.PublishResult) -> list[tuple[Any, ...]]:
    return [
        (v.recipient_email, v.channel, v.state, v.reason, v.due_at) for v in published.describe_verdicts()
    ]


@THOROUGH
@given(chosen=SWITCHES, quiet=QUIET, event=EVENTS, now=INSTANTS)
def test_a_dry_run_equals_the_real_run(
    app: Flask,
    alice: User,
    chosen: dict[str, Any],
    quiet: dict[str, Any],
    event: tuple[str, str | None],
    now: datetime,
) -> None:
    preference_editing.change(alice, chosen | {"quiet_hours": quiet}, now=BEFORE)
    kind, priority = event
    incoming = event_in(kind, alice, **({"priority": priority} if priority else {}))
    dry, real = (
        event_publish.publish(incoming, dry_run=True, now=now),
        event_publish.publish(incoming, now=now),
    )
    assert verdicts_of(dry) == verdicts_of(real)
    rows = db.session.scalars(
        select(Delivery)
        .where(Delivery.notification_id == real.describe_verdicts()[0].notification_id)
        .order_by(Delivery.id)
    ).all()
    stored = [
        (
            alice.email,
            row.channel,
            row.state,
            reasons.describe(
                row.state, row.reason, row.reason_data, time_zone=alice.time_zone, due_at=row.due_at
            ),
        )
        for row in rows
    ]
    assert stored == [line[:4] for line in verdicts_of(real)], "the stored deliveries have the same reasons"


def turned_off(name: str) -> dict[str, Any]:
    if "." in name:
        category, channel = name.split(".")
        return {"matrix": {category: {channel: False}}}
    return {name: False}


@THOROUGH
@given(
    chosen=SWITCHES,
    event=EVENTS,
    channel=st.sampled_from(["email", "in_app"]),
    switch=st.sampled_from(["channel", "category", "cell"]),
)
def test_turning_a_switch_off_applies_to_the_next_event(
    app: Flask,
    alice: User,
    chosen: dict[str, Any],
    event: tuple[str, str | None],
    channel: str,
    switch: str,
) -> None:
    kind, priority = event
    category = catalog.category_of(str(catalog.EVENTS[kind].notification_type))
    names = {
        "channel": f"{channel}_enabled",
        "category": f"{category}_notifications",
        "cell": f"{category}.{channel}",
    }
    preference_editing.change(alice, chosen, now=BEFORE)
    preference_editing.change(alice, turned_off(names[switch]))
    published = event_publish.publish(event_in(kind, alice, **({"priority": priority} if priority else {})))
    states = {verdict.channel: verdict.state for verdict in published.describe_verdicts()}
    assert states[channel] == "skipped"


def email_of(user: User) -> Delivery:
    return db.session.scalars(
        select(Delivery)
        .where(Delivery.recipient_id == user.id, Delivery.channel == "email")
        .order_by(Delivery.id.desc())
        .execution_options(populate_existing=True)
    ).first()  # type: ignore[return-value]


NIGHT = datetime(2026, 11, 24, 23, tzinfo=UTC)
MORNING = datetime(2026, 11, 25, 7, 30, tzinfo=UTC)
QUIET_ON = {"quiet_hours": {"enabled": True, "start": "19:00", "end": "07:30"}}


def notify(user: User, now: datetime, **data: Any) -> None:
    event_publish.publish(event_in("interview.scheduled", user, **data), now=now)


def test_emails_are_held_until_quiet_hours_end(app: Flask, alice: User, worker: DeliveryWorker) -> None:
    preference_editing.change(alice, QUIET_ON)
    notify(alice, NIGHT)
    assert (email_of(alice).state, email_of(alice).reason) == ("pending", "quiet_hours")
    worker.deliver_due(MORNING - timedelta(seconds=1))
    assert email_of(alice).state == "pending"
    worker.deliver_due(MORNING + timedelta(minutes=5))
    assert email_of(alice).state == "sent"


def test_urgent_messages_are_sent_during_quiet_hours_and_pauses(
    app: Flask, alice: User, worker: DeliveryWorker
) -> None:
    preference_editing.change(
        alice, QUIET_ON | {"email_delay_minutes": 60, "paused_until": "2026-12-01T00:00:00Z"}, now=NIGHT
    )
    notify(alice, NIGHT, priority="urgent")
    worker.deliver_due(NIGHT)
    assert email_of(alice).state == "sent"


def test_the_inbox_ignores_quiet_hours_and_pauses(app: Flask, alice: User) -> None:
    preference_editing.change(alice, QUIET_ON | {"paused_until": "2026-12-01T00:00:00Z"}, now=NIGHT)
    notify(alice, NIGHT)
    shown = db.session.scalars(select(Delivery).where(Delivery.channel == "in_app")).one()
    assert (shown.state, shown.reason) == ("sent", "shown")


def test_ending_a_pause_early_releases_held_emails(app: Flask, alice: User, worker: DeliveryWorker) -> None:
    preference_editing.change(alice, {"paused_until": "2026-12-01T00:00:00Z"}, now=NIGHT)
    notify(alice, NIGHT)
    assert email_of(alice).reason == "paused"
    later = NIGHT + timedelta(hours=1)
    worker.deliver_due(later)
    assert email_of(alice).state == "pending"
    preference_editing.pause(alice, "", now=later)
    worker.deliver_due(later)
    assert email_of(alice).state == "sent"


def test_extending_a_pause_holds_emails_longer_without_expiring_them(
    app: Flask, alice: User, worker: DeliveryWorker
) -> None:
    preference_editing.pause(alice, "hour", now=NIGHT)
    event_publish.publish(event_in("candidate.added", alice), now=NIGHT)
    preference_editing.change(alice, {"paused_until": "2026-12-20T08:00:00Z"}, now=NIGHT)
    worker.deliver_due(NIGHT + timedelta(hours=2))
    assert (email_of(alice).state, email_of(alice).reason) == ("pending", "paused")
    end = datetime(2026, 12, 20, 8, tzinfo=UTC)
    assert end <= email_of(alice).due_at < end + timedelta(minutes=4)
    worker.deliver_due(end + timedelta(minutes=4))
    assert email_of(alice).state == "sent"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"email_enabled": False}, "channel_off"),
        ({"interview_notifications": False}, "category_off"),
        ({"matrix": {"interview": {"email": False}}}, "matrix_off"),
    ],
)
def test_held_emails_are_not_sent_after_a_switch_is_turned_off(
    app: Flask, alice: User, worker: DeliveryWorker, change: dict[str, Any], reason: str
) -> None:
    preference_editing.change(alice, QUIET_ON)
    notify(alice, NIGHT)
    preference_editing.change(alice, change, now=NIGHT)
    worker.deliver_due(MORNING + timedelta(minutes=5))
    assert (email_of(alice).state, email_of(alice).reason) == ("skipped", reason)


def test_notifications_read_during_quiet_hours_are_not_emailed(
    app: Flask, alice: User, worker: DeliveryWorker
) -> None:
    preference_editing.change(alice, QUIET_ON)
    notify(alice, NIGHT)
    row = db.session.scalars(select(Notification)).one()
    actions.change(alice, "read", ids=[row.id])
    worker.deliver_due(MORNING + timedelta(minutes=5))
    assert (email_of(alice).state, email_of(alice).reason) == ("skipped", "read_before_sending")


@pytest.mark.parametrize("minutes", [5, 15, 60])
def test_emails_are_held_while_they_may_be_read(
    app: Flask, alice: User, worker: DeliveryWorker, minutes: int
) -> None:
    preference_editing.change(alice, {"email_delay_minutes": minutes})
    noon = NIGHT.replace(hour=12)
    notify(alice, noon)
    worker.deliver_due(noon + timedelta(minutes=minutes, seconds=-1))
    assert (email_of(alice).state, email_of(alice).reason) == ("pending", "unread_wait")
    worker.deliver_due(noon + timedelta(minutes=minutes))
    assert email_of(alice).state == "sent"


def test_an_unread_wait_that_ends_in_quiet_hours_is_extended(
    app: Flask, alice: User, worker: DeliveryWorker
) -> None:
    preference_editing.change(alice, QUIET_ON | {"email_delay_minutes": 60})
    evening = NIGHT.replace(hour=18, minute=30)
    notify(alice, evening)
    worker.deliver_due(evening + timedelta(hours=1))
    assert (email_of(alice).state, email_of(alice).reason) == ("pending", "quiet_hours")
    worker.deliver_due(MORNING + timedelta(minutes=5))
    assert email_of(alice).state == "sent"


@pytest.mark.parametrize(
    ("priority", "state"),
    [("low", "skipped"), ("medium", "skipped"), ("high", "pending"), ("urgent", "pending")],
)
def test_only_low_and_medium_priorities_are_left_to_the_digest(
    app: Flask, alice: User, priority: str, state: str
) -> None:
    preference_editing.change(alice, {"daily_digest": True})
    published = event_publish.publish(event_in("candidate.added", alice, priority=priority))
    (mail,) = (verdict for verdict in published.describe_verdicts() if verdict.channel == "email")
    assert mail.state == state
    assert ("daily digest" in mail.reason) == (state == "skipped")


def test_required_channels_ignore_switches_but_not_quiet_hours(any_app: Flask) -> None:
    alice, bob = factories.user("alice@example.test"), factories.user("bob@example.test", role="admin")
    everything_off = {"email_enabled": False, "interview_notifications": False, "daily_digest": True}
    preference_editing.change(alice, QUIET_ON | everything_off | {"matrix": {"interview": {"email": False}}})
    required_channels.require("interview", "email", "Interviews are too important to miss.", actor=bob)
    published = event_publish.publish(event_in("interview.scheduled", alice, priority="medium"), now=NIGHT)
    states = {verdict.channel: (verdict.state, verdict.reason) for verdict in published.describe_verdicts()}
    assert states["email"][0] == "pending"
    assert "when quiet hours end" in states["email"][1]
    assert states["in_app"][0] == "skipped", "only email is required"
    required_channels.release("interview", "email", actor=bob)
    published = event_publish.publish(event_in("interview.scheduled", alice), now=utc_now())
    assert {verdict.state for verdict in published.describe_verdicts()} == {"skipped"}
