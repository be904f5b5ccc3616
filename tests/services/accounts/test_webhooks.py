"""A person's webhooks: allowed URLs, secrets, and what is shown of them."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, User, Webhook
from app.services.accounts import direct_messages, webhooks
from app.services.base import signed_webhooks
from app.services.base.errors import Conflict, Invalid, LimitReached, NotFound
from app.services.deliveries import webhook_calls
from tests.support import factories
from tests.support.endpoints import add_webhook

SECRET = "a key for tests only"
URL = "https://hooks.example.com/bellhop?who=alice"


@pytest.fixture
def alice(any_app: Flask) -> User:
    return factories.user("alice@example.test")


def test_a_new_webhook_is_enabled_and_its_secret_is_not_stored(alice: User) -> None:
    hook, secret = webhooks.create(alice, f" {URL} ", secret=SECRET)
    assert hook.url == URL
    assert alice.preference.webhook_enabled
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert signed_webhooks.signing_secrets(hook, SECRET, utc_now()) == (secret,)
    kept = " ".join(str(value) for value in vars(hook).values())
    audited = " ".join(str(entry.detail) for entry in db.session.scalars(select(AuditEntry)))
    assert secret.removeprefix("whsec_") not in kept + audited
    assert "who=alice" not in audited


def test_a_replaced_secret_also_signs_for_a_day(alice: User) -> None:
    now = utc_now()
    hook, old = webhooks.create(alice, URL, secret=SECRET, now=now)
    hook, new = webhooks.rotate(alice, hook.id, secret=SECRET, now=now)
    assert old != new
    assert signed_webhooks.signing_secrets(hook, SECRET, now + timedelta(hours=23, minutes=59)) == (new, old)
    assert signed_webhooks.signing_secrets(hook, SECRET, now + timedelta(hours=24)) == (new,)


def test_a_third_secret_within_a_day_is_a_conflict(alice: User) -> None:
    now = utc_now()
    hook, old = webhooks.create(alice, URL, secret=SECRET, now=now)
    hook, new = webhooks.rotate(alice, hook.id, secret=SECRET, now=now)
    with pytest.raises(Conflict):
        webhooks.rotate(alice, hook.id, secret=SECRET, now=now + timedelta(hours=23))
    assert signed_webhooks.signing_secrets(hook, SECRET, now + timedelta(hours=23)) == (new, old)
    assert webhooks.rotate(alice, hook.id, secret=SECRET, now=now + timedelta(hours=24))[1] not in {new, old}


def test_webhooks_have_different_secrets(alice: User) -> None:
    made = {webhooks.create(alice, URL, secret=SECRET)[1] for _time in range(3)}
    assert len(made) == 3


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "http://hooks.example.com/",
        "javascript:alert(1)",
        "https://localhost/",
        "https://printer/",
        "https://nas.local/",
        "https://metadata.google.internal/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://user:password@example.com/",
        "https://example.com:22/",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://example.com/\u202ea b",
        "https://example.com/" + "x" * 500,
    ],
)
def test_unreachable_and_private_urls_are_refused(alice: User, url: str) -> None:
    with pytest.raises(Invalid) as caught:
        webhooks.create(alice, url, secret=SECRET)
    assert "url" in caught.value.errors
    assert db.session.scalars(select(Webhook)).all() == []


def test_a_user_has_at_most_five_webhooks(alice: User) -> None:
    for _time in range(webhooks.MAX_WEBHOOKS):
        webhooks.create(alice, URL, secret=SECRET)
    with pytest.raises(Invalid):
        webhooks.create(alice, URL, secret=SECRET)


def test_anothers_webhook_is_not_found(alice: User) -> None:
    hook, _secret = webhooks.create(alice, URL, secret=SECRET)
    charlie = factories.user("charlie@example.test")
    for call in (
        lambda: webhooks.rotate(charlie, hook.id, secret=SECRET),
        lambda: webhooks.remove(charlie, hook.id),
        lambda: webhook_calls.send_test(charlie, hook.id),
        lambda: webhooks.change(charlie, hook.id, is_enabled=True),
    ):
        with pytest.raises(NotFound):
            call()
    assert webhooks.for_user(charlie) == []


def test_recent_calls_are_those_of_this_webhook_newest_first(alice: User) -> None:
    first, _secret = webhooks.create(alice, URL, secret=SECRET)
    second, _secret = webhooks.create(alice, URL, secret=SECRET)
    for number in range(12):
        note = factories.notification(alice, f"Number {number}")
        factories.delivery(note, "webhook", address=first.address)
    webhook_calls.send_test(alice, second.id)
    one, two = webhook_calls.for_user(alice)
    assert [call.title for call in one.calls] == [f"Number {n}" for n in range(11, 1, -1)]
    assert ([call.title for call in two.calls], two.is_busy, one.is_busy) == (["Test"], True, False)


def test_tests_are_limited_over_all_webhooks_and_browsers(alice: User) -> None:
    charlie = factories.user("charlie@example.test")
    hook, his = add_webhook(alice, URL), add_webhook(charlie, URL)
    now = utc_now()
    for _number in range(direct_messages.MAX_TESTS):
        webhook_calls.send_test(alice, hook.id, now=now)
    with pytest.raises(LimitReached) as caught:
        webhook_calls.send_test(alice, hook.id, now=now + timedelta(minutes=4))
    assert caught.value.retry_after == 6 * 60
    webhook_calls.send_test(charlie, his.id, now=now)
    webhook_calls.send_test(alice, hook.id, now=now + timedelta(minutes=10, seconds=1))
