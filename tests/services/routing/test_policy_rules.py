"""Each rule of the delivery policy decides a case that no other rule decides, and their order is the contract's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from app.models import UserNotificationPreference
from app.services.base.recipients import Recipient
from app.services.routing import policy
from app.services.routing.policy import DecisionInput

NOON = datetime(2026, 3, 11, 12, tzinfo=UTC)
NIGHT = datetime(2026, 3, 11, 23, tzinfo=UTC)
QUIET: dict[str, Any] = {"quiet_enabled": True, "quiet_start": time(22), "quiet_end": time(7)}
SWITCHES = ("email", "in_app", "sms", "push", "webhook")
CATEGORIES = ("interview", "resume", "candidate", "job", "evaluation", "system")


def preference(**chosen: Any) -> UserNotificationPreference:
    values: dict[str, Any] = {
        **{f"{channel}_enabled": True for channel in SWITCHES},
        **{f"{category}_notifications": True for category in CATEGORIES},
        "matrix": {},
        "daily_digest": False,
        "weekly_summary": False,
        "quiet_enabled": False,
        "quiet_start": time(19),
        "quiet_end": time(7),
        "quiet_days": list(range(7)),
        "paused_until": None,
        "email_delay_minutes": 0,
    }
    return UserNotificationPreference(**values | chosen)


def facts(chosen: dict[str, Any] | None = None, *, is_enabled: bool = True, **given: Any) -> DecisionInput:
    """Build the input for an email of normal priority that would be sent, except for the given fields."""
    preferences = preference(**(chosen or {}))
    user = Recipient(1, "alice@example.test", "", "UTC", "en", is_enabled, preferences)
    values: dict[str, Any] = {
        "user": user,
        "preference": preferences,
        "channel": "email",
        "notification_type": "resume_processed",
        "category": "resume",
        "priority": "medium",
        "address": "alice@example.test",
        "is_template_active": True,
        "is_required": False,
        "suppressed_because": None,
        "shown_at": NOON,
        "due_at": NOON,
        "useful_until": None,
        "is_digest_active": True,
    }
    return DecisionInput(**values | given)


NIGHTLY = {"shown_at": NIGHT, "due_at": NIGHT}
MATRIX_OFF = {"matrix": {"resume": {"email": False}}}
DIGEST, WAITS = {"daily_digest": True}, {"email_delay_minutes": 15}

# (case, what is decided, the reason)
CASES: list[tuple[str, DecisionInput, str]] = [
    ("nothing against it", facts(), "queued"),
    ("in the inbox", facts(channel="in_app", address=""), "shown"),
    ("later", facts(due_at=NOON + timedelta(hours=1), shown_at=NOON + timedelta(hours=1)), "scheduled"),
    ("inactive account", facts(is_enabled=False), "recipient_inactive"),
    ("inactive account, required", facts(is_enabled=False, is_required=True), "recipient_inactive"),
    ("inactive template", facts(is_template_active=False), "template_inactive"),
    ("inactive template, required", facts(is_template_active=False, is_required=True), "template_inactive"),
    ("muted", facts(muted_by="candidate:c-1"), "candidate_muted"),
    ("muted, required", facts(muted_by="candidate:c-1", is_required=True), "queued"),
    ("muted, urgent", facts(muted_by="type:resume_processed", priority="urgent"), "queued"),
    ("muted and category off", facts({"resume_notifications": False}, muted_by="job:j-1"), "job_muted"),
    ("category off", facts({"resume_notifications": False}), "category_off"),
    ("category off, required", facts({"resume_notifications": False}, is_required=True), "queued"),
    ("category off, urgent", facts({"resume_notifications": False}, priority="urgent"), "category_off"),
    ("channel off", facts({"email_enabled": False}), "channel_off"),
    ("channel off, required", facts({"email_enabled": False}, is_required=True), "queued"),
    ("matrix cell off", facts(MATRIX_OFF), "matrix_off"),
    ("matrix cell off, required", facts(MATRIX_OFF, is_required=True), "queued"),
    ("another cell off", facts({"matrix": {"job": {"email": False}, "resume": {"sms": False}}}), "queued"),
    ("no address", facts(address=""), "no_address"),
    ("no address, required", facts(address="", is_required=True), "no_address"),
    ("suppressed", facts(suppressed_because="5.1.1"), "address_suppressed"),
    ("suppressed, required", facts(suppressed_because="5.1.1", is_required=True), "address_suppressed"),
    ("in the digest", facts(DIGEST), "in_digest"),
    ("in the digest, low", facts(DIGEST, priority="low"), "in_digest"),
    ("in the digest, required", facts(DIGEST, is_required=True), "queued"),
    ("digest switched off by admins", facts(DIGEST, is_digest_active=False), "queued"),
    ("high passes the digest", facts(DIGEST, priority="high"), "queued"),
    ("urgent passes the digest", facts(DIGEST, priority="urgent"), "queued"),
    (
        "a reminder passes the digest",
        facts(DIGEST, notification_type="interview_reminder", category="interview"),
        "queued",
    ),
    ("text messages pass the digest", facts(DIGEST, channel="sms", address="+44"), "queued"),
    ("already digested", facts(DIGEST, priority="high", is_listed_in_digest=True), "digested"),
    ("already digested, required", facts(DIGEST, is_listed_in_digest=True, is_required=True), "digested"),
    ("already digested, urgent", facts(DIGEST, priority="urgent", is_listed_in_digest=True), "queued"),
    ("quiet hours", facts(QUIET, **NIGHTLY), "quiet_hours"),
    ("quiet hours, required", facts(QUIET, **NIGHTLY, is_required=True), "quiet_hours"),
    ("urgent passes quiet hours", facts(QUIET, **NIGHTLY, priority="urgent"), "queued"),
    ("the inbox knows no quiet hours", facts(QUIET, **NIGHTLY, channel="in_app"), "shown"),
    ("paused", facts({"paused_until": NOON + timedelta(days=1)}), "paused"),
    ("urgent passes a pause", facts({"paused_until": NOON + timedelta(days=1)}, priority="urgent"), "queued"),
    ("only if unread", facts(WAITS), "unread_wait"),
    ("only if unread, required", facts(WAITS, is_required=True), "unread_wait"),
    ("urgent does not wait", facts(WAITS, priority="urgent"), "queued"),
    ("text messages do not wait", facts(WAITS, channel="sms", address="+44"), "queued"),
    ("the wait is over", facts(WAITS, shown_at=NOON - timedelta(minutes=15)), "queued"),
    ("waiting would be too late", facts(WAITS, useful_until=NOON + timedelta(minutes=10)), "queued"),
]
IDS = [name for name, _, _ in CASES]


def decide(each: DecisionInput) -> str:
    # The present is noon, except in the cases about the night.
    return policy.decide(each, NIGHT if each.due_at == NIGHT else NOON).reason


def decisions() -> list[str]:
    return [decide(each) for _, each, _ in CASES]


@pytest.mark.parametrize(("each", "reason"), [(each, reason) for _, each, reason in CASES], ids=IDS)
def test_the_policy_decides_each_case(each: DecisionInput, reason: str) -> None:
    assert decide(each) == reason


@pytest.mark.parametrize("place", range(len(policy.RULES)), ids=[rule.__name__ for rule in policy.RULES])
def test_no_rule_can_go_unnoticed(monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    before = decisions()
    monkeypatch.setattr(policy, "RULES", policy.RULES[:place] + policy.RULES[place + 1 :])
    assert decisions() != before


@pytest.mark.parametrize(
    ("name", "member"),
    [
        *(("PRIORITIES_NOT_IN_DIGEST", each) for each in sorted(policy.PRIORITIES_NOT_IN_DIGEST)),
        *(("TYPES_NOT_IN_DIGEST", each) for each in sorted(policy.TYPES_NOT_IN_DIGEST)),
    ],
)
def test_no_member_of_the_policys_sets_can_go_unnoticed(
    monkeypatch: pytest.MonkeyPatch, name: str, member: str
) -> None:
    before = decisions()
    monkeypatch.setattr(policy, name, getattr(policy, name) - {member})
    assert decisions() != before


# In the order of the contract: of two reasons that both apply, the earlier one is given.
ORDER: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("recipient_inactive", {}, {"is_enabled": False}),
    ("template_inactive", {}, {"is_template_active": False}),
    ("candidate_muted", {}, {"muted_by": "candidate:c-1"}),
    ("category_off", {"resume_notifications": False}, {}),
    ("channel_off", {"email_enabled": False}, {}),
    ("matrix_off", MATRIX_OFF, {}),
    ("no_address", {}, {"address": ""}),
    ("in_digest", DIGEST, {}),
    ("digested", {}, {"is_listed_in_digest": True}),
    ("quiet_hours", QUIET, NIGHTLY),
    ("unread_wait", WAITS, {}),
]


@pytest.mark.parametrize(
    ("first", "second"),
    [(ORDER[i], ORDER[j]) for i in range(len(ORDER)) for j in range(i + 1, len(ORDER))],
    ids=lambda each: each[0],
)
def test_of_two_reasons_the_earlier_one_is_given(
    first: tuple[str, dict[str, Any], dict[str, Any]], second: tuple[str, dict[str, Any], dict[str, Any]]
) -> None:
    both = facts(first[1] | second[1], **(first[2] | second[2]))
    assert policy.decide(both, both.due_at).reason == first[0]


def test_only_required_channels_override_a_persons_own_switches() -> None:
    """An admin's requirement is about switches, not about accounts, templates, addresses or the time of day."""
    overridden = {
        reason
        for _, each, reason in CASES
        if not each.is_required and decide(replace(each, is_required=True)) != reason
    }
    mutes = {"candidate_muted", "job_muted"}
    assert overridden == mutes | {"category_off", "channel_off", "matrix_off", "in_digest"}
