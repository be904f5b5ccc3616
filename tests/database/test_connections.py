"""The pool of database connections."""

from __future__ import annotations

from flask import Flask

from app.database.base import db


def test_after_many_requests_at_once_those_that_follow_share_a_connection(any_app: Flask) -> None:
    burst = [db.engine.connect() for _number in range(3)]
    for connection in burst:
        connection.close()
    used = set()
    for _number in range(4):
        with db.engine.connect() as connection:
            used.add(id(connection.connection.dbapi_connection))
    assert len(used) == 1
