"""What tests of the API share."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from sqlalchemy import event, func, select
from werkzeug.test import TestResponse

from app.database.base import db
from app.models import Delivery, Event, Interview, Notification, User


class SeparateClient(FlaskClient):
    """A client whose requests see nothing of the test's context, nor of each other, as on a real server."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return contextvars.Context().run(super().open, *args, **kwargs)


@pytest.fixture(autouse=True)
def _separate(app: Flask) -> None:
    app.test_client_class = SeparateClient


@pytest.fixture
def browser_of(app: Flask, sign_in: Callable[[User], FlaskClient]) -> Callable[[User], FlaskClient]:
    """A signed-in client, with its page's CSRF token in `client.csrf`."""

    def make() -> tuple[str, str]:
        with app.test_request_context():
            return generate_csrf(), session["csrf_token"]

    def of(user: User) -> FlaskClient:
        client = sign_in(user)
        header, secret = contextvars.Context().run(make)
        client.csrf = {"X-CSRFToken": header}
        with client.session_transaction() as kept:
            kept["csrf_token"] = secret
        return client

    return of


@pytest.fixture
def queries(app: Flask) -> Iterator[list[str]]:
    """The statements that reach the database, as they come."""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine, "before_cursor_execute", note)


def written() -> dict[str, int]:
    """How many rows there are of all that an event can write."""
    db.session.expire_all()
    return {
        table.__tablename__: db.session.scalar(select(func.count()).select_from(table)) or 0
        for table in (Event, Notification, Delivery, Interview)
    }


def fields(response: TestResponse) -> list[str]:
    """The fields that a 422 names."""
    assert response.status_code == 422, response.data
    assert response.content_type == "application/problem+json"
    return [error["field"] for error in response.json["errors"]]
