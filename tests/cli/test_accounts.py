"""`flask users` and `flask tokens`."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import ApiToken, BrowserSession, User
from app.services.accounts import sessions, tokens, users
from tests.support.audit import audit_entries
from tests.support.factories import PASSWORD
from tests.support.second_factor import turn_on


def run(app: Flask, *words: str, typed: str = ""):
    return app.test_cli_runner().invoke(args=list(words), input=typed)


def test_a_user_is_created_and_can_sign_in(app: Flask) -> None:
    done = run(
        app,
        "users",
        "create",
        "Dana@example.test",
        "--name",
        "Dana Q",
        "--role",
        "admin",
        "--password",
        "a long one!",
    )
    assert (done.exit_code, done.stderr) == (0, "")
    user = users.authenticate("dana@example.test", "a long one!")
    assert (user.name, user.role) == ("Dana Q", "admin")


def test_the_password_can_be_piped_in(app: Flask) -> None:
    done = run(app, "users", "create", "dana@example.test", "--name", "Dana", typed="a long one!\n")
    assert done.exit_code == 0
    assert users.authenticate("dana@example.test", "a long one!").role == "recruiter"


@pytest.mark.parametrize(
    "words",
    [
        ("users", "create", "dana", "--name", "Dana", "--password", "a long one!"),
        ("users", "create", "dana@example.test", "--name", "Dana", "--password", "short"),
        (
            "users",
            "create",
            "dana@example.test",
            "--name",
            "Dana",
            "--role",
            "owner",
            "--password",
            "a long one!",
        ),
        ("users", "create", "alice@example.test", "--name", "Alice", "--password", "a long one!"),
        ("users", "reset-second-factor", "nobody@example.test"),
        ("users", "reset-second-factor", "alice@example.test"),
        ("tokens", "create", "nobody@example.test", "--scopes", "read"),
        ("tokens", "create", "alice@example.test", "--scopes", "read,all"),
        ("tokens", "create", "alice@example.test", "--scopes", ","),
        ("tokens", "create", "alice@example.test", "--scopes", "read", "--days", "0"),
    ],
)
def test_errors_are_one_sentence_on_stderr(app: Flask, alice: User, words: tuple[str, ...]) -> None:
    done = run(app, *words)
    assert done.exit_code in {1, 2}
    assert done.stdout == ""
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert db.session.scalar(select(func.count(User.id))) == 1
    assert db.session.scalar(select(func.count(ApiToken.id))) == 0


def test_a_locked_out_admin_signs_in_with_the_password_again(app: Flask, bob: User) -> None:
    turn_on(bob)
    sessions.start(bob)
    done = run(app, "users", "reset-second-factor", "BOB@example.test")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "bob@example.test signs in with only the password now.\n"
    assert users.authenticate(bob.email, PASSWORD).id == bob.id
    assert db.session.scalar(select(func.count(BrowserSession.id))) == 0
    assert [entry.subject for entry in audit_entries("second_factor.reset")] == [bob.email]


def test_a_token_is_printed_alone(app: Flask, bob: User) -> None:
    done = run(
        app, "tokens", "create", "BOB@example.test", "--scopes", "read, write,events,admin", "--days", "30"
    )
    assert (done.exit_code, done.stderr) == (0, "")
    token = tokens.authenticate(done.stdout.removesuffix("\n"))
    assert token is not None
    assert token.scopes == {"read", "write", "events", "admin"}
    assert (token.expires_at - utc_now()).days in {29, 30}
