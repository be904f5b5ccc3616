"""The demo's published password opens nothing where others can reach the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.database.base import db
from app.models import User
from app.services.accounts import administration, demo_people, passwords, users
from app.services.base.errors import Invalid
from app.services.operations import demo, doctor
from tests.conftest import make_app
from tests.support import factories
from tests.views.forms import send

ADMIN = "admin@bellhop.example"


@pytest.fixture
def public_app(app: Flask) -> Iterator[Flask]:
    """Serve the database of a loopback demo at a public address."""
    demo.load()
    yield make_app(
        app.config["SQLALCHEMY_DATABASE_URI"],
        BASE_URL="https://bellhop.example.com",
        IS_PUBLIC=True,
        BELLHOP_DEMO=False,
    )
    db.session.remove()


def demo_admin() -> User:
    return db.session.query(User).filter_by(email=ADMIN).one()


def demo_findings(app: Flask) -> list[str]:
    with app.app_context():
        found = [each for each in doctor.examine(app.config, {}) if each.subject in {"Demo", "BELLHOP_DEMO"}]
        db.session.remove()
        db.engine.dispose()
    assert all(each.advice for each in found)
    return [each.detail for each in found]


def test_a_demo_person_cannot_sign_in_on_a_public_address(public_app: Flask) -> None:
    client = public_app.test_client()
    answer = send(client, "/sign-in", "/sign-in", email=ADMIN, password=demo_people.PASSWORD)
    assert answer.status_code == 422
    assert "accounts work only where HOST and BASE_URL are this machine" in answer.text
    wrong = send(client, "/sign-in", "/sign-in", email=ADMIN, password="something else")
    assert "The email or password is wrong." in wrong.text


def test_the_published_password_opens_no_account_on_a_public_address(app: Flask) -> None:
    dana = factories.user("dana@example.test")
    dana.password_hash = passwords.hash_password(demo_people.PASSWORD)
    db.session.commit()
    assert users.authenticate("dana@example.test", demo_people.PASSWORD)
    with pytest.raises(Invalid, match="published"):
        users.authenticate("dana@example.test", demo_people.PASSWORD, is_public=True)


def test_sessions_of_the_demo_end_when_the_address_is_made_public(
    public_app: Flask, sign_in: Callable[[User], FlaskClient]
) -> None:
    cookie = sign_in(demo_admin()).get_cookie("bellhop")
    client = public_app.test_client()
    client.set_cookie("bellhop", cookie.value)
    assert client.get("/admin/jobs").headers["Location"].startswith("/sign-in")


def test_tokens_of_demo_people_are_refused_on_a_public_address(
    app: Flask, public_app: Flask, token: Callable[..., dict[str, str]]
) -> None:
    headers = token(demo_admin(), "read", "admin")
    assert app.test_client().get("/api/people/", headers=headers).status_code == 200
    answer = public_app.test_client().get("/api/people/", headers=headers)
    assert answer.status_code == 401
    assert "published" in answer.get_json()["detail"]


def test_other_people_can_still_sign_in(public_app: Flask, token: Callable[..., dict[str, str]]) -> None:
    alice = factories.user("alice@example.test")
    answer = public_app.test_client().get("/api/notifications/", headers=token(alice))
    assert answer.status_code == 200


def test_the_doctor_fails_while_the_demo_is_on_a_public_address(public_app: Flask, bob: User) -> None:
    assert "published password" in demo_findings(public_app)[0]
    public_app.config["BELLHOP_DEMO"] = True
    assert "is on, and others can reach" in demo_findings(public_app)[0]
    public_app.config["BELLHOP_DEMO"] = False
    for email, *_rest in demo_people.PEOPLE:
        person = db.session.query(User).filter_by(email=email).one()
        administration.change(person.id, is_enabled=False, actor=bob)
    assert demo_findings(public_app) == []


def test_the_doctor_accepts_the_demo_on_loopback(app: Flask) -> None:
    demo.load()
    assert demo_findings(app) == []


@pytest.mark.parametrize(
    ("settings", "printed", "is_loaded"),
    [
        ({}, "Demo sign-ins (password welcome-to-bellhop)", True),
        ({"BELLHOP_DEMO": False}, "No accounts yet. Create the first admin at", False),
        ({"IS_PUBLIC": True, "BELLHOP_DEMO": False}, "No demo data: HOST or BASE_URL", False),
        ({"IS_PUBLIC": True, "BELLHOP_DEMO": False}, "No accounts yet.", False),
        ({"IS_PUBLIC": True, "BELLHOP_DEMO": True}, "The demo's accounts cannot sign in here", True),
    ],
)
def test_loading_the_demo_prints_its_result(
    database_file: Path, settings: dict[str, bool], printed: str, is_loaded: bool
) -> None:
    app = make_app(f"sqlite:///{database_file}", **settings)
    done = app.test_cli_runner().invoke(args=["demo", "load"])
    assert done.exit_code == 0
    assert printed in done.stdout
    assert ("welcome-to-bellhop" in done.stdout) is (printed.startswith("Demo sign-ins"))
    with app.app_context():
        assert bool(demo_people.list_enabled()) is is_loaded
        db.session.remove()
        db.engine.dispose()
