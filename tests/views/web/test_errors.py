from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import ImATeapot, RequestEntityTooLarge, ServiceUnavailable, TooManyRequests

from app.database.base import db
from app.database.compiled import CompiledStatement
from app.models import User
from app.services.base.errors import Conflict, Forbidden, Invalid, NotFound

SignIn = Callable[[User], FlaskClient]
FAILURES = {
    "denied": (Forbidden("x"), 403),
    "absent": (NotFound("x"), 404),
    "overtaken": (Conflict("x"), 409),
    "invalid": (Invalid({"a": "x"}), 400),
    "large": (RequestEntityTooLarge(), 413),
    "odd": (ImATeapot(), 418),
    "often": (TooManyRequests("Wait."), 429),
    "busy": (ServiceUnavailable(), 503),
    "broken": (ZeroDivisionError(), 500),
}


@pytest.mark.parametrize("name", FAILURES)
def test_errors_are_pages_with_navigation(app: Flask, sign_in: SignIn, alice: User, name: str) -> None:
    failure, status = FAILURES[name]

    def fail() -> str:
        raise failure

    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/fails", "fails", fail)
    response = sign_in(alice).get("/fails")
    assert response.status_code == status
    assert response.content_type == "text/html; charset=utf-8"
    assert "<h1" in response.text
    assert ('class="side"' in response.text) is (status != 500)
    assert "ZeroDivisionError" not in response.text


def test_htmx_errors_are_toasts(sign_in: SignIn, alice: User) -> None:
    response = sign_in(alice).get("/nowhere", headers={"HX-Request": "true"})
    assert response.status_code == 404
    assert 'id="toasts" hx-swap-oob' in response.text
    assert "<html" not in response.text


def test_signed_out_errors_have_no_navigation(client: FlaskClient) -> None:
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert 'class="side"' not in response.text


def test_a_405_lists_the_allowed_methods(sign_in: SignIn, alice: User) -> None:
    response = sign_in(alice).get("/notifications/changes")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


def test_a_huge_form_is_refused_before_it_is_read(sign_in: SignIn, alice: User) -> None:
    response = sign_in(alice).post("/notifications/changes", data={"ids": "1" * 3_000_000})
    assert response.status_code == 413
    assert "too large" in response.text


def test_every_response_has_the_security_headers(client: FlaskClient) -> None:
    for path in ("/sign-in", "/nowhere", "/healthz", "/api/nowhere", "/favicon.ico"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("base_url", "policy"),
    [
        ("https://bellhop.example", "max-age=31536000; includeSubDomains"),
        # On a host that it shares, Bellhop makes no policy for others.
        ("https://example.com/bellhop", "max-age=31536000"),
        ("http://bellhop.example", None),
    ],
)
def test_browsers_are_told_to_use_tls(app: Flask, base_url: str, policy: str | None) -> None:
    app.config["BASE_URL"] = base_url
    for path in ("/sign-in", "/favicon.ico"):
        assert app.test_client().get(path).headers.get("Strict-Transport-Security") == policy


def test_pages_are_not_kept_by_any_cache(client: FlaskClient) -> None:
    assert client.get("/sign-in").headers["Cache-Control"] == "private, no-store"


def test_redirects_pass_through(client: FlaskClient) -> None:
    assert client.get("/account").status_code == 302


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("BEGIN IMMEDIATE", None, sqlite3.OperationalError("database is locked")),
        OperationalError("SELECT 1", None, Exception("connection refused")),
        PoolTimeout("QueuePool limit of size 20 overflow 80 reached"),
        PendingRollbackError("Can't reconnect", code="8s2b"),
    ],
    ids=["locked", "refused", "no connection is free", "connection lost"],
)
@pytest.mark.parametrize("path", ["/fails", "/metrics", "/api/notifications/unread-count/"])
def test_a_database_that_is_unavailable_is_a_503_that_needs_no_database(
    app: Flask, sign_in: SignIn, alice: User, monkeypatch: pytest.MonkeyPatch, error: Exception, path: str
) -> None:
    def fail(*_args: object, **_values: object) -> None:
        raise error

    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/fails", "fails", fail)
    client = sign_in(alice)
    monkeypatch.setattr(db.session, "execute", fail)
    monkeypatch.setattr(db.session, "get", fail)
    monkeypatch.setattr(CompiledStatement, "fetch", fail)
    response = client.get(path)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert 'class="side"' not in response.text
    assert ("<h1" in response.text) is (path == "/fails")


def test_an_invalid_statement_is_an_error_and_not_an_outage(app: Flask, sign_in: SignIn, alice: User) -> None:
    def fail() -> None:
        db.session.execute(text("SELECT nonsense"))

    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/fails", "fails", fail)
    assert sign_in(alice).get("/fails").status_code == 500


@pytest.mark.parametrize(
    "path",
    ["/notifications", "/notifications/pulse", "/account", "/api/notifications/", "/api/people/", "/n/1"],
)
def test_private_responses_are_not_stored(sign_in, alice, path):
    assert "no-store" in sign_in(alice).get(path).headers["Cache-Control"]


HOSTS = ["x" * 64, "a..b", ".", "[", "[::g]", "a b", "%00", "bellhop.test@other.example", "-", "x" * 5000]


@pytest.mark.parametrize("host", HOSTS)
def test_an_invalid_host_is_not_logged_as_a_failure(
    app: Flask, sign_in: SignIn, alice: User, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for client in (app.test_client(), sign_in(alice)):
        for path in ("/sign-in", "/notifications", "/nowhere", "/api/notifications/", "/static/css/app.css"):
            for origin in ("", "https://other.example", "http://["):
                headers = {"Host": host, "Origin": origin} if origin else {"Host": host}
                for method in ("GET", "POST"):
                    assert client.open(path, method=method, headers=headers).status_code < 500
    assert not [record for record in caplog.records if record.exc_info]


def test_an_invalid_host_gets_an_error_page_or_a_problem(client: FlaskClient) -> None:
    page = client.get("/sign-in", headers={"Host": "a..b"})
    assert page.status_code == 400
    assert 'class="page oops"' in page.text
    problem = client.get("/api/notifications/", headers={"Host": "a..b"})
    assert (problem.status_code, problem.content_type) == (400, "application/problem+json")
