"""Transactions that write: committed as a whole or not at all, on both databases."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.database.base import db
from app.database.writing import insert_ignore, writing
from app.models import RecentSearch, User
from tests.support import factories


def test_a_block_commits_at_its_end(any_app: Flask) -> None:
    user = factories.user("alice@example.test")
    with writing():
        user.name = "Alice A."
    db.session.rollback()
    assert db.session.get_one(User, user.id).name == "Alice A."


def test_a_block_that_raises_is_rolled_back(any_app: Flask) -> None:
    user = factories.user("alice@example.test", name="Alice")

    def change_and_fail() -> None:
        with writing():
            user.name = "Alice A."
            db.session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        change_and_fail()
    assert db.session.get_one(User, user.id).name == "Alice"


def test_a_locked_row_is_read_as_it_is_now(any_app: Flask) -> None:
    user = factories.user("alice@example.test", name="Alice")
    with db.engine.begin() as other_connection:
        other_connection.execute(db.text("UPDATE users SET name = 'Alice A.'"))
    assert user.name == "Alice"
    with writing(lock=User, row_id=user.id) as locked:
        assert locked is user
        assert user.name == "Alice A."


def test_a_row_that_does_not_exist_is_none(any_app: Flask) -> None:
    with writing(lock=User, row_id=4711) as locked:
        assert locked is None


def test_inserting_a_taken_key_inserts_nothing(any_app: Flask) -> None:
    user = factories.user("alice@example.test")
    once = insert_ignore(RecentSearch).values(user_id=user.id, text="zoe").returning(RecentSearch.text)
    assert db.session.scalars(once).all() == ["zoe"]
    assert db.session.scalars(once).all() == []
    assert len(db.session.scalars(select(RecentSearch)).all()) == 1
