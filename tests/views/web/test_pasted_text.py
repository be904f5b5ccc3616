"""A value is accepted despite invisible characters that were pasted with it."""

# ruff: noqa: RUF001
from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from app.models import User
from app.services.accounts import tokens
from app.services.base import validation
from tests.support.factories import PASSWORD
from tests.views.forms import send

AROUND = [
    "{}\u200b",
    "\u202d{}\u202c",
    "\ufeff{}",
    "\u00a0{}\u2003",
    "{}\u00ad",
    "\u2066{}\u2069",
    "{}\u200e",
    "{}\ufe0f",
]


@pytest.mark.parametrize("around", AROUND, ids=ascii)
def test_pasted_values_are_accepted_as_the_value(app, alice: User, client: FlaskClient, around: str) -> None:
    assert validation.phone(around.format("+44 20 7946 0958")) == "+442079460958"
    at = validation.instant(around.format("2026-03-12T14:00:00+01:00"))
    assert at == datetime(2026, 3, 12, 13, tzinfo=UTC)
    assert validation.link(around.format("/notifications")) == "/notifications"
    assert validation.text(around.format("Alice").replace("\ufe0f", "")) == "Alice"
    form = {"email": around.format("alice@example.test"), "password": PASSWORD}
    assert send(client, "/sign-in", "/sign-in", **form).status_code == 302


def test_full_width_digits_are_a_phone_number(app) -> None:
    assert validation.phone("\uff0b\uff14\uff14 20 7946 0958") == "+442079460958"


@pytest.mark.parametrize("around", AROUND, ids=ascii)
def test_a_token_may_be_pasted_with_invisible_characters(
    alice: User, client: FlaskClient, around: str
) -> None:
    _token, text = tokens.create(alice, "script", ["read"])
    header = around.format(text).encode().decode("latin-1")
    answer = client.get("/api/notifications/unread-count/", headers={"Authorization": f"Bearer {header}"})
    assert answer.status_code == 200


def test_forms_strip_invisible_characters_but_keep_joiners_and_passwords(app) -> None:
    data = {
        "q": "Ra\u200bman",
        "name": "می\u200cخواهم",
        "family": "👨\u200d👩\u200d👧",
        "password": "a\u200bb",
    }
    with app.test_request_context("/?q=%E2%80%AEabc", method="POST", data=data) as context:
        assert context.request.args["q"] == "abc"
        assert context.request.form.to_dict() == data | {"q": "Raman"}
