"""Each preflight rule matters: without it, its case has a different result."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, NotificationTemplate, Room, RoomMessage, User
from app.services.routing import suppressions
from app.services.sending import preflight, preflight_rules
from tests.support import factories
from tests.support.delivery import pending_email
from tests.support.rooms import add_room

NOW = utc_now()
HOUR = timedelta(hours=1)


def account_email(alice: User, kind: str = "password_reset", **fields: Any) -> Delivery:
    row = Delivery(
        recipient_id=alice.id,
        kind=kind,
        channel=fields.pop("channel", "email"),
        address=fields.pop("address", alice.email),
        **fields,
    )
    db.session.add(row)
    db.session.commit()
    return row


def about_interview(alice: User, kind: str, interview: dict[str, Any], **fields: Any) -> Delivery:
    row = factories.notification(
        alice,
        notification_type=kind,
        interview=factories.interview(alice, **interview),
        interview_sequence=0,
        **fields,
    )
    return factories.delivery(row, address=alice.email, created_at=NOW - 3 * HOUR)


def disabled_recipient(alice: User) -> Delivery:
    alice.is_enabled = False
    return account_email(alice)


def link_to_a_former_address(alice: User) -> Delivery:
    return account_email(alice, address="alice.before@example.test")


def accepted_invite(alice: User) -> Delivery:
    return account_email(alice, "invitation")


def cancelled_interview(alice: User) -> Delivery:
    return about_interview(alice, "interview_scheduled", {"status": "cancelled"})


def begun_interview(alice: User) -> Delivery:
    return about_interview(alice, "interview_scheduled", {"starts_at": NOW - HOUR})


def moved_interview(alice: User) -> Delivery:
    return about_interview(alice, "interview_scheduled", {"sequence": 1})


def rebooked_interview(alice: User) -> Delivery:
    return about_interview(alice, "interview_cancelled", {})


def settled_evaluation(alice: User) -> Delivery:
    return about_interview(alice, "evaluation_due", {"starts_at": NOW - 2 * HOUR}, expires_at=NOW)


def repeated_reminder(alice: User) -> Delivery:
    row = about_interview(alice, "interview_reminder", {})
    factories.notification(
        alice,
        notification_type="interview_reminder",
        interview=row.notification.interview,
    )
    return row


def inactive_digest(alice: User) -> Delivery:
    alice.preference.daily_digest = True
    factories.notification(alice)
    template = db.session.query(NotificationTemplate).filter_by(name="daily_digest")
    template.update({"is_active": False})
    return account_email(alice, "daily_digest", created_at=NOW + HOUR)


def digest_turned_off(alice: User) -> Delivery:
    factories.notification(alice)
    return account_email(alice, "daily_digest", created_at=NOW + HOUR)


def empty_digest(alice: User) -> Delivery:
    alice.preference.daily_digest = True
    return account_email(alice, "daily_digest")


def cancelled_notification(alice: User) -> Delivery:
    row = pending_email(alice)
    row.notification.status = "cancelled"
    return row


def expired_delivery(alice: User) -> Delivery:
    return account_email(alice, expires_at=NOW)


def suppressed_address(alice: User) -> Delivery:
    suppressions.add("email", alice.email, "no such mailbox")
    return account_email(alice)


def removed_browser(alice: User) -> Delivery:
    return account_email(alice, "test", channel="push", address="push:999")


def read_while_held(alice: User) -> Delivery:
    row = pending_email(alice, reason="unread_wait")
    row.notification.read_at = NOW
    return row


CASES: dict[str, Callable[[User], Delivery]] = {
    "_recipient_is_disabled": disabled_recipient,
    "_address_was_changed": link_to_a_former_address,
    "_invite_was_accepted": accepted_invite,
    "_interview_is_cancelled": cancelled_interview,
    "_interview_has_begun": begun_interview,
    "_interview_was_moved": moved_interview,
    "_interview_was_rebooked": rebooked_interview,
    "_evaluation_is_settled": settled_evaluation,
    "_was_repeated": repeated_reminder,
    "_digest_is_inactive": inactive_digest,
    "_digest_is_off": digest_turned_off,
    "_digest_is_empty": empty_digest,
    "_notification_is_cancelled": cancelled_notification,
    "_is_expired": expired_delivery,
    "_address_is_suppressed": suppressed_address,
    "_endpoint_is_gone": removed_browser,
    "_was_seen_while_held": read_while_held,
}


def to_room(
    alice: User, kind: str = "candidate_hired", interview: dict[str, Any] | None = None, **fields: Any
) -> Delivery:
    room = db.session.get(Room, 1) or add_room(alice)
    values = {"notification_type": kind, "interview_sequence": 0, "fact_key": "", "created_at": NOW} | fields
    message = RoomMessage(
        room_id=room.id,
        category="interview",
        title="Title",
        message="Text",
        priority="medium",
        interview=None if interview is None else factories.interview(alice, **interview),
        **values,
    )
    db.session.add(message)
    row = Delivery(
        channel="slack", address=room.address, room_message=message, created_at=NOW - 3 * HOUR, due_at=NOW
    )
    db.session.add(row)
    db.session.commit()
    return row


def paused_room(alice: User) -> Delivery:
    row = to_room(alice)
    db.session.get_one(Room, 1).paused_at = NOW
    return row


def expired_message(alice: User) -> Delivery:
    row = to_room(alice)
    row.expires_at = NOW
    return row


def repeated_message(alice: User) -> Delivery:
    to_room(alice, fact_key="same", created_at=NOW - HOUR)
    return to_room(alice, fact_key="same", created_at=NOW - HOUR + timedelta(seconds=59))


ROOM_CASES: dict[str, Callable[[User], Delivery]] = {
    "_room_is_closed": paused_room,
    "_room_may_not_know": lambda alice: to_room(alice, is_confidential=True),
    "_interview_is_cancelled": lambda alice: to_room(alice, "interview_scheduled", {"status": "cancelled"}),
    "_interview_has_begun": lambda alice: to_room(alice, "interview_scheduled", {"starts_at": NOW - HOUR}),
    "_interview_was_moved": lambda alice: to_room(alice, "interview_rescheduled", {"sequence": 1}),
    "_interview_was_rebooked": lambda alice: to_room(alice, "interview_cancelled", {}),
    "_is_expired": expired_message,
    "_room_knows_already": repeated_message,
}


def answer(row: Delivery) -> tuple[str, str] | None:
    context = preflight.load_context(row.channel, [row], utc_now())
    result = preflight.check_before_sending(row, context, NOW)
    return result and (result.state, result.reason)


@pytest.mark.parametrize("rule", preflight_rules.RULES, ids=lambda rule: rule[0].__name__)
def test_each_rule_decides_its_case(
    app: Flask, alice: User, rule: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    applies, state, reason = rule
    row = CASES[applies.__name__](alice)
    db.session.commit()
    assert answer(row) == (state, reason)
    monkeypatch.setattr(preflight, "RULES", tuple(other for other in preflight_rules.RULES if other != rule))
    assert answer(row) != (state, reason)


@pytest.mark.parametrize("rule", preflight_rules.ROOM_RULES, ids=lambda rule: rule[0].__name__)
def test_each_rule_about_rooms_decides_its_case(
    app: Flask, bob: User, rule: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    applies, state, reason = rule
    assert answer(to_room(bob)) is None
    row = ROOM_CASES[applies.__name__](bob)
    db.session.commit()
    assert answer(row) == (state, reason)
    others = tuple(other for other in preflight_rules.ROOM_RULES if other != rule)
    monkeypatch.setattr(preflight, "ROOM_RULES", others)
    assert answer(row) is None


def test_every_rule_has_a_case() -> None:
    assert list(CASES) == [rule.__name__ for rule, _state, _reason in preflight_rules.RULES]
    assert list(ROOM_CASES) == [rule.__name__ for rule, _state, _reason in preflight_rules.ROOM_RULES]


@pytest.mark.parametrize("kind", ["interview_scheduled", "interview_rescheduled", "interview_reminder"])
def test_every_message_that_announces_an_interview_is_checked_for_it(
    app: Flask, alice: User, kind: str
) -> None:
    assert answer(about_interview(alice, kind, {"status": "cancelled"})) == ("skipped", "interview_cancelled")


@pytest.mark.parametrize("kind", ["interview_reminder", "evaluation_due"])
def test_of_two_reminders_the_newer_one_is_sent(app: Flask, alice: User, kind: str) -> None:
    row = about_interview(alice, kind, {})
    factories.notification(alice, notification_type=kind, interview=row.notification.interview)
    assert answer(row) == ("skipped", "said_again")


@pytest.mark.parametrize(
    ("reason", "is_sent"),
    [
        ("queued", True),
        ("deferred", True),
        ("unread_wait", False),
        ("quiet_hours", False),
        ("paused", False),
        ("released", False),
    ],
)
@pytest.mark.parametrize("seen", [{"read_at": NOW}, {"snoozed_until": NOW + HOUR}], ids=["read", "snoozed"])
def test_only_held_messages_are_dropped_when_read(
    app: Flask, alice: User, reason: str, is_sent: bool, seen: dict[str, object]
) -> None:
    row = pending_email(alice, reason=reason)
    for name, value in seen.items():
        setattr(row.notification, name, value)
    db.session.commit()
    assert answer(row) == (None if is_sent else ("skipped", "read_before_sending"))
