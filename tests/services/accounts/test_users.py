"""Accounts are created, signed in to, and changed by their owners."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database.base import db
from app.models import User
from app.services.accounts import passwords, users
from app.services.accounts.sign_in_throttle import TooManyAttempts
from app.services.base.errors import Conflict, Invalid
from tests.support import factories
from tests.support.audit import audit_entries
from tests.support.factories import PASSWORD
from tests.support.second_factor import turn_on

BAD_VALUES = {
    "email": ["nobody", "a b@example.test", "x@example.test\r\nBcc: y@example.test", "alice@example.test\0"],
    "name": [" ", "a" * 201, "Dana\x1b[31m"],
    "role": ["owner"],
    "time_zone": ["Mars/Olympus", "../../etc/passwd"],
    "password": ["too short", "x" * 201, "nul\0 in the middle", "Dana@example.test"],
}


def fail(email: str, times: int, now=None) -> None:
    for _attempt in range(times):
        with pytest.raises(Invalid):
            users.authenticate(email, "not the password", now=now)


def test_a_new_account_has_preferences_and_can_sign_in(app: Flask) -> None:
    made = users.create_user(
        "  Dana@Example.TEST ", " Dana   Quill ", role="admin", password="a good long one"
    )
    assert (made.email, made.name, made.role) == ("dana@example.test", "Dana Quill", "admin")
    assert made.preference.email_enabled
    assert not made.preference.daily_digest
    assert users.authenticate("DANA@example.test", "a good long one").id == made.id
    assert made.password_hash.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in BAD_VALUES.items() for value in values]
)
def test_a_bad_field_is_named_and_nothing_is_written(app: Flask, field: str, value: str) -> None:
    good = {"email": "dana@example.test", "name": "Dana", "role": "recruiter", "password": "a good long one"}
    with pytest.raises(Invalid) as caught:
        users.create_user(**(good | {field: value}))
    assert list(caught.value.errors) == [field]
    assert db.session.scalar(select(func.count(User.id))) == 0


def test_an_address_has_one_account_in_any_spelling(alice: User) -> None:
    with pytest.raises(Invalid) as caught:
        users.create_user("ALICE@example.test", "Another", password="a good long one")
    assert list(caught.value.errors) == ["email"]
    assert users.by_email(" Alice@EXAMPLE.test").id == alice.id
    assert users.by_email("alice") is None


def test_an_international_domain_is_stored_in_its_ascii_form(app: Flask) -> None:
    made = users.create_user("dana@bücher.example", "Dana", password="a good long one")
    assert made.email == "dana@xn--bcher-kva.example"
    assert users.by_email("Dana@BÜCHER.example") is made


def test_every_failed_sign_in_has_the_same_error(alice: User, charlie: User, bob: User) -> None:
    charlie.is_enabled = False
    bob.password_hash = None
    db.session.commit()
    said = set()
    for email, password in [
        (alice.email, "not the password"),
        (charlie.email, PASSWORD),
        (bob.email, PASSWORD),
        ("nobody@example.test", PASSWORD),
        ("not an address", PASSWORD),
    ]:
        with pytest.raises(Invalid) as caught:
            users.authenticate(email, password)
        said.add(str(caught.value))
    assert len(said) == 1


def test_an_unknown_address_takes_the_same_password_check(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []
    real = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda text, kept: checked.append(kept) or real(text, kept))
    fail("nobody@example.test", 1)
    fail(alice.email, 1)
    assert checked == [None, alice.password_hash]
    assert (
        passwords._decoy_hash().split("$")[:4] == alice.password_hash.split("$")[:4]
    )  # The same parameters.


def test_every_sign_in_is_audited_without_the_password(alice: User) -> None:
    users.authenticate(alice.email, PASSWORD, origin="192.0.2.1")
    fail(alice.email, 1)
    fail("my secret password in the wrong field", 1)
    ok, bad, odd = (*audit_entries("sign_in.ok"), *audit_entries("sign_in.failed"))
    assert (ok.actor_id, ok.subject, ok.detail["origin"]) == (alice.id, alice.email, "192.0.2.1")
    assert (bad.actor_id, bad.subject) == (None, alice.email)
    assert odd.subject == ""
    assert "password" not in str([odd.subject, odd.detail.get("origin")])
    assert alice.last_signed_in_at is not None


def test_an_outdated_hash_is_renewed_at_sign_in(alice: User) -> None:
    from argon2 import PasswordHasher

    alice.password_hash = PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    db.session.commit()
    users.authenticate(alice.email, PASSWORD)
    assert not passwords.is_outdated(alice.password_hash, PASSWORD)
    users.authenticate(alice.email, PASSWORD)


def test_a_profile_is_normalized(alice: User) -> None:
    users.update_profile(alice, name=" Alice  M. ", time_zone="Europe/Paris", phone="+44 (0)20 7946-0958")
    assert (alice.name, alice.time_zone, alice.phone) == ("Alice M.", "Europe/Paris", "+442079460958")
    assert audit_entries("account.updated")[0].detail == {"fields": ["name", "phone", "time_zone"]}
    users.update_profile(alice, name="Alice M.", time_zone="Europe/Paris", phone="0044 20 7946 0958")
    assert len(audit_entries("account.updated")) == 1
    users.update_profile(alice, name="Alice M.", time_zone="Europe/Paris", phone="+33 06 12 34 56 78")
    assert alice.phone == "+33612345678", "without the zero that only callers in France dial"
    users.update_profile(alice, name="Alice M.", time_zone="Europe/Paris", phone=" ")
    assert alice.phone == ""


@pytest.mark.parametrize(
    "phone",
    [
        "020 7946 0958",
        "+0123456789",
        "+1234567",
        "+1234567890123456",
        "+44 20 CALL ME",
        "+44 123",
        "+442079460958x5",
    ],
)
def test_a_phone_number_needs_its_country_code(alice: User, phone: str) -> None:
    with pytest.raises(Invalid) as caught:
        users.update_profile(alice, name="", time_zone="UTC", phone=phone)
    assert set(caught.value.errors) == {"name", "phone"}


def test_a_changed_password_is_audited_and_signs_in(alice: User) -> None:
    users.change_password(alice, PASSWORD, "another long password")
    assert users.authenticate(alice.email, "another long password")
    fail(alice.email, 1)
    assert [entry.actor_id for entry in audit_entries("password.changed")] == [alice.id]


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [("wrong", "another long password", "current_password"), (PASSWORD, "short", "new_password")],
)
def test_a_password_changes_only_with_the_current_one(
    alice: User, current: str, new: str, field: str
) -> None:
    before = alice.session_epoch
    with pytest.raises(Invalid) as caught:
        users.change_password(alice, current, new)
    assert list(caught.value.errors) == [field]
    assert alice.session_epoch == before


def test_guesses_at_the_current_password_are_limited(alice: User) -> None:
    for _attempt in range(10):
        with pytest.raises(Invalid):
            users.change_password(alice, "a guess", "another long password")
    with pytest.raises(TooManyAttempts):
        users.change_password(alice, PASSWORD, "another long password")


def test_of_two_simultaneous_password_changes_one_is_a_conflict(
    app: Flask, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = passwords.hash_password

    def change_first(text: str) -> str:
        monkeypatch.setattr(passwords, "hash_password", real)
        with app.app_context():
            users.change_password(db.session.get(User, alice.id), PASSWORD, "the one that was first")
        return real(text)

    monkeypatch.setattr(passwords, "hash_password", change_first)
    with pytest.raises(Conflict):
        users.change_password(alice, PASSWORD, "the one that was second")
    assert users.authenticate(alice.email, "the one that was first")


def change_while_checking(
    app: Flask, monkeypatch: pytest.MonkeyPatch, user: User, change: Callable[[User], object]
) -> None:
    """Let another request make a change while the password is compared, which takes a while."""

    def matches(text: str, kept: str | None) -> bool:
        monkeypatch.undo()
        with app.app_context():
            change(db.session.get_one(User, user.id))
        return passwords.matches(text, kept)

    monkeypatch.setattr(passwords, "matches", matches)


def test_a_password_replaced_while_it_is_checked_signs_no_one_in(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    dana = factories.user("dana@example.test")
    change_while_checking(
        any_app,
        monkeypatch,
        dana,
        lambda user: users.change_password(user, PASSWORD, "another long password"),
    )
    with pytest.raises(Invalid):
        users.authenticate(dana.email, PASSWORD)
    assert audit_entries("sign_in.ok") == []


def test_two_step_sign_in_turned_on_while_the_password_is_checked_asks_for_a_code(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    dana = factories.user("dana@example.test")
    change_while_checking(any_app, monkeypatch, dana, turn_on)
    with pytest.raises(users.CodeRequired):
        users.authenticate(dana.email, PASSWORD)


def test_checks_of_passwords_leave_half_of_the_cores_to_pages(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, niceness = 0, 0, set()

    def verify(_hash: str, _password: str) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        niceness.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        time.sleep(0.02)
        running -= 1
        return True

    hasher = SimpleNamespace(verify=verify)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    with ThreadPoolExecutor(8) as crowd:
        assert all(crowd.map(lambda _number: passwords.matches(PASSWORD, "a hash"), range(8)))
    assert most <= max(1, (os.cpu_count() or 1) // 2)
    if sys.platform == "linux":
        assert min(niceness) > os.getpriority(os.PRIO_PROCESS, os.getpid())


def test_a_password_of_two_megabytes_is_wrong_at_once(app: Flask, alice: User) -> None:
    started = time.process_time()
    with pytest.raises(Invalid):
        users.authenticate(alice.email, "\ufdfa" * 600_000)
    with pytest.raises(Invalid):
        users.authenticate(alice.email, PASSWORD + " " * 200)
    assert time.process_time() - started < 2
