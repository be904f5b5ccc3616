"""Sign-in attempts are limited per address."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import SignInAttempt, User
from app.services.accounts import passwords, sign_in_throttle, users
from app.services.accounts.sign_in_throttle import TooManyAttempts
from app.services.base.errors import Invalid
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
    # Refused tries do not make it longer.
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
            except (Invalid, TooManyAttempts):
                pass
            finally:
                db.session.remove()

    threads = [threading.Thread(target=guess) for _number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(judged) <= sign_in_throttle.LIMIT
