"""Sign-in attempts are limited, and strangers cannot use up the attempts of an owner."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import SignInAttempt, User
from app.services.accounts import known_browsers, passwords, sign_in_throttle, users
from app.services.accounts.known_browsers import KnownBrowser
from app.services.accounts.sign_in_throttle import TooManyAttempts
from app.services.base.errors import Busy, Invalid
from tests.support.audit import audit_entries
from tests.support.factories import PASSWORD


def fail(email: str, times: int, now=None) -> None:
    for _attempt in range(times):
        with pytest.raises(Invalid):
            users.authenticate(email, "not the password", now=now)


@pytest.mark.parametrize("email", ["alice@example.test", "nobody@example.test", "not an address"])
def test_the_eleventh_attempt_within_fifteen_minutes_is_refused_with_a_wait(alice: User, email: str) -> None:
    start = utc_now()
    fail(email, 1, start)
    fail(email, 9, start + timedelta(minutes=5))
    with pytest.raises(TooManyAttempts) as caught:
        users.authenticate(email, PASSWORD, now=start + timedelta(minutes=6))
    assert caught.value.retry_after == 9 * 60
    assert "9 minutes" in str(caught.value)
    assert len(audit_entries("sign_in.locked")) == 1
    # Refused attempts do not extend it.
    fail(email, 1, start + timedelta(minutes=15, seconds=1))


def test_a_successful_sign_in_resets_the_count(alice: User) -> None:
    fail(alice.email, 9)
    users.authenticate(alice.email.upper(), PASSWORD)
    fail(alice.email, 9)
    users.authenticate(alice.email, PASSWORD)
    assert db.session.scalar(select(func.count(SignInAttempt.id))) == 0


def test_parallel_attempts_do_not_exceed_the_limit(any_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = []
    monkeypatch.setattr(passwords, "matches", lambda text, kept: bool(judged.append(text)))
    start = threading.Barrier(24)

    def guess() -> None:
        with any_app.app_context():
            start.wait()
            try:
                users.authenticate("alice@example.test", "a guess")
            except (Busy, Invalid, TooManyAttempts):
                pass
            finally:
                db.session.remove()

    threads = [threading.Thread(target=guess) for _number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(judged) <= sign_in_throttle.LIMIT


def guess(email: str, times: int, address: str, browser: KnownBrowser | None = None) -> None:
    for _attempt in range(times):
        with pytest.raises(Invalid):
            users.authenticate(email, "a guess", origin=address, known_browser=browser)


def test_a_stranger_cannot_lock_the_owner_out(app: Flask, alice: User, quick_hashes: None) -> None:
    guess(alice.email, 10, "203.0.113.9")
    with pytest.raises(TooManyAttempts):
        users.authenticate(alice.email, PASSWORD, origin="203.0.113.9")
    assert users.authenticate(alice.email, PASSWORD, origin="192.0.2.1") is alice
    # The owner's success does not reset the stranger's count.
    with pytest.raises(TooManyAttempts):
        users.authenticate(alice.email, PASSWORD, origin="203.0.113.9")


def test_many_strangers_cannot_lock_a_known_browser_out(app: Flask, alice: User, quick_hashes: None) -> None:
    known = KnownBrowser("d" * 32, (alice.id,))
    for number in range(5):
        guess(alice.email, 10, f"203.0.113.{number}")
    with pytest.raises(TooManyAttempts):
        users.authenticate(alice.email, PASSWORD, origin="192.0.2.1")
    assert users.authenticate(alice.email, PASSWORD, origin="192.0.2.1", known_browser=known) is alice


def test_a_known_browser_has_ten_attempts(app: Flask, alice: User, quick_hashes: None) -> None:
    known = KnownBrowser("d" * 32, (alice.id,))
    for number in range(10):
        guess(alice.email, 1, f"203.0.113.{number}", known)
    with pytest.raises(TooManyAttempts):
        users.authenticate(alice.email, PASSWORD, origin="192.0.2.1", known_browser=known)
    # From elsewhere the account is not affected.
    guess(alice.email, 1, "192.0.2.1")


def test_a_browser_known_for_one_account_gets_nothing_for_another(
    app: Flask, alice: User, charlie: User, quick_hashes: None
) -> None:
    known = KnownBrowser("d" * 32, (charlie.id,))
    guess(alice.email, 10, "203.0.113.9", known)
    with pytest.raises(TooManyAttempts):
        users.authenticate(alice.email, PASSWORD, origin="203.0.113.9", known_browser=known)


def test_one_address_cannot_try_many_accounts(app: Flask, alice: User, quick_hashes: None) -> None:
    for number in range(sign_in_throttle.ADDRESS_LIMIT):
        guess(f"person{number}@example.test", 1, "203.0.113.9")
    with pytest.raises(TooManyAttempts):
        users.authenticate(alice.email, PASSWORD, origin="203.0.113.9")
    assert users.authenticate(alice.email, PASSWORD, origin="192.0.2.1") is alice
    # A successful sign-in with another account does not reset it.
    assert users.authenticate(alice.email, PASSWORD, origin="192.0.2.1") is alice
    with pytest.raises(TooManyAttempts):
        users.authenticate(alice.email, PASSWORD, origin="203.0.113.9")


def test_addresses_of_one_ipv6_network_share_their_attempts(
    app: Flask, alice: User, quick_hashes: None
) -> None:
    for number in range(10):
        guess(alice.email, 1, f"2001:db8:0:1::{number:x}")
    with pytest.raises(TooManyAttempts):
        users.authenticate(alice.email, PASSWORD, origin="2001:db8:0:1:ffff:ffff:ffff:ffff")
    assert users.authenticate(alice.email, PASSWORD, origin="2001:db8:0:2::1") is alice


def test_wrong_passwords_in_a_session_do_not_lock_the_sign_in_page(
    app: Flask, alice: User, quick_hashes: None
) -> None:
    for _attempt in range(10):
        with pytest.raises(Invalid):
            users.confirm_password(alice, "a guess")
    with pytest.raises(TooManyAttempts):
        users.confirm_password(alice, PASSWORD)
    with pytest.raises(TooManyAttempts):
        users.change_password(alice, PASSWORD, "another long password")
    assert users.authenticate(alice.email, PASSWORD, origin="192.0.2.1") is alice


def test_the_cookie_of_a_browser_cannot_be_forged_and_expires(app: Flask, alice: User, charlie: User) -> None:
    now = utc_now()
    first = known_browsers.remember(None, alice, secret="s", now=now)
    browser = known_browsers.read(first, secret="s", now=now)
    assert browser is not None
    assert browser.knows(alice)
    assert not browser.knows(charlie)
    both = known_browsers.read(known_browsers.remember(browser, charlie, secret="s"), secret="s")
    assert both == KnownBrowser(browser.device, (charlie.id, alice.id))
    for text, secret, when in (
        (first, "another key", now),
        (first + "x", "s", now),
        ("", "s", now),
        (first, "s", now + timedelta(days=366)),
    ):
        assert known_browsers.read(text, secret=secret, now=when) is None


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare passwords without hashing: these tests make hundreds of attempts."""
    monkeypatch.setattr(passwords, "matches", lambda text, kept: kept is not None and text == PASSWORD)
