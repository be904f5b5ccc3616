"""The setup link creates one admin, once."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.database.base import db
from app.models import AuditEntry, User
from app.services.accounts import demo_people, first_admin, users
from app.services.base.errors import Invalid, NotFound
from tests.support import factories
from tests.support.threads import run_at_once

KEY = "a key for tests only"
GOOD = {"name": "Dana Quist", "email": "dana@example.test", "password": "a long one for now"}


def token(secret: str = KEY) -> str:
    return first_admin.make_setup_link(secret, "https://bellhop.test").rpartition("/")[2]


def create(text: str = "", **fields: str) -> User:
    return first_admin.create_first_admin(text or token(), secret=KEY, **(GOOD | fields))


def test_the_link_creates_an_admin_who_can_sign_in(app: Flask) -> None:
    create()
    user = users.authenticate(GOOD["email"], GOOD["password"])
    assert (user.name, user.role, user.email) == ("Dana Quist", "admin", "dana@example.test")
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "user.created")).one()
    assert (entry.actor_id, entry.subject, entry.detail) == (user.id, user.email, {"role": "admin"})


def test_the_link_stops_working_with_the_first_account_whoever_made_it(app: Flask) -> None:
    factories.user("alice@example.test")
    with pytest.raises(NotFound):
        first_admin.check_setup_token(token(), KEY)
    with pytest.raises(NotFound):
        create()
    assert len(db.session.scalars(select(User)).all()) == 1


@pytest.mark.parametrize("forged", ["x", "W10", "W10.x", token("another key entirely")])
def test_a_forged_link_creates_nothing(app: Flask, forged: str) -> None:
    with pytest.raises(NotFound):
        create(forged)
    assert not first_admin.has_accounts()


def test_every_invalid_field_is_named_and_the_link_still_works(app: Flask) -> None:
    with pytest.raises(Invalid) as refused:
        create(name=" ", email="nobody", password="short")
    assert refused.value.errors.keys() == {"name", "email", "password"}
    create()


@pytest.mark.parametrize(
    ("field", "value"), [("email", "Admin@Bellhop.example"), ("password", demo_people.PASSWORD)]
)
def test_what_the_demo_published_is_refused(app: Flask, field: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        create(**{field: value})
    assert refused.value.errors.keys() == {field}
    assert not first_admin.has_accounts()


def test_two_requests_at_once_make_one_admin(any_app: Flask) -> None:
    numbers = iter(range(4))

    def try_to_create() -> str:
        try:
            return create(email=f"dana{next(numbers)}@example.test").role
        except NotFound:
            return "refused"

    assert sorted(run_at_once(any_app, try_to_create)) == ["admin", "refused", "refused", "refused"]
    assert len(db.session.scalars(select(User)).all()) == 1
