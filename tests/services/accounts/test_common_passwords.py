"""Passwords that are easy to guess are refused, with the reason; long ones of any kind are not."""

# ruff: noqa: RUF001
from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from flask import Flask

from app.database.base import db
from app.models import User
from app.services.accounts import passwords, users
from app.services.base.errors import Invalid
from app.services.operations import demo
from tests.support.factories import PASSWORD

OWNER = {"email": "alice.moreau@alder-robotics.example", "name": "Alice Moreau"}
WEAK = {
    "common password": [
        "1q2w3e4r5t",
        "Password123!",
        "P@ssw0rd2026",
        "passw0rd1234",
        "letmein123",
        "!!iloveyou!!",
        "Summer2026!",
        "changeme123",
        "qazwsxedcrfv",
        "monkeydragon",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff11\uff12\uff13",
        "пароль12345",
        "1234567890",
        "qwertyuiop",
        "0987654321",
    ],
    "sequence from the keyboard": ["jklmnopqrs", "asdfghjkl;'", "йцукенгшщзх", "ςερτυθιοπασδ"],
    "repeats": [
        "парольпароль",
        "abcabcabcabc",
        "abcabcabcabc1!",
        "aaaaaaaaaa",
        "パスワードパスワード",
        "a" * 150,
    ],
    "date": ["2026-11-29", "29.11.2026"],
    "consists of": [
        "Bellhop2026!",
        "bellhopbellhop",
        "alice.moreau@alder-robotics.example",
        "alicemoreau1",
        "Alder-Robotics-1",
        "moreau_alice",
        "bellhop-alice-99",
    ],
}


@pytest.mark.parametrize(
    ("password", "reason"), [(each, reason) for reason, several in WEAK.items() for each in several]
)
def test_a_password_that_is_easy_to_guess_is_refused_with_the_reason(
    app: Flask, password: str, reason: str
) -> None:
    problem = passwords.password_problem(password, **OWNER)
    assert problem, "it was taken"
    assert reason in problem


@pytest.mark.parametrize(
    "password",
    [
        "a harbour in Lisbon",
        "thunderous-lagoon-42",
        "k7#x9!q2zz",
        "8fq2l0vmw4",
        "alice reads maps backwards",
        "bellhop rings thrice daily",
        "мой длинный пароль из слов",
        "田中さんは採用担当です",
        "رمز طويل من كلمات كثيرة",
        "seven quiet herons walked past " * 6,
        PASSWORD,
        demo.PASSWORD,
    ],
)
def test_long_or_irregular_passwords_are_accepted_without_rules_about_characters(
    app: Flask, password: str
) -> None:
    assert passwords.password_problem(password, **OWNER) is None


def test_personal_words_only_affect_their_owners_password(app: Flask) -> None:
    assert passwords.password_problem("gunnarsdottir", name="Gunnarsdottir", email="g@example.test")
    assert passwords.password_problem("gunnarsdottir and sons", name="Alice", email="a@example.test") is None


@pytest.mark.parametrize(
    "typed", ["ångström på väg", "a\u030angstro\u0308m pa\u030a va\u0308g", "\uff41\u030angström på väg"]
)
def test_a_password_is_the_same_in_every_unicode_form(app: Flask, typed: str) -> None:
    users.create_user("dana@example.test", "Dana", password="ångström på väg")
    assert users.authenticate("dana@example.test", typed).name == "Dana"


def test_a_password_kept_as_it_was_typed_still_works_and_is_hashed_again(alice: User) -> None:
    typed = "a\u030angstro\u0308m pa\u030a va\u0308g"
    alice.password_hash = old = PasswordHasher().hash(typed)
    db.session.commit()
    assert users.authenticate(alice.email, typed).id == alice.id
    assert alice.password_hash != old
    kept = alice.password_hash
    assert users.authenticate(alice.email, "ångström på väg").id == alice.id
    assert users.authenticate(alice.email, typed).id == alice.id
    assert alice.password_hash == kept


def test_changes_and_resets_refuse_common_passwords_too(alice: User) -> None:
    with pytest.raises(Invalid) as caught:
        users.change_password(alice, PASSWORD, "qwertyuiop")
    assert list(caught.value.errors) == ["new_password"]
