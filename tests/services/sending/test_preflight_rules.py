"""Each row of the preflight rules matters: without it, its case has another answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, NotificationTemplate, User
from app.services.routing import suppressions
from app.services.sending import preflight, preflight_rules
from tests.support import factories
from tests.support.delivery import pending_email

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


def answer(row: Delivery) -> tuple[str, str] | None:
    context = preflight.load_context(row.channel, [row])
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
def test_read_before_sending_counts_only_for_what_was_held_back(
    app: Flask, alice: User, reason: str, is_sent: bool, seen: dict[str, object]
) -> None:
    row = pending_email(alice, reason=reason)
    for name, value in seen.items():
        setattr(row.notification, name, value)
    db.session.commit()
    assert answer(row) == (None if is_sent else ("skipped", "read_before_sending"))
