"""Checks of single values: the accepted ones are returned as they are stored, the others rejected."""

from __future__ import annotations

import pytest
from flask import Flask

from app import catalog
from app.services.base import validation
from app.services.base.errors import Invalid
from app.services.base.validation import InvalidValue


@pytest.mark.parametrize("name", ["a\x00b", "\x1b[31m", "\u202e\u200b", " ", "a" * 201])
def test_a_name_that_is_empty_too_long_or_has_control_characters_is_rejected(app: Flask, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        validation.name(name)
    assert list(caught.value.errors) == ["name"]


def test_names_in_any_script_are_kept(app: Flask) -> None:
    for name in ("نگار می\u200cنویسد", "Zoë O'Brien-Łódź", "山田 太郎"):
        assert validation.name(name) == name


def test_priorities_and_channels_are_those_of_the_catalog(app: Flask) -> None:
    for name in catalog.PRIORITIES:
        assert validation.priority(name) == name
    assert validation.channels(["email", "in_app"]) == ["email", "in_app"]
    for value in ("", "Urgent", None, 1, ["low"]):
        with pytest.raises(InvalidValue, match="low, medium, high, urgent"):
            validation.priority(value)
    with pytest.raises(InvalidValue, match="fax, post"):
        validation.channels(["post", "email", "fax"])


def test_an_address_of_an_account_is_stricter_than_one_to_look_up(app: Flask) -> None:
    assert validation.email_shaped(" Alice@Example.test ") == "alice@example.test"
    assert validation.email_for_account(" Alice@Example.test ") == "alice@example.test"
    assert validation.email_shaped("a..b@x") == "a..b@x"
    with pytest.raises(Invalid) as caught:
        validation.email_for_account("a..b@x")
    assert list(caught.value.errors) == ["email"]
