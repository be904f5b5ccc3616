"""Objects made of rows of compiled statements are like those that the session loads."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import bindparam, inspect, select

from app.database.base import db
from app.database.compiled import CompiledStatement
from app.database.objects import ModelColumns
from app.models import User, UserNotificationPreference
from tests.support import factories

COLUMNS = ModelColumns(User)
BY_EMAIL = CompiledStatement(select(*COLUMNS.columns).where(User.email == bindparam("email")))


@pytest.fixture(autouse=True)
def _alice(any_app: Flask) -> None:
    factories.user("alice@example.test", time_zone="Asia/Kathmandu")
    db.session.remove()


def load() -> User:
    (row,) = BY_EMAIL.fetch(email="alice@example.test")
    found = COLUMNS.load(row)
    assert found is not None
    return found


def facts(user: User) -> dict[str, Any]:
    return {column.key: getattr(user, column.key) for column in inspect(User).column_attrs}


def test_an_object_equals_the_one_that_the_session_loads() -> None:
    made = facts(load())
    db.session.remove()
    assert made == facts(db.session.scalars(select(User)).one())


def test_a_change_of_an_object_is_stored() -> None:
    user = load()
    assert not db.session.dirty
    user.name = "Alice Renamed"
    assert list(db.session.dirty) == [user]
    db.session.commit()
    db.session.remove()
    assert load().name == "Alice Renamed"
    assert load().preference.user_id == load().id


def test_an_object_exists_once_in_a_session() -> None:
    user = load()
    user.name = "Not yet stored"
    assert load() is user
    assert db.session.get(User, user.id) is user
    assert user.name == "Not yet stored"


def test_objects_of_one_row_share_nothing() -> None:
    columns = ModelColumns(UserNotificationPreference)
    (row,) = CompiledStatement(select(*columns.columns)).fetch()
    for _ in range(2):
        made = columns.load(row)
        assert made is not None
        assert (made.matrix, made.quiet_days) == ({}, [0, 1, 2, 3, 4, 5, 6])
        made.matrix["job"] = {"sms": False}
        made.quiet_days.clear()
        db.session.remove()


def test_there_is_no_object_for_a_missing_row_of_an_outer_join() -> None:
    assert COLUMNS.load([None] * len(COLUMNS.columns)) is None
    assert COLUMNS.make([None] * len(COLUMNS.columns)) is None


def test_an_object_without_a_session_has_what_was_read_and_nothing_else() -> None:
    columns = ModelColumns(User, without=("phone",))
    (row,) = CompiledStatement(select(*columns.columns)).fetch()
    made = columns.make(row)
    assert isinstance(made, User)
    assert made.initials == "A"
    loaded = {name: value for name, value in facts(load()).items() if name != "phone"}
    assert {name: getattr(made, name) for name in loaded} == loaded
    for missing in ("phone", "preference"):
        with pytest.raises(AttributeError):
            getattr(made, missing)
    made.preference = load().preference
    assert made.preference.user_id == made.id
