"""Fixtures and helpers of the API's tests."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.database.base import db
from app.models import Delivery, Event, Interview, Notification, User
from app.services.accounts import tokens
from tests.support import statements


class IsolatedClient(FlaskClient):
    """A client whose requests do not see the test's context or each other's, as on a real server."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return contextvars.Context().run(super().open, *args, **kwargs)


@pytest.fixture(autouse=True)
def _isolated_client(app: Flask) -> None:
    app.test_client_class = IsolatedClient


@pytest.fixture
def alice_headers(alice: User, token: Callable[..., dict[str, str]]) -> dict[str, str]:
    """The headers of a token of Alice with the scopes `read` and `write`."""
    return token(alice)


@pytest.fixture
def admin_headers(bob: User, token: Callable[..., dict[str, str]]) -> dict[str, str]:
    """The headers of a token of Bob, an admin, with all scopes."""
    return token(bob, *tokens.SCOPES)


@pytest.fixture
def browser_of(app: Flask, sign_in: Callable[[User], FlaskClient]) -> Callable[[User], FlaskClient]:
    """Return a signed-in client for a user, with the header of its CSRF token in `client.csrf`."""

    def generate_tokens() -> tuple[str, str]:
        with app.test_request_context():
            return generate_csrf(), session["csrf_token"]

    def open_browser(user: User) -> FlaskClient:
        client = sign_in(user)
        header, secret = contextvars.Context().run(generate_tokens)
        client.csrf = {"X-CSRFToken": header}
        with client.session_transaction() as stored:
            stored["csrf_token"] = secret
        return client

    return open_browser


@pytest.fixture
def queries(app: Flask) -> Iterator[list[str]]:
    """The SQL statements executed so far."""
    with statements.recorded() as seen:
        yield seen


def row_counts() -> dict[str, int]:
    """Count the rows of every table that an event can write to."""
    db.session.expire_all()
    return {
        table.__tablename__: db.session.scalar(select(func.count()).select_from(table)) or 0
        for table in (Event, Notification, Delivery, Interview)
    }


def error_fields(response: TestResponse) -> list[str]:
    """Return the fields that a 422 names."""
    assert response.status_code == 422, response.data
    assert response.content_type == "application/problem+json"
    return [error["field"] for error in response.json["errors"]]
