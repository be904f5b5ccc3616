"""Subscriptions as admins manage them: allowed URLs and types, secrets, limits, and what the audit log says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, User, Webhook
from app.services.accounts import webhooks
from app.services.base import signed_webhooks
from app.services.base.errors import Conflict, Invalid, LimitReached, NotFound
from app.services.deliveries import room_log, webhook_calls
from app.services.subscriptions import management
from app.services.subscriptions.calls import CREATED, FAILED, READ
from tests.support import factories
from tests.support.rooms import add_room

SECRET = "a key for tests only"
URL = "https://hooks.example.com/bellhop?key=hidden"


@pytest.fixture
def bob(any_app: Flask) -> User:
    return factories.user("bob@example.test", role="admin")


def create(bob: User, *types: str) -> Webhook:
    return management.create(URL, types or (CREATED,), actor=bob, secret=SECRET)[0]


def test_a_subscription_is_no_ones_webhook_and_its_secret_is_not_stored(bob: User) -> None:
    hook, secret = management.create(f" {URL} ", [FAILED, CREATED], actor=bob, secret=SECRET)
    assert (hook.url, hook.types, hook.user_id) == (URL, [CREATED, FAILED], None)
    assert signed_webhooks.signing_secrets(hook, SECRET, utc_now()) == (secret,)
    audited = " ".join(f"{row.subject} {row.detail}" for row in db.session.scalars(select(AuditEntry)))
    assert "hooks.example.com" in audited
    assert "hidden" not in audited
    kept = " ".join(str(value) for value in vars(hook).values())
    assert secret.removeprefix("whsec_") not in kept + audited
    assert webhooks.for_user(bob) == []
    with pytest.raises(NotFound):
        webhooks.get(bob, hook.id)


@pytest.mark.parametrize(
    ("url", "types", "field"),
    [
        ("http://hooks.example.com/", [CREATED], "url"),
        ("https://169.254.169.254/", [CREATED], "url"),
        (URL, [], "types"),
        (URL, [CREATED, "action.taken"], "types"),
    ],
)
def test_a_private_url_and_an_unknown_type_are_refused(
    bob: User, url: str, types: list[str], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        management.create(url, types, actor=bob, secret=SECRET)
    assert list(caught.value.errors) == [field]
    hook = create(bob)
    with pytest.raises(Invalid):
        management.change(hook.id, actor=bob, url=url, types=types)
    assert management.get(hook.id).types == [CREATED]


def test_what_is_changed_is_audited_and_what_stays_the_same_is_not(bob: User) -> None:
    hook = create(bob)
    management.change(hook.id, actor=bob, url=URL, types=[CREATED], is_enabled=True)
    management.change(hook.id, actor=bob, types=[READ])
    management.change(hook.id, actor=bob, is_enabled=False)
    management.change(hook.id, actor=bob, is_enabled=True)
    management.remove(hook.id, actor=bob)
    assert list(db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))) == [
        "subscription.created",
        "subscription.changed",
        "subscription.switched_off",
        "subscription.switched_on",
        "subscription.removed",
    ]
    with pytest.raises(NotFound):
        management.get(hook.id)


def test_a_persons_webhook_is_not_found_among_subscriptions(bob: User) -> None:
    own, _secret = webhooks.create(bob, URL, secret=SECRET)
    with pytest.raises(NotFound):
        management.remove(own.id, actor=bob)
    assert management.all_subscriptions() == []


def test_a_replaced_secret_also_signs_for_a_day(bob: User) -> None:
    hook, now = create(bob), utc_now()
    (old,) = signed_webhooks.signing_secrets(hook, SECRET, now)
    hook, new = management.rotate(hook.id, actor=bob, secret=SECRET, now=now)
    assert signed_webhooks.signing_secrets(hook, SECRET, now + timedelta(hours=23)) == (new, old)
    with pytest.raises(Conflict):
        management.rotate(hook.id, actor=bob, secret=SECRET, now=now + timedelta(hours=23))
    assert signed_webhooks.signing_secrets(hook, SECRET, now + timedelta(hours=24)) == (new,)


def test_their_number_and_their_tests_are_limited(bob: User) -> None:
    hook, now = create(bob), utc_now()
    for _time in range(management.MAX_SUBSCRIPTIONS - 1):
        create(bob)
    with pytest.raises(Invalid):
        create(bob)
    for _time in range(management.MAX_TESTS):
        management.send_test(hook.id, now)
    with pytest.raises(LimitReached) as caught:
        management.send_test(hook.id, now + timedelta(minutes=4))
    assert caught.value.retry_after == 6 * 60
    management.send_test(hook.id, now + timedelta(minutes=10, seconds=1))
    calls = webhook_calls.page_for_subscription(hook.id, bob).lines
    assert [call.title for call in calls] == ["Test"] * 11


def test_tests_of_rooms_count_for_themselves(bob: User) -> None:
    hook, room = create(bob), add_room(bob)
    for _time in range(management.MAX_TESTS):
        room_log.send_test(room.id, bob)
    assert management.send_test(hook.id).kind == "test"


def test_a_subscription_that_is_off_is_not_tested(bob: User) -> None:
    hook = create(bob)
    management.change(hook.id, actor=bob, is_enabled=False)
    with pytest.raises(Conflict):
        management.send_test(hook.id)
