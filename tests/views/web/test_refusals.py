"""Refused requests and sign-outs are in the audit log, and a stranger cannot fill it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.database.base import db
from app.models import AuditEntry, User
from app.services.accounts import tokens
from app.services.base import refusals
from tests.support.audit import audit_entries
from tests.views.forms import send

SignIn = Callable[[User], FlaskClient]


@pytest.fixture(autouse=True)
def _fresh_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_counts", refusals.RefusalCounts())


def entries(action: str) -> list[tuple[int | None, str, str]]:
    return [(entry.actor_id, entry.subject, entry.detail["origin"]) for entry in audit_entries(action)]


def test_a_page_without_access_is_recorded(sign_in: SignIn, alice: User) -> None:
    assert sign_in(alice).get("/admin/users").status_code == 403
    assert entries("access.forbidden") == [(alice.id, "GET /admin/users", "127.0.0.1")]


def test_a_call_without_its_scope_is_recorded(client: FlaskClient, alice: User) -> None:
    _row, text = tokens.create(alice, "CI", ["read"])
    client.post("/api/events/", json={}, headers={"Authorization": f"Bearer {text}"})
    assert entries("access.forbidden") == [(alice.id, "POST /api/events/", "127.0.0.1")]


def test_a_form_of_another_site_is_recorded_without_the_secret_in_its_path(
    client: FlaskClient, sign_in: SignIn, alice: User
) -> None:
    assert client.post("/password/reset/a-secret", data={"password": "x"}).status_code == 400
    assert sign_in(alice).post("/api/notifications/mark-read/", json={}).status_code == 403
    assert entries("csrf.refused") == [
        (None, "POST /password/reset/<token>", "127.0.0.1"),
        (alice.id, "POST /api/notifications/mark-read/", "127.0.0.1"),
    ]
    assert entries("access.forbidden") == []


@pytest.mark.parametrize("text", ["bhp_made_up", "", "é"])
def test_a_bad_token_is_recorded_but_not_its_text(client: FlaskClient, text: str) -> None:
    headers = {"Authorization": f"Bearer {text}"}
    assert client.get("/api/notifications/", headers=headers).status_code == 401
    assert entries("token.refused") == [(None, "GET /api/notifications/", "127.0.0.1")]


def test_visitors_without_a_session_are_not_recorded(client: FlaskClient) -> None:
    client.get("/api/notifications/")
    client.get("/notifications")
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == 0


def test_signing_out_is_recorded(sign_in: SignIn, alice: User) -> None:
    send(sign_in(alice), "/sign-out", "/sign-out")
    assert [entry.actor_id for entry in audit_entries("sign_out")] == [alice.id]


def test_a_stranger_cannot_fill_the_log_or_use_up_the_limit_of_others(client: FlaskClient) -> None:
    headers = {"Authorization": "Bearer x"}
    client.application.extensions["api_limits"].calls = 10**6
    for number in range(refusals.MAX_PER_ORIGIN * 3):
        environ = {"REMOTE_ADDR": "203.0.113.9"}
        client.get(f"/api/notifications/{number}/", headers=headers, environ_overrides=environ)
    assert len(entries("token.refused")) == refusals.MAX_PER_ORIGIN
    assert "more" in audit_entries("token.refused")[-1].detail
    client.get("/api/notifications/", headers=headers)
    assert len(entries("token.refused")) == refusals.MAX_PER_ORIGIN + 1
    for number in range(refusals.MAX_PER_ACTION + 50):
        refusals.record("token.refused", "GET /", origin=f"198.51.100.{number}")
    assert len(entries("token.refused")) == refusals.MAX_PER_ACTION


def test_a_limit_that_was_reached_is_recorded(client: FlaskClient, alice: User) -> None:
    client.application.extensions["api_limits"].calls = 1
    _row, text = tokens.create(alice, "CI", ["read"])
    statuses = [
        client.get("/api/notifications/", headers={"Authorization": f"Bearer {text}"}).status_code
        for _call in range(2)
    ]
    assert statuses == [200, 429]
    assert entries("limit.reached") == [(alice.id, "GET /api/notifications/", "127.0.0.1")]
